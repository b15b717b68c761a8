"""Descent over rotations and symbols at once, many starting points in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice

__all__ = ["Fits", "Objective", "descend"]

_PIXEL = 1 / 12  # variance of a place within one position; keeps the root smooth
_MEMORY = 12
_LARGEST_TURN = 0.3
_LARGEST_LOG_STEP = 1.5


@dataclass
class Fits:
    """Rotations and symbols, a batch of S.

    Attributes:
        turns: W = Q U, the basis in the eigenbasis of the covariance, ``(S, d, d)``.
        coefficients: of the log symbols, ``(S, terms)``.
        objective: KL + beta · spread, ``(S,)``; infinite before the first descent.
        kl: Gaussian KL from stationary, ``(S,)``, nats.
        spread: ``(S,)``.
    """

    turns: Tensor
    coefficients: Tensor
    objective: Tensor
    kl: Tensor
    spread: Tensor

    @staticmethod
    def joined(parts: list[Fits]) -> Fits:
        """One batch of several."""
        return Fits(
            torch.cat([part.turns for part in parts]),
            torch.cat([part.coefficients for part in parts]),
            torch.cat([part.objective for part in parts]),
            torch.cat([part.kl for part in parts]),
            torch.cat([part.spread for part in parts]),
        )

    @staticmethod
    def start(turns: Tensor, coefficients: Tensor) -> Fits:
        """Fits whose figures are still to be computed."""
        unknown = torch.full((len(turns),), torch.inf, dtype=torch.float64)
        return Fits(turns, coefficients, unknown, unknown, unknown)

    def __getitem__(self, index: Tensor | list[int]) -> Fits:
        parts = (self.turns, self.coefficients, self.objective, self.kl, self.spread)
        return Fits(*(part[index] for part in parts))

    def __len__(self) -> int:
        return len(self.turns)


class Objective:
    r"""What a basis must do: make the data stationary, and the filters local.

    .. math:: J(Q, a) = \mathrm{KL}(N(0, QCQ^\top) \,\|\, N(0, T(a)))
        + \beta \frac{d}{m} \sum_{i=1}^m \sqrt{\mathrm{var}_i + 1/12}

    with var_i the variance of position under the weights (Q r_i)_k² of filter r_i. A filter's place
    is free; only its extent is charged for.

    Args:
        eigenvalues: λ of the covariance, ``(d,)``.
        eigenvectors: U, one a column, ``(d, d)``.
        filters: rows r_i of ICA rotations, ``(m, d)``.
        lattice: chain or ring.
    """

    def __init__(
        self, eigenvalues: Tensor, eigenvectors: Tensor, filters: Tensor, lattice: Lattice
    ) -> None:
        self.eigenvalues, self.eigenvectors, self.lattice = eigenvalues, eigenvectors, lattice
        self.filters = filters @ eigenvectors
        self.log_det = eigenvalues.log().sum()

    def __call__(self, fits: Fits, beta: float) -> tuple[Fits, Tensor, Tensor]:
        """``fits`` with figures, and the gradients in left turns of W and in coefficients."""
        kl, by_turn, by_coefficient = self._stationarity(fits)
        spread, by_spread = self._spread(fits.turns)
        objective = torch.where(torch.isfinite(kl), kl + beta * spread, torch.inf)
        done = Fits(fits.turns, fits.coefficients, objective, kl, spread)
        return done, by_turn + beta * by_spread, by_coefficient

    def _stationarity(self, fits: Fits) -> tuple[Tensor, Tensor, Tensor]:
        lattice, turns = self.lattice, fits.turns
        symbol = lattice.symbol(fits.coefficients)
        factor, failed = torch.linalg.cholesky_ex((symbol @ lattice.integral)[:, lattice.lag])
        inverse = torch.cholesky_inverse(factor)
        covariance = (turns * self.eigenvalues) @ turns.mT
        ratio = inverse @ covariance
        trace = ratio.diagonal(dim1=-2, dim2=-1).sum(-1)
        log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        kl = 0.5 * (trace - lattice.dim + log_det - self.log_det)
        kl = torch.where(failed == 0, kl, torch.inf)
        # W -> exp(B) W changes the trace by tr(B (C T⁻¹ − T⁻¹ C))
        by_turn = ratio - ratio.mT
        by_lag = lattice.sum_over_lags(0.5 * (inverse - ratio @ inverse))
        return kl, by_turn, ((by_lag @ lattice.integral.T) * symbol) @ lattice.harmonics

    def _spread(self, turns: Tensor) -> tuple[Tensor, Tensor]:
        lattice = self.lattice
        weight = lattice.dim / len(self.filters)
        local = self.filters @ turns.mT
        share = local.square()
        mean = share @ lattice.features
        extent = (share @ lattice.sites - mean.square().sum(-1) + _PIXEL).sqrt()
        by_share = (lattice.sites - 2 * mean @ lattice.features.T) * (0.5 / extent)[..., None]
        by_local = 2 * weight * local * by_share
        pull = local.mT @ by_local
        return weight * extent.sum(-1), pull.mT - pull


def descend(
    objective: Objective, fits: Fits, beta: float, steps: int, tolerance: float = 1e-7
) -> Fits:
    """``fits`` after at most ``steps`` steps of L-BFGS on J, each of the batch on its own.

    A step that does not lower J after twelve shortenings is not taken, and ends its fit.

    Turns are W → cayley(B) W with B antisymmetric, in the frame of positions; the first metric
    charges a turn that mixes positions k and l with the mean curvature of the KL plus β (k − l)².

    Args:
        objective: J.
        fits: starting points.
        beta: weight of the spread.
        steps: largest number of steps.
        tolerance: relative gain below which a fit is finished.
    """
    dim = objective.lattice.dim
    rows, columns = torch.tril_indices(dim, dim, -1)
    metric = _first_metric(objective, beta, rows, columns)
    here, by_turn, by_coefficient = objective(fits, beta)
    gradient = torch.cat([by_turn[:, rows, columns], by_coefficient], 1)
    history: list[tuple[Tensor, Tensor, Tensor]] = []
    finished = torch.zeros(len(fits), dtype=torch.bool)
    for _ in range(steps):
        direction = _direction(gradient, metric, history)
        slope = (direction * gradient).sum(1)
        uphill = slope >= 0
        direction = torch.where(uphill[:, None], -gradient / metric, direction)
        slope = torch.where(uphill, -(gradient.square() / metric).sum(1), slope)
        length = _largest_length(direction, len(rows), first=not history)
        length = torch.where(finished, 0.0, length)
        for _ in range(12):
            step = direction * length[:, None]
            there, by_turn, by_coefficient = objective(_moved(here, step, rows, columns), beta)
            lower = there.objective <= here.objective + 1e-4 * length * slope
            if bool((lower | finished).all()):
                break
            length = torch.where(lower, length, 0.3 * length)
        moved = lower & ~finished
        new = torch.cat([by_turn[:, rows, columns], by_coefficient], 1)
        step = torch.where(moved[:, None], step, 0.0)
        change = torch.where(moved[:, None], new - gradient, 0.0)
        curvature = (step * change).sum(1)
        usable = curvature > 1e-12
        inverse = torch.where(usable, 1 / curvature.where(usable, torch.ones_like(curvature)), 0.0)
        history = [*history, (step, change, inverse)][-_MEMORY:]
        gain = torch.where(moved, here.objective - there.objective, 0.0)
        finished = finished | (gain <= tolerance * (1 + here.objective.abs()))
        here = _where(moved, there, here)
        gradient = torch.where(moved[:, None], new, gradient)
        if bool(finished.all()):
            break
    return here


def _first_metric(objective: Objective, beta: float, rows: Tensor, columns: Tensor) -> Tensor:
    values = objective.eigenvalues
    stiffness = ((values[:, None] - values).square() / torch.outer(values, values)).mean()
    lattice = objective.lattice
    apart = (lattice.features[rows] - lattice.features[columns]).square().sum(1)
    coefficients = torch.full((lattice.terms,), lattice.dim / 2, dtype=values.dtype)
    return torch.cat([stiffness + beta * apart, coefficients])[None]


def _direction(
    gradient: Tensor, metric: Tensor, history: list[tuple[Tensor, Tensor, Tensor]]
) -> Tensor:
    """Minus the L-BFGS inverse Hessian times the gradient (two-loop recursion)."""
    direction, weights = gradient.clone(), []
    for step, change, inverse in reversed(history):
        weight = inverse * (step * direction).sum(1)
        direction = direction - weight[:, None] * change
        weights.append(weight)
    direction = direction / metric
    if history:
        _, change, inverse = history[-1]
        scale = inverse * (change.square() / metric).sum(1)
        usable = scale > 0
        direction = direction / scale.where(usable, torch.ones_like(scale))[:, None]
    for (step, change, inverse), weight in zip(history, reversed(weights), strict=True):
        back = inverse * (change * direction).sum(1)
        direction = direction + (weight - back)[:, None] * step
    return -direction


def _largest_length(direction: Tensor, turns: int, first: bool) -> Tensor:
    """The step length ≤ 1 at which no turn and no log symbol jumps."""
    turn = direction[:, :turns].abs().amax(1)
    limit = _LARGEST_TURN if first else 1.0
    log_step = direction[:, turns:].abs().sum(1)
    by_turn = limit / turn.clamp_min(limit)
    return torch.minimum(by_turn, _LARGEST_LOG_STEP / log_step.clamp_min(_LARGEST_LOG_STEP))


def _moved(fits: Fits, step: Tensor, rows: Tensor, columns: Tensor) -> Fits:
    """``fits`` turned and its symbols changed by a step."""
    size, dim = len(fits), fits.turns.shape[-1]
    half = step.new_zeros(size, dim, dim)
    half[:, rows, columns] = 0.5 * step[:, : len(rows)]
    half = half - half.mT
    eye = torch.eye(dim, dtype=step.dtype)
    turns = torch.linalg.solve(eye - half, (eye + half) @ fits.turns)
    return Fits.start(turns, fits.coefficients + step[:, len(rows) :])


def _where(mask: Tensor, yes: Fits, no: Fits) -> Fits:
    wide = mask[:, None]
    return Fits(
        torch.where(wide[..., None], yes.turns, no.turns),
        torch.where(wide, yes.coefficients, no.coefficients),
        torch.where(mask, yes.objective, no.objective),
        torch.where(mask, yes.kl, no.kl),
        torch.where(mask, yes.spread, no.spread),
    )

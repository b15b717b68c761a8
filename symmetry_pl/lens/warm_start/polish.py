"""The last descent: amplitudes made stationary too, and filters no wider than the data allow."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit, StrictObjective
from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.symbol import fit_symbol
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["BETAS", "STEPS", "Polished", "near", "polished"]

BETAS = (0.01, 0.003, 0.001, 3e-4, 1e-4)
STEPS = 40  # of descent at each beta
_CANDIDATES = 2
_CLOSE = 1.5  # times the best J, up to where candidates are fitted to the amplitudes
_NEAR_BEST = 1.5  # times the least misfit over β, for data that never reach the sampling level


@dataclass(frozen=True)
class Polished:
    """A chain at the end of its descent.

    Attributes:
        basis: Q, ``(d, d)``, float64.
        kl: Gaussian KL from stationary, in nats.
        score: J with the misfit of the amplitudes at β = 0.01.
        runner_up: score of the second-best candidate over the best, at most 1.5.
        misfit: what remains non-stationary of covariance and amplitudes, over what sampling leaves.
        beta: β at the end.
        spread: mean extent of the filters, times d.
    """

    basis: Tensor
    kl: float
    score: float
    runner_up: float
    misfit: float
    beta: float
    spread: float

    @property
    def figures(self) -> dict[str, float]:
        """The numbers, by name."""
        names = ("kl", "runner_up", "misfit", "beta", "spread")
        return {name: getattr(self, name) for name in names}


def near(data: Whitened, objective: Objective, basis: Tensor) -> Fits:
    """A basis ``(d, d)`` with the symbol nearest to it, to go down from."""
    symbol = fit_symbol(basis @ data.covariance @ basis.T, objective.lattice)
    fits = Fits.start((basis @ data.eigenvectors)[None], symbol[None])
    return objective(fits, BETAS[0])[0]


def polished(data: Whitened, objective: Objective, fits: Fits) -> Polished:
    """Choose between the best candidates and fit the amplitudes too, at the right β.

    β is the largest at which what remains is no more than sampling noise.

    Args:
        data: what the objective is of.
        objective: J.
        fits: candidates by rising J.
    """
    misfit = AmplitudeMisfit(data, objective.lattice)
    strict = StrictObjective(objective, misfit)
    close = fits.objective <= _CLOSE * fits.objective[0]
    kept = close.nonzero().flatten()[:_CANDIDATES].tolist()
    fits = descend(strict, fits[kept], BETAS[0], STEPS)
    best = int(fits.objective.argmin())
    score, path = float(fits.objective[best]), [fits[[best]]]
    level = data.sampling_level() + misfit.level(path[0].turns[0])
    ratios: list[float] = []
    for beta in BETAS:
        if ratios:
            path.append(descend(strict, path[-1], beta, STEPS))
        remains = float(path[-1].objective) - beta * float(path[-1].spread)
        ratios.append(remains / level)
        if ratios[-1] <= 1:
            break
    enough = max(1.0, _NEAR_BEST * min(ratios))
    chosen = next(k for k, ratio in enumerate(ratios) if ratio <= enough)
    fit = path[chosen]
    return Polished(
        basis=fit.turns[0] @ data.eigenvectors.T,
        kl=float(fit.kl),
        score=score,
        runner_up=min(float(fits.objective.kthvalue(2)[0]) / score, _CLOSE)
        if len(fits) > 1
        else _CLOSE,
        misfit=ratios[chosen],
        beta=BETAS[chosen],
        spread=float(fit.spread),
    )

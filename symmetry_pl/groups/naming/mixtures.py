r"""Laws of noisy elements: mixtures about the elements of a group, by expectation–maximisation.

Densities are with respect to the uniform law of the whole group, of volume V and dimension m. About
a point h it is that of a normal law of the logarithm, with the geodesic angle θ,

.. math:: f_h(g) = V (2\pi\sigma^2)^{-m/2} e^{-\theta(g, h)^2 / 2\sigma^2}

about a circle (rotations about an axis) the same in the m − 1 directions across, times a density
of the angle. A share π_0 of outliers follows the uniform law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from symmetry_pl.groups.naming.sample import Sample
from symmetry_pl.groups.rotations import (
    angles_between,
    conjugate,
    logarithm,
    matrix_of,
    multiply,
    quaternion_of,
    rotation_of,
)

__all__ = [
    "Fit",
    "fit_modes",
    "fit_points",
    "solvable",
    "uniform_fit",
]

LEAST_JITTER = 1e-3
MOST_JITTER = 0.25
_ROUNDS = 25


@dataclass(frozen=True)
class Fit:
    """A law of elements and how well it describes them.

    Args:
        symbol: such as ``C4``; ``modes`` where elements are of no group.
        frame: orientation ``(3, 3)``, main axis z.
        elements: unit quaternions ``(k, 4)``; none of a continuous group.
        shares: of the cells of the group, which add up to 1, ``(k,)``.
        outliers: π_0.
        jitter: σ in radians.
        bic: −2 log L + p log N; the least is best.
        covariance: of a small turn of the frame, ``(3, 3)``, rad².
        counts: samples in each cell, ``(k,)``, and of those that mirror.
        mirrored: of the counts, those that mirror, ``(k,)``.
        spreads: variance of each count over the count: 1, or more where weights differ, ``(k,)``.
        means: mean logarithm of the samples at each element, ``(k, 3)``.
    """

    symbol: str
    frame: Tensor
    elements: Tensor
    shares: Tensor
    outliers: float
    jitter: float
    bic: float
    covariance: Tensor
    counts: Tensor
    mirrored: Tensor
    spreads: Tensor
    means: Tensor


def solvable(information: Tensor) -> Tensor:
    """The inverse ``(3, 3)`` in the directions that samples say something of, 0 in the others.

    Samples count by their weight: less than a thousandth of one says nothing.
    """
    inverse: Tensor = torch.linalg.pinv(information, atol=1e-3, rtol=1e-4, hermitian=True)
    return inverse


def uniform_fit(sample: Sample) -> Fit:
    """All of the group, uniformly."""
    eye, none = torch.eye(3, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    return Fit("all", eye, none.view(0, 4), none, 0.0, 0.0, 0.0, 0 * eye, *[none] * 4)


def fit_points(
    sample: Sample, symbol: str, elements: Tensor, frame: Tensor, turns: int, cells_apart: float
) -> Fit:
    r"""The law about the elements of a finite group, turned as one until it fits.

    A turn ω moves F h Fᵀ to exp(ω) F h Fᵀ exp(−ω), to first order by (1 − F h Fᵀ) ω: linear least
    squares for ω in each round.

    Args:
        sample: the elements.
        symbol: of the group.
        elements: quaternions ``(k, 4)`` of the group in its standard orientation.
        frame: first orientation, ``(3, 3)``.
        turns: how many directions of ω change the group.
        cells_apart: least angle between two elements.

    Returns:
        The law with shares of the elements as they come, or uniform ones if these are as good for
        their number (BIC).
    """
    turn, log = frame, _Law(sample, min(MOST_JITTER, cells_apart / 5))
    placed = _placed(elements, turn)
    information = torch.zeros(3, 3, dtype=torch.float64)
    for _ in range(_ROUNDS):
        owned, near = log.expect(placed)
        h = matrix_of(placed)
        off = logarithm(multiply(sample.q, conjugate(placed[near])))
        across = torch.eye(3, dtype=h.dtype) - h
        counts = torch.zeros(len(placed), dtype=h.dtype).index_add(0, near, owned)
        sums = torch.zeros(len(placed), 3, dtype=h.dtype).index_add(0, near, owned[:, None] * off)
        information = torch.einsum("k,kji,kjl->il", counts, across, across)
        if sample.plane:
            information = information * torch.diag(information.new_tensor([0.0, 0.0, 1.0]))
        step = solvable(information) @ torch.einsum("kji,kj->i", across, sums)
        log.maximise(owned, near, len(placed))
        turn = rotation_of(step) @ turn
        placed = _placed(elements, turn)
        if float(step.norm()) < 1e-7 and log.settled:
            break
    fit = log.fit(symbol, turn, placed, turns, len(placed) - 1)
    spread = solvable(information) * log.jitter**2
    even = _Law(sample, log.most, log.jitter, log.outliers)
    even.shares = torch.full_like(log.shares, 1 / len(placed))
    uniform = even.fit(symbol, turn, placed, turns, 0)
    return replace(min(fit, uniform, key=lambda one: one.bic), covariance=spread)


def fit_modes(sample: Sample, modes: Tensor) -> Fit:
    """The law about points that are free to move, which are of no group."""
    log = _Law(sample, MOST_JITTER)
    log.jitter = 0.08
    for last in (False, True):
        log.shares = torch.full((len(modes),), 1 / len(modes), dtype=torch.float64)
        for _ in range(_ROUNDS):
            owned, near = log.expect(modes)
            off = owned[:, None] * logarithm(multiply(sample.q, conjugate(modes[near])))
            counts = torch.zeros(len(modes), dtype=off.dtype).index_add(0, near, owned)
            sums = torch.zeros(len(modes), 3, dtype=off.dtype).index_add(0, near, off)
            step = sums / counts.clamp(min=1e-9)[:, None]
            log.maximise(owned, near, len(modes))
            modes = multiply(quaternion_of(rotation_of(step)), modes)
            if float(step.norm(dim=1).max()) < 1e-6 and log.settled:
                break
        kept = log.shares * sample.count > 2
        if last or bool(kept.all()) or not bool(kept.any()):
            break
        modes = modes[kept]
    eye = torch.eye(3, dtype=torch.float64)
    return log.fit("modes", eye, modes, sample.tangent * len(modes), len(modes) - 1)


class _Law:
    """Shares, jitter and outliers of points, and the steps of expectation and maximisation."""

    def __init__(
        self, sample: Sample, most: float, jitter: float = 0.1, outliers: float = 0.2
    ) -> None:
        self.sample, self.most = sample, most
        self.jitter, self.outliers = min(jitter, most), outliers
        self.shares = torch.zeros(0, dtype=torch.float64)
        self.settled = False

    def expect(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """How much of each sample is at its nearest point, weighted, and which that is."""
        if len(self.shares) != len(points):
            self.shares = torch.full((len(points),), 1 / len(points), dtype=torch.float64)
        density = self._densities(points)
        self._total = density.sum(1) + self.outliers
        self._soft = density * (self.sample.weights / self._total)[:, None]
        near = self._square.argmin(1)
        return self._soft.gather(1, near[:, None])[:, 0], near

    def maximise(self, owned: Tensor, near: Tensor, points: int) -> None:
        """New shares, jitter and outliers."""
        inside = self._soft.sum()
        square = (self._soft * self._square).sum() / (self.sample.tangent * inside.clamp(min=1e-9))
        jitter = min(max(float(square.sqrt()), LEAST_JITTER), self.most)
        self.settled = abs(jitter - self.jitter) < 1e-4 * self.jitter
        self.jitter = jitter
        self.outliers = min(max(1 - float(inside) / self.sample.count, 1e-6), 1 - 1e-6)
        self.shares = self._soft.sum(0) / inside.clamp(min=1e-9)

    def fit(self, symbol: str, frame: Tensor, points: Tensor, turns: int, free: int) -> Fit:
        """The law as it is now, scored."""
        owned, near = self.expect(points)
        value = float((self.sample.weights * self._total.log()).sum())
        parameters = turns + free + 2
        off = owned[:, None] * logarithm(multiply(self.sample.q, conjugate(points[near])))
        counts = torch.zeros(len(points), dtype=off.dtype).index_add(0, near, owned)
        mirrored = torch.zeros_like(counts).index_add(0, near, owned * self.sample.mirrors)
        squares = torch.zeros_like(counts).index_add(0, near, owned * self.sample.weights)
        means = torch.zeros(len(points), 3, dtype=off.dtype).index_add(0, near, off)
        return Fit(
            symbol,
            frame,
            points,
            self.shares,
            self.outliers,
            self.jitter,
            -2 * value + parameters * math.log(self.sample.count),
            torch.zeros(3, 3, dtype=torch.float64),
            counts,
            mirrored,
            squares / counts.clamp(min=1e-9),
            means / counts.clamp(min=1e-9)[:, None],
        )

    def _densities(self, points: Tensor) -> Tensor:
        """(1 − π_0) π_k f_k of each sample and point, ``(N, k)``."""
        self._square = angles_between(self.sample.q, points).square()
        m = self.sample.tangent
        peak = self.sample.log_volume - m / 2 * math.log(2 * math.pi * self.jitter**2)
        shares = (1 - self.outliers) * self.shares
        return shares * torch.exp(peak - self._square / (2 * self.jitter**2))


def _placed(elements: Tensor, frame: Tensor) -> Tensor:
    """F h Fᵀ: rotation vectors turn as vectors do."""
    return torch.cat([elements[:, :1], elements[:, 1:] @ frame.mT], 1)

"""The law of rotations about an axis of space, and of half turns across it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.naming.mixtures import LEAST_JITTER, MOST_JITTER, Fit, solvable
from symmetry_pl.groups.naming.sample import Sample, on_circles
from symmetry_pl.groups.rotations import conjugate, logarithm, matrix_of, multiply, rotation_of

__all__ = ["ARCS", "circle_coordinates", "fit_circle"]

ARCS = 24
_ROUNDS = 25


def circle_coordinates(q: Tensor, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where samples are on the two circles of an axis, the third column of the frame.

    Returns:
        The angle on the nearer circle ``(N,)`` in [0, 2π), the angle to it ``(N,)``, and whether
        it is that of half turns, whose angle is twice that of their axis.
    """
    v = q[:, 1:] @ frame
    along = torch.hypot(q[:, 0], v[:, 2])
    across = torch.hypot(v[:, 0], v[:, 1])
    flips = across > along
    turn = 2 * torch.atan2(v[:, 2], q[:, 0])
    half = 2 * torch.atan2(v[:, 1], v[:, 0])
    place = torch.where(flips, half, turn) % (2 * math.pi)
    # asin of the smaller one keeps the digits of small angles
    return place, 2 * torch.asin(torch.minimum(along, across).clamp(max=1)), flips


def fit_circle(sample: Sample, frame: Tensor, flips: bool) -> Fit:
    """The law about one circle, or both, whose axis is turned until it fits.

    The density along a circle is uniform, or one of 24 arcs if these are better for their number
    (BIC). In the plane the circles are all there is, and nothing is fitted.
    """
    jitter, outliers = min(0.1, MOST_JITTER), 0.2
    turn, m = frame, sample.tangent - 1
    information = torch.eye(3, dtype=torch.float64)
    cells = ARCS * (2 if flips else 1)
    density, owned, place, on = _expect(sample, turn, flips, jitter, outliers)
    for _ in range(_ROUNDS if m else 0):
        near = _nearest(sample.q, turn, place, on)
        off = logarithm(multiply(sample.q, conjugate(near)))
        across = torch.eye(3, dtype=turn.dtype) - matrix_of(near)
        information = torch.einsum("n,nji,njl->il", owned, across, across)
        step = solvable(information) @ torch.einsum("n,nji,nj->i", owned, across, off)
        square = (owned * off.square().sum(1)).sum() / (m * owned.sum().clamp(min=1e-9))
        jitter = min(max(float(square.sqrt()), LEAST_JITTER), MOST_JITTER)
        outliers = min(max(1 - float(owned.sum()) / sample.count, 1e-6), 1 - 1e-6)
        turn = rotation_of(step) @ turn
        density, owned, place, on = _expect(sample, turn, flips, jitter, outliers)
        if float(step.norm()) < 1e-7:
            break
    if not m:
        jitter, outliers, owned = 0.0, 0.0, sample.weights
        density, _, place, on = _expect(sample, turn, flips, 1.0, 0.0)
    arc = (place / (2 * math.pi) * ARCS).long().clamp(max=ARCS - 1) + ARCS * (on & flips)
    counts = torch.zeros(cells, dtype=turn.dtype).index_add(0, arc, owned)
    mirrored = torch.zeros_like(counts).index_add(0, arc, owned * sample.mirrors)
    squares = torch.zeros_like(counts).index_add(0, arc, owned * sample.weights)
    spreads = squares / counts.clamp(min=1e-9)
    shares = counts / counts.sum().clamp(min=1e-9)
    even = torch.full_like(shares, 1 / cells)
    weighed = []
    for part, free in ((even, 0), (shares, cells - 1)):
        total = outliers + density * part[arc] * cells
        value = float((sample.weights * total.clamp(min=1e-300).log()).sum())
        parameters = free + (4 if m else 0)
        weighed.append((-2 * value + parameters * math.log(sample.count), part))
    bic, shares = min(weighed, key=lambda one: one[0])
    spread = solvable(information) * jitter**2
    none = torch.zeros(0, 4, dtype=turn.dtype)
    symbol = "O(2)" if flips else "SO(2)"
    return Fit(
        symbol,
        turn,
        none,
        shares,
        outliers,
        jitter,
        bic,
        spread,
        counts,
        mirrored,
        spreads,
        none,
    )


def _expect(
    sample: Sample, frame: Tensor, flips: bool, jitter: float, outliers: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Density about the circles, uniform along them; weight inside; place; which circle."""
    place, off, on = circle_coordinates(sample.q, frame)
    m = sample.tangent - 1
    circles = 2 if flips else 1
    peak = sample.log_volume - math.log(2 * math.pi * circles)
    peak -= m / 2 * math.log(2 * math.pi * jitter**2)
    density = (1 - outliers) * torch.exp(peak - off.square() / (2 * jitter**2))
    if not flips:
        density = density.masked_fill(on, 0.0)
    return density, sample.weights * density / (density + outliers).clamp(min=1e-300), place, on


def _nearest(q: Tensor, frame: Tensor, place: Tensor, on: Tensor) -> Tensor:
    """The quaternions of the nearest rotations on the circles, of the sign of q's."""
    near = on_circles(place / 2, on)
    return torch.cat([near[:, :1], near[:, 1:] @ frame.mT], 1)

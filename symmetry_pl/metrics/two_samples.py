"""How far apart two samples are: drawn factors and true ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TwoSamples", "energy_distance", "factor_distance", "two_sample_test"]

NULL_LEVEL = 0.95


def factor_distance(
    drawn: Tensor,
    true: Tensor,
    edges: Tensor | Sequence[float],
    period: float | None = None,
) -> Tensor:
    r"""Total variation distance between the histograms of two samples of one factor.

    .. math:: \tfrac12 \sum_b |p_b - q_b|

    Values beyond the outermost edges make two bins of their own. Two samples of one distribution
    are not at 0 but near :math:`\sum_b \sqrt{p_b (1 - p_b) (1/N + 1/M) / 2\pi}`.

    Args:
        drawn: `(N,)`.
        true: `(M,)`.
        edges: of the bins, increasing; a value on an edge belongs to the bin at its right, one on
            the last edge to the last bin.
        period: of a circular factor; values are brought to the period that begins at the first
            edge, which the edges must then span.

    Returns:
        A scalar, 0 … 1.

    Raises:
        ValueError: for samples that are empty or not finite, or edges that do not increase or do
            not span the period.

    Example:
        >>> edges = [0.0, 0.5, 1.0]
        >>> factor_distance(torch.tensor([0.1, 0.2]), torch.tensor([0.1, 0.7]), edges)
        tensor(0.5000)
    """
    for name, sample in (("drawn", drawn), ("true", true)):
        if sample.ndim != 1 or not len(sample) or not bool(sample.isfinite().all()):
            raise ValueError(
                f"{name} must be a finite sample (N,) of one factor, got {tuple(sample.shape)}."
            )
    knots = torch.as_tensor(edges).to(true.device, torch.promote_types(true.dtype, torch.float32))
    if knots.ndim != 1 or len(knots) < 2 or not bool((knots.diff() > 0).all()):
        raise ValueError("edges of a histogram must be at least two increasing numbers.")
    span = float(knots[-1] - knots[0])
    if period is not None and not math.isclose(span, period, rel_tol=1e-5):
        raise ValueError(f"edges span {span:g}, but the factor has the period {period:g}.")
    shares = [_histogram(sample.to(knots), knots, period) for sample in (drawn, true)]
    return (shares[0] - shares[1]).abs().sum() / 2


def _histogram(sample: Tensor, edges: Tensor, period: float | None) -> Tensor:
    """Shares of the bins; the first and the last are beyond the edges, or empty on a circle."""
    bins = len(edges) + 1
    if period is not None:
        sample = edges[0] + torch.remainder(sample - edges[0], period)
    places = torch.bucketize(sample.contiguous(), edges, right=True)
    places = torch.where(sample == edges[-1], len(edges) - 1, places)
    return torch.bincount(places, minlength=bins) / len(sample)


def energy_distance(
    drawn: Tensor, true: Tensor, periods: Sequence[float | None] | None = None
) -> Tensor:
    r"""Energy distance of two samples of d factors (Székely & Rizzo 2013, Energy statistics).

    .. math:: 2\,\overline{\|x_i - y_j\|} - \overline{\|x_i - x_j\|} - \overline{\|y_i - y_j\|}

    0 in the limit of large samples if and only if the distributions are one. Means are over all
    pairs, a point with itself too, so that it is never negative.

    Factors are measured by their standard deviation over both samples; one with a period P takes
    part as the point (cos, sin)(2πη/P) of the unit circle.

    Args:
        drawn: `(N, d)`.
        true: `(M, d)`.
        periods: of every factor, None where it has none.

    Returns:
        A scalar ≥ 0.

    Raises:
        ValueError: for samples that are empty, not finite, or of unlike shapes.
    """
    points = _embed(drawn, true, periods)
    return _energy(torch.cdist(points, points), _weights(len(drawn), len(true), points))[0]


@dataclass(frozen=True)
class TwoSamples:
    """What a two-sample test found; see `two_sample_test`.

    Attributes:
        distance: energy distance.
        null95: its 95 % quantile where both samples are of one distribution.
        p_value: share of permutations with at least that distance, itself among them.
    """

    distance: float
    null95: float
    p_value: float


def two_sample_test(
    drawn: Tensor,
    true: Tensor,
    periods: Sequence[float | None] | None = None,
    permutations: int = 199,
    max_points: int = 2000,
    seed: int = 0,
) -> TwoSamples:
    """Energy distance of two samples beside its permutation null.

    Which sample a point belongs to is permuted: if both are of one distribution, that changes
    nothing.

    Args:
        drawn: `(N, d)`.
        true: `(M, d)`.
        periods: as of `energy_distance`.
        permutations: of the null, at least 19.
        max_points: random subsample of either sample if it has more points; the cost is quadratic.
        seed: of the subsamples and permutations; the global random generator is left alone.

    Raises:
        ValueError: as of `energy_distance`, and for too few permutations.

    Example:
        >>> angle = torch.linspace(0, 6.2, 100)[:, None]
        >>> two_sample_test(angle, angle + 0.1, periods=[6.2832]).p_value > 0.05
        True
    """
    if permutations < 19:
        raise ValueError(f"a 95 % quantile needs at least 19 permutations, got {permutations}.")
    generator = torch.Generator().manual_seed(seed)
    drawn, true = (_subsample(sample, max_points, generator) for sample in (drawn, true))
    points = _embed(drawn, true, periods)
    weights = _weights(len(drawn), len(true), points)
    orders = [torch.randperm(len(points), generator=generator) for _ in range(permutations)]
    columns = torch.cat([weights, *(weights[order.to(weights.device)] for order in orders)], 1)
    found, *null = _energy(torch.cdist(points, points), columns).tolist()
    # The observed labels are one of the permutations under the null hypothesis.
    tolerance = 1e-12 * max(1.0, abs(found))
    as_far = 1 + sum(value >= found - tolerance for value in null)
    null95 = sorted([found, *null])[math.ceil(NULL_LEVEL * (permutations + 1)) - 1]
    return TwoSamples(found, null95, as_far / (permutations + 1))


def _subsample(sample: Tensor, count: int, generator: torch.Generator) -> Tensor:
    if len(sample) <= count:
        return sample
    return sample[torch.randperm(len(sample), generator=generator)[:count].to(sample.device)]


def _weights(first: int, second: int, like: Tensor) -> Tensor:
    """1/N for the first sample and −1/M for the second, `(N + M, 1)`."""
    return torch.cat(
        [like.new_full((first, 1), 1 / first), like.new_full((second, 1), -1 / second)]
    )


def _energy(distances: Tensor, weights: Tensor) -> Tensor:
    """−wᵀ D w of every column of weights, which is the energy distance, `(columns,)`."""
    return -(weights * (distances @ weights)).sum(0).clamp_max(0)


def _embed(drawn: Tensor, true: Tensor, periods: Sequence[float | None] | None) -> Tensor:
    """Both samples in the space of distances, `(N + M, d')`, in double precision."""
    shapes = tuple(drawn.shape), tuple(true.shape)
    if drawn.ndim != 2 or true.ndim != 2 or shapes[0][1] != shapes[1][1] or 0 in sum(shapes, ()):
        raise ValueError(f"samples must be (N, d) and (M, d), got {shapes[0]} and {shapes[1]}.")
    laps = [None] * shapes[0][1] if periods is None else list(periods)
    if len(laps) != shapes[0][1]:
        raise ValueError(f"there are {shapes[0][1]} factors, but {len(laps)} periods.")
    both = torch.cat([drawn, true.to(drawn)]).double()
    if not bool(both.isfinite().all()):
        raise ValueError("samples hold values that are not finite.")
    columns = []
    for column, period in zip(both.T, laps, strict=True):
        if period is None:
            spread = column.std(correction=0)
            columns.append(column / torch.where(spread > 0, spread, 1.0))
        else:
            phase = 2 * math.pi * column / period
            columns += [phase.cos(), phase.sin()]
    return torch.stack(columns, 1)

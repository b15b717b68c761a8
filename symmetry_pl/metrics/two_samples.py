"""How far apart two samples of a factor are: drawn and true ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["factor_distance"]


def factor_distance(
    drawn: Tensor,
    true: Tensor,
    edges: Tensor | Sequence[float],
    period: float | None = None,
) -> Tensor:
    r"""Total variation distance between the histograms of two samples of one factor.

    .. math:: \tfrac12 \sum_b |p_b - q_b|

    Values beyond the outermost edges make two bins of their own. Two samples of one distribution
    are not at 0 but near :math:``\sum_b \sqrt{p_b (1 - p_b) (1/N + 1/M) / 2\pi}``.

    Args:
        drawn: ``(N,)``.
        true: ``(M,)``.
        edges: of the bins, increasing; a value on an edge belongs to the bin at its right, one on
            the last edge to the last bin.
        period: of a circular factor; values are brought to the period that begins at the first
            edge, which the edges must then span.

    Returns:
        A scalar, 0 … 1.

    Raises:
        ValueError: for samples that are empty or not finite, or edges that do not increase or do
            not span the period.

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

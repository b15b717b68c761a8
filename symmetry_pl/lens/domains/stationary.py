"""How far correlations depend on the displacement alone, tested on samples of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.places import coordinates

__all__ = ["stationary_share"]


def stationary_share(first: Tensor, second: Tensor, places: Tensor, domain: Domain) -> float:
    r"""Share of the correlations between positions that their displacement explains.

    .. math:: R^2 = \frac{\langle \bar C_1, \bar C_2 \rangle}{\langle C_1, C_2 \rangle}

    over pairs of different positions, less the mean of all, with C̄ the means over equal
    displacements; corrected for as many means as there are displacements. As sampling errors of two
    sets are independent, they do not count: it is about 1 where the law is stationary, however few
    the samples are, and about 0 along positions in random order.

    Args:
        first: correlations C₁ in some samples, ``(m, m)``.
        second: those in others, ``(m, m)``.
        places: place of each of the m inputs in the domain, −1 without one, ``(m,)``.
        domain: the domain.

    Returns:
        At most about 1; 0 where there is no correlation to explain.
    """
    placed = (places >= 0).nonzero()[:, 0]
    if len(placed) < 3:
        return 0.0
    kinds = _displacements(coordinates(places[placed], domain), domain)
    one, other = torch.triu_indices(len(placed), len(placed), 1)
    kinds = torch.unique(kinds[one, other], return_inverse=True)[1]
    values = torch.stack([c[placed[one], placed[other]] for c in (first, second)])
    values = values - values.mean(1, keepdim=True)
    pairs, means = values.shape[1], int(kinds.max()) + 1
    total = float(values[0] @ values[1])
    if total <= 0 or pairs <= means:
        return 0.0
    sums = torch.zeros(2, means, dtype=values.dtype).index_add_(1, kinds, values)
    counts = torch.bincount(kinds, minlength=means)
    explained = float((sums[0] * sums[1] / counts).sum()) / total
    return 1 - (1 - explained) * (pairs - 1) / (pairs - means)


def _displacements(where: Tensor, domain: Domain) -> Tensor:
    """Number of the displacement of each pair, the same in both directions, ``(m, m)``."""
    number = torch.zeros(len(where), len(where), dtype=torch.int64)
    for axis, (length, topology) in enumerate(domain.axes):
        apart = where[:, None, axis] - where[:, axis]
        if topology == "ring":
            apart = apart % length
        number = number * (2 * length + 1) + apart
    return torch.minimum(number, number.T)

"""Which pixels are neighbours: partial correlations that stand out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["RIDGES", "Affinity", "affinity"]

RIDGES = (1e-2, 1e-3, 1e-1, 1e-4, 3e-2, 3e-1)
"""Multiples of the identity that are tried, in this order."""
_NEAREST = 6
_FEWEST, _MOST = 0.95, 2.0  # edges a pixel: a chain has nearly one, a lattice nearly two
_GAP = 0.05  # of the mean strength
_WEAK = 0.25  # of the median strength, where there is no gap


class Affinity(NamedTuple):
    """How near pixels are to each other, and which are neighbours.

    Args:
        strength: partial correlations S, ``(m, m)``, 0 on the diagonal.
        threshold: above which two pixels may be neighbours.
        edges: pairs of neighbours, ``(e, 2)``, the smaller number first, strongest first.
    """

    strength: Tensor
    threshold: float
    edges: Tensor


def affinity(correlation: Tensor, ridge: float) -> Affinity:
    r"""Partial correlations of all pixels, and the pairs that stand out.

    .. math:: S_{ij} = -P_{ij} / \sqrt{P_{ii} P_{jj}}, \quad P = (C + \epsilon 1)^{-1}

    What two pixels share beyond what all others say of them is local wherever the law is. An edge
    is a pair of which each is among the six nearest of the other, above a threshold: the middle of
    the widest gap between ranks .95 m and 2 m, or a quarter of the median strength without one.

    Args:
        correlation: C, ``(m, m)``, m ≥ 3.
        ridge: ε.
    """
    size = len(correlation)
    regular = correlation + ridge * torch.eye(size, dtype=correlation.dtype)
    factor, failed = torch.linalg.cholesky_ex(regular)
    # rounding can take a matrix of low rank below zero
    precision = torch.linalg.pinv(regular) if int(failed) else torch.cholesky_inverse(factor)
    scale = precision.diagonal().sqrt()
    strength = -precision / scale[:, None] / scale
    strength.fill_diagonal_(0.0)
    strength = (strength + strength.T) / 2
    above = _threshold(strength)
    near = torch.zeros(size, size, dtype=torch.bool)
    nearest = strength.topk(min(_NEAREST, size - 1)).indices
    near.scatter_(1, nearest, True)
    edges = (near & near.T & (strength > above)).triu(1).nonzero()
    order = strength[edges[:, 0], edges[:, 1]].argsort(descending=True, stable=True)
    return Affinity(strength, above, edges[order])


def _threshold(strength: Tensor) -> float:
    size = len(strength)
    first, second = torch.triu_indices(size, size, 1)
    values = strength[first, second]
    top = values.topk(min(int(_MOST * size) + 1, len(values))).values
    begin = max(int(_FEWEST * size) - 1, 0)
    gaps = top[begin:-1] - top[begin + 1 :]
    if len(gaps):
        k = int(gaps.argmax())
        if float(gaps[k]) > _GAP * float(top[:size].mean()):
            return float(top[begin + k] + top[begin + k + 1]) / 2
    return _WEAK * max(float(top[:size].median()), 0.0)

"""A domain of one or two axes as a tensor of a checkpoint."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology

__all__ = ["packed", "unpacked"]

_MOST_AXES = 2


def packed(domain: Domain) -> Tensor:
    """Length of each axis, and whether it closes, ``(2, 2)``; 0 for axes that there are not.

    >>> packed(Domain.line(7, "ring")).tolist()
    [[7, 1], [0, 0]]
    """
    rows = [[length, int(topology == "ring")] for length, topology in domain.axes]
    return torch.tensor(rows + [[0, 0]] * (_MOST_AXES - len(rows)))


def unpacked(axes: Tensor) -> Domain:
    """Inverse of ``packed``.

    >>> unpacked(packed(Domain(((2, "chain"), (3, "ring"))))).axes
    ((2, 'chain'), (3, 'ring'))
    """
    names: tuple[Topology, Topology] = ("chain", "ring")
    pairs: list[list[int]] = axes.tolist()
    return Domain(tuple((length, names[ring]) for length, ring in pairs if length))

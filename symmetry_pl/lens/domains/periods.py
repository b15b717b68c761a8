"""Axes that close: growth cuts a torus open, and the edges across the cut say how long it is."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from symmetry_pl.lens.domains.affinity import Affinity

__all__ = ["closes", "periods", "reduced"]

SHORTEST = 5
"""Cells of a ring: four in a row that closes are a square of four neighbours themselves."""
_NEAR = 2  # steps that edges span which are not across a cut
_CANDIDATES = 4  # lengths that are tried for each axis
_DISTINCT = 0.9  # share of the pixels that must keep a cell of their own
_TIED = 0.5  # share of the pairs across any cut of a ring that must be neighbours


def periods(pixels: Tensor, cells: Tensor, near: Affinity) -> tuple[int, int]:
    r"""Lengths of the axes of a lattice that was grown on the plane, 0 for those that end.

    On a torus of h × w each pixel is grown once, somewhere modulo (h, 0) and (0, w). Edges that
    join cells far apart are displaced by such a period and one step, so that each votes for three
    lengths; of the pairs of lengths with most votes the one is taken that turns most of what ties
    pixels together into single steps,

    .. math:: \max_{h, w} \frac{\sum_{(a, b):\, |c_a - c_b \bmod (h, w)|_1 = 1} S_{ab}^2}
        {\sum_{(a, b)} S_{ab}^2} \cdot \frac{\#\{c \bmod (h, w)\}}{\#\{c\}}

    and which leaves nine tenths of the pixels a cell of their own.

    Args:
        pixels: which were grown, ``(k,)``.
        cells: where they lie, ``(k, 2)``.
        near: partial correlations and edges.
    """
    where = torch.zeros(len(near.strength), 2, dtype=torch.int64)
    where[pixels] = cells
    grown = torch.zeros(len(near.strength), dtype=torch.bool)
    grown[pixels] = True
    edges = near.edges[grown[near.edges].all(1)]
    weight = near.strength[edges[:, 0], edges[:, 1]].square()
    apart = where[edges[:, 0]] - where[edges[:, 1]]
    choices = [[0, *_lengths(apart, axis)] for axis in (0, 1)]
    best, most = (0, 0), -1.0
    for down, right in product(*choices):
        lengths = (down, right)
        distinct = len(torch.unique(reduced(cells, lengths), dim=0)) / len(cells)
        if distinct < _DISTINCT:
            continue
        single = _wrapped(apart, lengths).abs().sum(1) == 1
        gain = distinct * float(weight[single].sum())
        if gain > most:
            best, most = lengths, gain
    return best


def reduced(cells: Tensor, lengths: tuple[int, int]) -> Tensor:
    """Cells ``(k, 2)`` modulo the axes that close, and from 0 on along those that end.

    >>> reduced(torch.tensor([[-1, 3], [6, 5]]), (5, 0)).tolist()
    [[4, 0], [1, 2]]
    """
    columns = [
        cells[:, axis] % length if length else cells[:, axis] - cells[:, axis].min()
        for axis, length in enumerate(lengths)
    ]
    return torch.stack(columns, 1)


def closes(grid: Tensor, near: Affinity, axis: int) -> bool:
    """Whether at every cut across an axis at least half of the pairs are neighbours, the last too.

    Args:
        grid: pixel on each cell, −1 on free ones, ``(h, w)``.
        near: partial correlations and their threshold.
        axis: of the grid.
    """
    here, there = grid.movedim(axis, 0), grid.roll(-1, axis).movedim(axis, 0)
    tied = (near.strength[here, there] > near.threshold) & (here >= 0) & (there >= 0)
    return bool((tied.double().mean(1) >= _TIED).all())


def _lengths(apart: Tensor, axis: int) -> list[int]:
    """Lengths that edges along an axis speak for, those with most votes first."""
    along, across = apart[:, axis].abs(), apart[:, 1 - axis].abs()
    far = along[(along > _NEAR) & (across <= 1)]
    votes = torch.bincount(torch.cat([far - 1, far, far + 1]))
    votes[:SHORTEST] = 0
    order = votes.argsort(descending=True, stable=True)[:_CANDIDATES]
    return [int(length) for length in order if votes[length]]


def _wrapped(apart: Tensor, lengths: tuple[int, int]) -> Tensor:
    """Displacements, on axes that close the shorter way round."""
    columns = [
        (apart[:, axis] + length // 2) % length - length // 2 if length else apart[:, axis]
        for axis, length in enumerate(lengths)
    ]
    return torch.stack(columns, 1)

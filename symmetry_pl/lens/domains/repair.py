"""Lattices completed and corrected: pixels that are left over, gaps, and exchanges of two."""

from __future__ import annotations

from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["OPEN", "Rings", "exchanged", "filled"]

Rings: TypeAlias = tuple[bool, bool]
"""Whether the rows of a grid go on at the other end, and its columns."""
OPEN: Rings = (False, False)

_ROUNDS = 60
_LEAST_GAIN = 1e-9


def filled(grid: Tensor, strength: Tensor, rings: Rings = OPEN) -> Tensor:
    """Place the pixels that are left over, each on the free cell whose neighbours it is nearest to.

    Best first, as many as there are cells within the box; a pixel that no neighbour attracts stays
    out.

    Args:
        grid: pixel on each cell, −1 on free ones, ``(h, w)``.
        strength: S, ``(m, m)``.
        rings: which axes close.
    """
    grid = grid.clone()
    left = _outside(grid, len(strength))
    grid = _framed(grid, len(left), rings)
    attraction = _attraction(grid, strength, rings)[left].view(len(left), *grid.shape)
    height, width = grid.shape
    attraction[:, grid >= 0] = -torch.inf
    for _ in range(min(len(left), int((grid < 0).sum()))):
        best = int(attraction.argmax())
        row, y, x = best // grid.numel(), best // width % height, best % width
        if not attraction[row, y, x] > 0:
            break
        grid[y, x] = left[row]
        attraction[row] = attraction[:, y, x] = -torch.inf
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            v, u = v % height if rings[0] else v, u % width if rings[1] else u
            if 0 <= v < height and 0 <= u < width:
                attraction[:, v, u] += strength[left, left[row]]
    return _cropped(grid, rings)


def exchanged(grid: Tensor, strength: Tensor, rings: Rings = OPEN) -> Tensor:
    r"""Exchange two cells, one of which may be free, as long as that brings neighbours together.

    .. math:: H_{i c_j} + H_{j c_i} - H_{i c_i} - H_{j c_j} + 2 S_{ij} K_{c_i c_j}, \quad
        H_{ic} = \sum_{c'} K_{cc'} S_{i, p(c')}

    is what :math:`\sum K_{cc'} S_{p(c) p(c')}` gains, K being the adjacency of cells. A round makes
    all exchanges that do not touch each other, best first; there are at most 60.

    Args:
        grid: pixel on each cell, −1 on free ones, ``(h, w)``.
        strength: S, ``(m, m)``.
        rings: which axes close.
    """
    grid, shape = grid.clone().flatten(), grid.shape
    adjacent = _adjacency(shape, rings)
    for _ in range(_ROUNDS):
        known = F.pad(strength, (0, 1, 0, 1))[grid][:, grid]  # free cells attract nothing
        pull = known @ adjacent
        own = pull.diagonal()
        gain = pull + pull.T - own[:, None] - own + 2 * known * adjacent
        best, partner = gain.max(1)
        touched = torch.zeros(len(grid), dtype=torch.bool)
        for i in best.argsort(descending=True, stable=True).tolist():
            j = int(partner[i])
            if not best[i] > _LEAST_GAIN:
                break
            around = (adjacent[i] + adjacent[j]) > 0
            around[[i, j]] = True
            if not touched[around].any():
                grid[[i, j]] = grid[[j, i]]
                touched |= around
        if not touched.any():
            break
    return _cropped(grid.view(shape), rings)


def _attraction(grid: Tensor, strength: Tensor, rings: Rings) -> Tensor:
    """H, ``(m, cells)``."""
    padded = F.pad(grid, (1, 1, 1, 1), value=-1)
    if rings[0]:
        padded[[0, -1], 1:-1] = grid[[-1, 0]]
    if rings[1]:
        padded[1:-1, [0, -1]] = grid[:, [-1, 0]]
    height, width = grid.shape
    known = F.pad(strength, (0, 1))
    total = torch.zeros(len(strength), grid.numel(), dtype=strength.dtype)
    for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
        total += known[:, padded[y : y + height, x : x + width].flatten()]
    return total


def _adjacency(shape: torch.Size, rings: Rings) -> Tensor:
    """K, ``(cells, cells)``, of a grid."""
    place = torch.arange(shape.numel()).view(shape)
    one = torch.zeros(shape.numel(), shape.numel(), dtype=torch.float64)
    for axis, (length, ring) in enumerate(zip(shape, rings, strict=True)):
        kept = length if ring else length - 1
        here = place.narrow(axis, 0, kept).flatten()
        one[place.roll(-1, axis).narrow(axis, 0, kept).flatten(), here] = 1.0
    return one + one.T


def _outside(grid: Tensor, size: int) -> Tensor:
    """Pixels that are on no cell."""
    missing = torch.ones(size, dtype=torch.bool)
    missing[grid[grid >= 0]] = False
    return missing.nonzero()[:, 0]


def _framed(grid: Tensor, needed: int, rings: Rings) -> Tensor:
    """With free cells at all ends where there are fewer of them than pixels to place."""
    down, right = (int(not ring) for ring in rings)
    few = int((grid < 0).sum()) < needed
    return F.pad(grid, (right, right, down, down), value=-1) if few else grid


def _cropped(grid: Tensor, rings: Rings) -> Tensor:
    """Without rows and columns that are free, but for those of a ring."""
    taken = grid >= 0
    if not taken.any():
        return grid[:0, :0]
    return grid[taken.any(1) | rings[0]][:, taken.any(0) | rings[1]]

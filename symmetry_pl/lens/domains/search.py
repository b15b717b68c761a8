"""The domain of one or two axes that the partial correlations of one set of samples draw."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology
from symmetry_pl.lens.domains.affinity import RIDGES, Affinity, affinity
from symmetry_pl.lens.domains.growth import grow
from symmetry_pl.lens.domains.line import longest_path
from symmetry_pl.lens.domains.periods import closes, periods, reduced
from symmetry_pl.lens.domains.repair import OPEN, Rings, exchanged, filled
from symmetry_pl.lens.domains.stationary import stationary_share
from symmetry_pl.metrics.places import coordinates

__all__ = ["Layout", "layout_of", "local_share"]

_TOPOLOGIES: dict[bool, Topology] = {False: "chain", True: "ring"}
_SIDE = 3  # the shortest side of a lattice
_WORTH = 0.5  # share of pixels that squares must reach for gaps to be worth filling
_NEAR = 2  # steps that an edge may span
_SURE = 0.999  # complete enough to try no other ridge


@dataclass(frozen=True)
class Layout:
    """Where pixels lie, and how much of the evidence says so.

    Attributes:
        places: cell of each of the m pixels in the domain, −1 without one, ``(m,)``.
        domain: the cells.
        completeness: share of the pixels that lie where their own edges put them, before gaps were
            filled, times the share of the convex hull of their cells that m pixels can fill; of
            axes that close, of all cells around.
        local: share of the squared strengths of edges that join cells at most two steps apart.
        ridge: ε of the partial correlations.
        grown: which pixel of a lattice was glued first, second and so on, as its number in this
            order ``(m,)``, −1 for those that filled gaps; None where nothing was glued.
    """

    places: Tensor
    domain: Domain
    completeness: float
    local: float
    ridge: float
    grown: Tensor | None = None


def layout_of(correlation: Tensor, pair: tuple[Tensor, Tensor]) -> Layout:
    """The layout that explains most of the correlations, over all ridges.

    Displacements explain the more the fewer pixels lie wrong, whether or not the law is stationary
    (``stationary_share``); what they say of pixels without a place counts 0. A layout that is
    complete and leaves no edge unexplained ends the search.

    Args:
        correlation: C of the samples, ``(m, m)``.
        pair: the same of two halves of these samples, which tell how stationary a layout is.
    """
    found: list[tuple[float, Layout]] = []
    for ridge in RIDGES:
        near = affinity(correlation, ridge)
        for layout in (_lattice(near, ridge), _line(near, ridge)):
            if layout is not None:
                placed = float((layout.places >= 0).double().mean())
                share = stationary_share(*pair, layout.places, layout.domain)
                found.append((placed * share, layout))
        if any(min(one.completeness, one.local) >= _SURE for _, one in found):
            found = [p for p in found if min(p[1].completeness, p[1].local) >= _SURE]
            break
    return max(found, key=lambda pair: pair[0])[1]


def _lattice(near: Affinity, ridge: float) -> Layout | None:
    """Squares glued together; None if they make no lattice of three by three.

    Axes close where that explains edges between far cells, and where every cut is across ties.
    """
    growth = grow(near)
    if len(growth.cells) < _SIDE**2:
        return None
    pixels, cells = torch.tensor(list(growth.cells)), torch.tensor(list(growth.cells.values()))
    lengths = periods(pixels, cells, near)
    if any(lengths):
        closed = _laid(pixels, cells, lengths, near, ridge)
        if closed is not None:
            return closed
    return _laid(pixels, cells, (0, 0), near, ridge)


def _laid(
    pixels: Tensor, cells: Tensor, lengths: tuple[int, int], near: Affinity, ridge: float
) -> Layout | None:
    """Grown pixels on the cells of axes of these lengths, 0 for those that end, and repaired."""
    rings = (lengths[0] > 0, lengths[1] > 0)
    cells = reduced(cells, lengths)
    shape = [n or int(cells[:, axis].max()) + 1 for axis, n in enumerate(lengths)]
    if min(shape) < _SIDE:
        return None
    grid = torch.full(shape, -1)
    grid[cells[:, 0], cells[:, 1]] = pixels
    size = len(near.strength)
    share = int((grid >= 0).sum()) / size
    around = _hull(cells) if rings == OPEN else float(grid.numel())
    if share >= _WORTH:
        grid = exchanged(filled(grid, near.strength, rings), near.strength, rings)
    if not all(closes(grid, near, axis) for axis in (0, 1) if rings[axis]):
        return None
    grid, rings = _upright(grid, rings)
    places = torch.full((size,), -1)
    taken = (grid >= 0).flatten()
    places[grid.flatten()[taken]] = taken.nonzero()[:, 0]
    (height, width), (down, right) = grid.shape, (_TOPOLOGIES[ring] for ring in rings)
    domain = Domain(((height, down), (width, right)))
    completeness = share * min(1.0, size / around)
    grown = torch.full((size,), -1)
    grown[pixels] = torch.arange(len(pixels))  # in the order of growth
    return Layout(places, domain, completeness, local_share(near, places, domain), ridge, grown)


def _hull(cells: Tensor) -> float:
    """Area of the convex hull of cells ``(k, 2)``, which are squares of side 1."""
    corners = torch.cat([cells + torch.tensor(by) for by in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return float(ConvexHull(corners.numpy()).volume)


def _upright(grid: Tensor, rings: Rings) -> tuple[Tensor, Rings]:
    """A grid turned and reflected so that it lies and pixel 0 is nearest to the corner.

    So one grid is always shown the same way; where axes close, they begin at pixel 0.
    """
    if grid.shape[0] > grid.shape[1] or (grid.shape[0] == grid.shape[1] and rings[0]):
        grid, rings = grid.T, rings[::-1]
    ways = [grid, grid.flip(0), grid.flip(1), grid.flip(0, 1)]
    if grid.shape[0] == grid.shape[1] and rings[0] == rings[1]:
        ways += [way.T for way in ways]
    ways = [_begun(way, rings) for way in ways]

    def key(way: Tensor) -> list[int]:
        return [int((way.flatten() == pixel).int().argmax()) for pixel in (0, 1)]

    return min(ways, key=key), rings


def _begun(grid: Tensor, rings: Rings) -> Tensor:
    """Rolled along rings until pixel 0 comes first."""
    first = int((grid.flatten() == 0).int().argmax())
    shifts = (first // grid.shape[1] * rings[0], first % grid.shape[1] * rings[1])
    return grid.roll([-by for by in shifts], (0, 1))


def _line(near: Affinity, ridge: float) -> Layout:
    """The longest path."""
    path, closes = longest_path(near)
    size = len(near.strength)
    places = torch.full((size,), -1)
    places[path] = torch.arange(len(path))
    domain = Domain.line(len(path), "ring" if closes else "chain")
    return Layout(places, domain, len(path) / size, local_share(near, places, domain), ridge)


def local_share(near: Affinity, places: Tensor, domain: Domain) -> float:
    """Share of the squared strengths of edges that join near cells; without a cell, none do."""
    if not len(near.edges):
        return 0.0
    ends = places[near.edges]
    here, there = coordinates(ends[:, 0], domain), coordinates(ends[:, 1], domain)
    apart = (here - there).abs()
    for axis, (length, topology) in enumerate(domain.axes):
        if topology == "ring":
            apart[:, axis] = torch.minimum(apart[:, axis], length - apart[:, axis])
    near_by = (apart.amax(1) <= _NEAR) & (ends >= 0).all(1)
    weight = near.strength[near.edges[:, 0], near.edges[:, 1]].square()
    return float(weight[near_by].sum() / weight.sum())

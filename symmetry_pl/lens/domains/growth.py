"""A lattice grown from squares: one that is glued to an edge forces where its corners lie."""

from __future__ import annotations

import heapq
from typing import TypeAlias

from symmetry_pl.lens.domains.affinity import Affinity
from symmetry_pl.lens.domains.squares import Square, squares

__all__ = ["Cell", "Growth", "grow"]

Cell: TypeAlias = tuple[int, int]
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Growth:
    """Pixels on cells of the plane, and what may be glued to them.

    Args:
        found: partial correlations.
        listed: squares with their quality.

    Attributes:
        cells: where each placed pixel lies.
        pixels: which pixel lies on a cell.
    """

    def __init__(self, found: Affinity, listed: list[tuple[float, Square]]) -> None:
        self._rows = found.strength.numpy()
        self._listed = listed
        self._of: dict[int, list[int]] = {}
        for k, (_, corners) in enumerate(listed):
            for pixel in corners:
                self._of.setdefault(pixel, []).append(k)
        self.cells: dict[int, Cell] = {}
        self.pixels: dict[Cell, int] = {}
        self._open: list[tuple[float, int]] = []

    def run(self, start: int) -> None:
        """Glue from one square on until nothing fits.

        Each pixel that is placed opens its squares and those of the neighbours that it has there:
        at most five times as many as there are squares and corners.
        """
        corners = self._listed[start][1]
        for pixel, cell in zip(corners, ((0, 0), (0, 1), (1, 1), (1, 0)), strict=True):
            self._place(pixel, cell)
        while self._open:
            _, k = heapq.heappop(self._open)
            self._glue(self._listed[k][1])

    def _place(self, pixel: int, cell: Cell) -> None:
        self.cells[pixel], self.pixels[cell] = cell, pixel
        y, x = cell
        beside = (self.pixels.get((y + v, x + u)) for v, u in _STEPS)
        for one in (pixel, *(other for other in beside if other is not None)):
            for k in self._of[one]:
                heapq.heappush(self._open, (-self._listed[k][0], k))

    def _glue(self, corners: Square) -> None:
        missing = [k for k in range(4) if corners[k] not in self.cells]
        if len(missing) == 1:
            k = missing[0]
            (y, x), (v, u), (t, s) = (self.cells[corners[(k + j) % 4]] for j in (1, 3, 2))
            if self._unit(corners[(k + 1) % 4], corners[(k + 2) % 4]) and self._unit(
                corners[(k + 3) % 4], corners[(k + 2) % 4]
            ):
                self._settle({corners[k]: (y + v - t, x + u - s)})
        elif len(missing) == 2 and (missing[1] - missing[0]) % 2:
            first, second = missing if missing[1] - missing[0] == 1 else missing[::-1]
            before, after = corners[(first - 1) % 4], corners[(second + 1) % 4]
            if self._unit(before, after):
                self._across(before, after, corners[first], corners[second])

    def _unit(self, one: int, other: int) -> bool:
        (y, x), (v, u) = self.cells[one], self.cells[other]
        return abs(y - v) + abs(x - u) == 1

    def _across(self, before: int, after: int, first: int, second: int) -> None:
        """Two new corners lie where the edge is continued: away from what lies behind it."""
        (y, x), (v, u) = self.cells[before], self.cells[after]
        down, right = abs(x - u), abs(y - v)
        sides = [
            {first: (y + s * down, x + s * right), second: (v + s * down, u + s * right)}
            for s in (1, -1)
        ]
        free = [side for side in sides if not any(cell in self.pixels for cell in side.values())]
        if len(free) == 1:
            self._settle(free[0])

    def _settle(self, new: dict[int, Cell]) -> None:
        """Place pixels unless their cells are taken, or a neighbour there repels them."""
        if len(set(new.values())) < len(new):
            return
        for pixel, (y, x) in new.items():
            if (y, x) in self.pixels:
                return
            for v, u in _STEPS:
                beside = self.pixels.get((y + v, x + u))
                if beside is not None and self._rows[pixel, beside] < 0:
                    return
        for pixel, cell in new.items():
            self._place(pixel, cell)


def grow(found: Affinity, starts: int = 3) -> Growth:
    """The largest lattice grown from one of the best squares; empty where there are none.

    Args:
        found: partial correlations.
        starts: squares that are started from, each outside what was grown before.
    """
    listed = squares(found)
    best = Growth(found, listed)
    reached: set[int] = set()
    k = 0
    for _ in range(starts):
        k = next((j for j in range(k, len(listed)) if not reached & set(listed[j][1])), len(listed))
        if k == len(listed):
            break
        one = Growth(found, listed)
        one.run(k)
        reached |= one.cells.keys()
        if len(one.cells) > len(best.cells):
            best = one
    return best

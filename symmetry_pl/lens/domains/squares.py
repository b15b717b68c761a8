"""Squares of four neighbours: the pieces that a lattice is glued of."""

from __future__ import annotations

from itertools import combinations
from typing import TypeAlias

from symmetry_pl.lens.domains.affinity import Affinity

__all__ = ["Square", "squares"]

Square: TypeAlias = tuple[int, int, int, int]
"""Four pixels, each a neighbour of the next and the last of the first."""


def squares(found: Affinity) -> list[tuple[float, Square]]:
    r"""Cycles a-b-c-e of four edges, with their quality, best first.

    .. math:: q = \min(S_{ab}, S_{bc}, S_{ce}, S_{ea}) - \max(S_{ac}, S_{be}, 0) > 0

    A chain has none: of four pixels on a line, the nearest are the diagonals of any such cycle.
    """
    pairs: list[list[int]] = found.edges.tolist()
    neighbours: list[set[int]] = [set() for _ in range(len(found.strength))]
    for a, b in pairs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    rows = found.strength.numpy()
    listed: list[tuple[float, Square]] = []
    for a, near in enumerate(neighbours):
        # a is the smallest number of its squares, so that each is listed once
        for b, e in combinations(sorted(n for n in near if n > a), 2):
            for c in sorted(neighbours[b] & neighbours[e]):
                if c <= a:
                    continue
                edges = min(rows[a, b], rows[b, c], rows[c, e], rows[e, a])
                quality = edges - max(rows[a, c], rows[b, e], 0.0)
                if quality > 0:
                    listed.append((float(quality), (a, b, c, e)))
    return sorted(listed, key=lambda pair: (-pair[0], pair[1]))

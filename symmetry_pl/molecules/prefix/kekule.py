"""Whether a SMILES that has ended is a molecule: aromatic rings have their double bonds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from symmetry_pl.molecules.prefix.additive import PrefixKeys
from symmetry_pl.molecules.prefix.machine import AROMATIC_BOND, PrefixMachine, PrefixState

__all__ = ["complete"]

_SEVERAL = ("[P", "[S", "[B")  # elements of several valences: nothing is left open


def complete(machine: PrefixMachine, state: PrefixState, keys: PrefixKeys) -> npt.NDArray[np.bool_]:
    """Whether each row is a whole molecule ``(B,)``.

    It has ended, with branches and rings closed. Atoms in brackets have all their bonds; bonds
    between aromatic atoms are in rings, two or more an atom; and the aromatic atoms that owe a
    double bond can be paired along such bonds.
    """
    symbols = machine.table.symbols
    fixed = ~machine.table.implied & np.array([not s.startswith(_SEVERAL) for s in symbols])
    there = np.arange(machine.most_atoms) < state.count[:, None]
    lacks = (there & fixed[state.token] & (state.free != 0)).any(1)
    closed = (state.open_at < 0).all(1) & (state.depth == 0) & (state.pending == 0)
    found: npt.NDArray[np.bool_] = state.done & ~lacks & closed
    for row in np.flatnonzero(found):
        found[row] = _aromatic(machine, state, keys, int(row))
    return found


def _aromatic(machine: PrefixMachine, state: PrefixState, keys: PrefixKeys, row: int) -> bool:
    count, rings = int(state.count[row]), int(state.closed[row])
    atoms = [a for a in range(count) if machine.table.aromatic[state.token[row, a]]]
    if not atoms:
        return True
    edges: dict[int, list[int]] = {a: [] for a in atoms}
    for a in range(1, count):
        if state.bond[row, a] == AROMATIC_BOND:
            if not keys.in_ring[row, a]:
                return False
            _join(edges, int(state.parent[row, a]), a)
    for k in range(rings):
        if state.ring_bond[row, k] == AROMATIC_BOND:
            _join(edges, int(state.ring_from[row, k]), int(state.ring_to[row, k]))
    if any(len(near) < 2 for near in edges.values()):
        return False
    owed = {a for a in atoms if state.owed[row, a]}
    return _paired({a: [b for b in edges[a] if b in owed] for a in owed})


def _join(edges: dict[int, list[int]], a: int, b: int) -> None:
    edges[a].append(b)
    edges[b].append(a)


def _paired(edges: dict[int, list[int]]) -> bool:
    """Whether a graph has a perfect matching; leaves first, then a search with way back."""
    if not edges:
        return True
    atom = min(edges, key=lambda a: len(edges[a]))
    for other in edges[atom]:
        rest = {
            a: [b for b in near if b not in (atom, other)]
            for a, near in edges.items()
            if a not in (atom, other)
        }
        if all(rest.values()) and _paired(rest):
            return True
    return False

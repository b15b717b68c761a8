"""Properties that add up over atoms and bonds, kept up to date while a SMILES is written."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symmetry_pl.molecules.prefix.machine import PrefixMachine, PrefixState

__all__ = ["BUCKETS", "TAG_BITS", "AdditiveTable", "PrefixKeys"]

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.intp]

BUCKETS = 1 << 17
"""Places of weights of atoms and bonds; one more holds the 0 of what was never seen."""

TAG_BITS = 23
"""Bits of a key beyond those of its place."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_OTHER = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class AdditiveTable:
    r"""Weights of :math:`b + \sum_a (v_{s(a)} + h\,H_a + w_{k(a)}) + \sum_{(a,b)} w_{k(a,b)}`.

    An atom counts by its symbol s, its hydrogens H and its key k, which is the symbol with the
    multiset of its neighbours' symbols, the bonds to them and the count of those in rings; a bond
    by the keys of its ends, its kind and whether it is in a ring.

    Args:
        offset: b ``(P,)``.
        symbol: v ``(V, P)``.
        hydrogen: h ``(P,)``.
        bucket: w ``(2^17 + 1, P)``, the last row 0.
        tag: which key each place is of ``(2^17,)``; another has the weight 0.
    """

    offset: Floats
    symbol: Floats
    hydrogen: Floats
    bucket: Floats
    tag: npt.NDArray[np.int32]

    def place(self, key: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Places of the weights of keys of 40 bits, of any shape."""
        place = key >> TAG_BITS
        return np.where(self.tag[place] == (key & ((1 << TAG_BITS) - 1)), place, BUCKETS)


class PrefixKeys:
    """Keys of the atoms and bonds of B prefixes, and the sums of their weights.

    Args:
        machine: what writes the prefixes.
        rows: B.
        table: the weights; without them only keys are kept, of which ``features`` tells.
    """

    def __init__(self, machine: PrefixMachine, rows: int, table: AdditiveTable | None) -> None:
        self.machine, self.table = machine, table
        atoms, rings = machine.most_atoms, machine.most_rings
        self.key = np.zeros((rows, atoms), np.uint64)
        self.in_ring = np.zeros((rows, atoms), np.bool_)  # the bond to the parent
        self.hydrogens = np.zeros((rows, atoms), np.int8)
        self.atom_bucket = np.full((rows, atoms), BUCKETS, np.int32)
        self.bond_bucket = np.full((rows, atoms + rings), BUCKETS, np.int32)
        width = 0 if table is None else len(table.offset)
        self.sums = np.zeros((rows, width), np.float32)
        if table is not None:
            self.sums += table.offset
        text = np.array([zlib.crc32(s.encode()) for s in machine.table.symbols], np.uint64)
        kinds = np.arange(6, dtype=np.uint64)
        self._atom = _mix(text * _GOLDEN)
        self._neighbour = _mix((text[:, None] * np.uint64(8) + kinds + np.uint64(1)) * _OTHER)
        self._kinds = _mix((kinds + np.uint64(77)) * _GOLDEN)
        self._ring = _mix(np.array([12345], np.uint64))[0]

    def follow(self, state: PrefixState, atoms: Rows, closed: Rows, start: Rows, end: Rows) -> None:
        """Take in what ``PrefixMachine.step`` has done; its four results are the arguments."""
        if not len(atoms) and not len(closed):
            return
        dirty = np.zeros(self.key.shape, np.bool_)
        self._follow_atoms(state, atoms, dirty)
        self._follow_rings(state, closed, start, end, dirty)
        if self.table is not None:
            self._add(state, dirty)

    def _follow_atoms(self, state: PrefixState, rows: Rows, dirty: npt.NDArray[np.bool_]) -> None:
        new = state.here[rows]
        token = state.token[rows, new]
        self.key[rows, new] = self._atom[token]
        dirty[rows, new] = True
        if self.table is not None:
            self.sums[rows] += self.table.symbol[token]
        parent = state.parent[rows, new]
        bonded = parent >= 0
        r, n, p = rows[bonded], new[bonded], parent[bonded]
        kind = state.bond[r, n]
        self.key[r, n] += self._neighbour[state.token[r, p], kind]
        self.key[r, p] += self._neighbour[state.token[r, n], kind]
        dirty[r, p] = True

    def _follow_rings(
        self,
        state: PrefixState,
        rows: Rows,
        start: Rows,
        end: Rows,
        dirty: npt.NDArray[np.bool_],
    ) -> None:
        if not len(rows):
            return
        kind = state.ring_bond[rows, state.closed[rows] - 1]
        for one, other in ((start, end), (end, start)):
            self.key[rows, one] += self._neighbour[state.token[rows, other], kind] + self._ring
            dirty[rows, one] = True
        for _ in range(self.machine.most_atoms):  # up the parents, at most all of them
            below = state.level[rows, end] > state.level[rows, start]
            rows, start, end = rows[below], start[below], end[below]
            if not len(rows):
                return
            parent = state.parent[rows, end].astype(np.intp)
            new = ~self.in_ring[rows, end]
            r = rows[new]
            self.in_ring[r, end[new]] = True
            for at in (end[new], parent[new]):
                self.key[r, at] += self._ring
                dirty[r, at] = True
            end = parent

    def _add(self, state: PrefixState, dirty: npt.NDArray[np.bool_]) -> None:
        """Replace the weights of atoms and bonds whose keys have changed."""
        assert self.table is not None
        rows, cols = np.nonzero(dirty)
        bucket = self.table.place(self.keys_of_atoms(rows, cols))
        delta = self.table.bucket[bucket] - self.table.bucket[self.atom_bucket[rows, cols]]
        self.atom_bucket[rows, cols] = bucket
        implied = self.machine.hydrogens(state.token[rows, cols], state.used[rows, cols])
        change = implied - self.hydrogens[rows, cols]
        self.hydrogens[rows, cols] = implied
        delta = delta + change[:, None] * self.table.hydrogen
        _add_rows(self.sums, rows, delta)
        some = np.unique(rows)
        b_rows, b_cols, keys = self.keys_of_bonds(state, some, dirty)
        bucket = self.table.place(keys)
        delta = self.table.bucket[bucket] - self.table.bucket[self.bond_bucket[b_rows, b_cols]]
        self.bond_bucket[b_rows, b_cols] = bucket
        _add_rows(self.sums, b_rows, delta)

    def keys_of_atoms(self, rows: Rows, cols: Rows) -> npt.NDArray[np.int64]:
        """Keys of some atoms, of 40 bits."""
        found: npt.NDArray[np.int64] = (_mix(self.key[rows, cols]) >> np.uint64(24)).astype(
            np.int64
        )
        return found

    def keys_of_bonds(
        self, state: PrefixState, rows: Rows, dirty: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Rows, Rows, npt.NDArray[np.int64]]:
        """Rows, places and keys of the bonds of some rows; of those at marked atoms, if any."""
        atoms, rings = self.machine.most_atoms, self.machine.most_rings
        first = np.concatenate([state.parent[rows], state.ring_from[rows]], 1)
        own = np.broadcast_to(np.arange(atoms, dtype=np.int16), (len(rows), atoms))
        second = np.concatenate([own, state.ring_to[rows]], 1)
        there = np.concatenate(
            [
                (state.parent[rows] >= 0) & (own < state.count[rows, None]),
                np.arange(rings) < state.closed[rows, None],
            ],
            1,
        )
        if dirty is not None:
            at = np.arange(len(rows))[:, None], np.maximum(first, 0)
            marked = dirty[rows]
            there &= marked[at] | marked[at[0], second]
        i, cols = np.nonzero(there)
        r, a, b = rows[i], first[i, cols], second[i, cols]
        kind = np.concatenate([state.bond[rows], state.ring_bond[rows]], 1)[i, cols]
        ring = np.concatenate([self.in_ring[rows], np.ones((len(rows), rings), np.bool_)], 1)
        key = _mix(self.key[r, a]) + _mix(self.key[r, b]) + self._kinds[kind]
        key = key + self._ring * ring[i, cols].astype(np.uint64)
        return r, cols, (_mix(key * _OTHER) >> np.uint64(24)).astype(np.int64)


def _mix(key: Keys) -> Keys:
    """A bijection of 64 bits whose highest depend on all (the finaliser of splitmix64)."""
    key = (key ^ (key >> np.uint64(30))) * _OTHER
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Keys = key ^ (key >> np.uint64(31))
    return found


def _add_rows(sums: Floats, rows: Rows, delta: Floats) -> None:
    """Add to the sums of rows, which come in order."""
    if not len(rows):
        return
    begins = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    sums[rows[begins]] += np.add.reduceat(delta, begins, axis=0)

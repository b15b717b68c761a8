"""A batch of SMILES prefixes as a state: where they stand, and which symbols may follow."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from symmetry_pl.molecules.prefix.symbols import (
    ATOM,
    BOND,
    CLOSE,
    END,
    MOST_RINGS,
    OPEN,
    RING,
    SymbolTable,
)

__all__ = ["AROMATIC_BOND", "PrefixMachine", "PrefixState"]

Ints = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

AROMATIC_BOND = 4
"""Kind of a bond between two aromatic atoms; others have their order."""

_DEEPEST = 12  # branches within branches


@dataclass
class PrefixState:
    """Where B prefixes stand, of at most A atoms and R closed rings each.

    Args:
        count: atoms so far ``(B,)``.
        here: the atom that the next one is bonded to, −1 before the first ``(B,)``.
        pending: order of a bond that is written but leads nowhere yet, 0 for none ``(B,)``.
        last: kind of the last symbol ``(B,)``; ``END`` at the beginning.
        done: whether the end has been written ``(B,)``.
        depth: branches that are open ``(B,)``.
        back: atoms that these return to ``(B, 12)``.
        begun: atoms there were when they began ``(B, 12)``.
        token: symbols of the atoms ``(B, A)``.
        parent: the atom each was bonded to when it was written ``(B, A)``.
        bond: kind of that bond ``(B, A)``.
        level: bonds to the first atom along parents ``(B, A)``.
        free: bond orders that each atom has left, open rings served ``(B, A)``.
        used: bond orders that each atom has ``(B, A)``.
        owed: whether an aromatic atom owes a double bond within rings ``(B, A)``.
        path: those that owe one, of the atoms from the first to this one ``(B, A)``.
        open_at: the atom that opened each ring label, −1 where it is not open ``(B, 10)``.
        open_bond: the order written there, 0 for none ``(B, 10)``.
        closed: rings so far ``(B,)``.
        ring_from: the atom that opened each of them ``(B, R)``.
        ring_to: the atom that closed it ``(B, R)``.
        ring_bond: kind of the bond that did ``(B, R)``.
    """

    count: Ints
    here: Ints
    pending: Ints
    last: Ints
    done: Flags
    depth: Ints
    back: Ints
    begun: Ints
    token: Ints
    parent: Ints
    bond: Ints
    level: Ints
    free: Ints
    used: Ints
    owed: Flags
    path: Ints
    open_at: Ints
    open_bond: Ints
    closed: Ints
    ring_from: Ints
    ring_to: Ints
    ring_bond: Ints

    def among(self, kept: npt.NDArray[np.bool_] | Rows) -> PrefixState:
        """The state of some of the rows, a copy."""
        return PrefixState(**{f.name: getattr(self, f.name)[kept] for f in fields(self)})


@dataclass(frozen=True)
class PrefixMachine:
    """Writes B SMILES side by side, symbol by symbol, and says what may come next.

    The language is that of RDKit's canonical SMILES: a ring that opens in a branch closes in it,
    no molecule and no branch ends in a branch, and ring labels are written at their atom before
    branches. Each SMILES it writes has the valences of ``SymbolTable``; for whether aromatic rings
    have their double bonds, see ``kekule.complete``.

    Args:
        table: the vocabulary.
        most_atoms: A, atoms of a molecule; 64 are more than any of ZINC has.
        most_rings: R, rings of a molecule.
    """

    table: SymbolTable
    most_atoms: int = 64
    most_rings: int = 16

    def start(self, rows: int) -> PrefixState:
        """B empty prefixes."""

        def ints(*size: int, value: int = 0) -> Ints:
            return np.full((rows, *size), value, np.int16)

        atoms, rings = self.most_atoms, self.most_rings
        of_atoms = {n: ints(atoms) for n in ("token", "bond", "level", "free", "used", "path")}
        of_rings = {n: ints(rings) for n in ("ring_from", "ring_to", "ring_bond")}
        counts = {n: ints() for n in ("count", "pending", "last", "depth", "closed")}
        return PrefixState(
            **counts,
            **of_atoms,
            **of_rings,
            here=ints(value=-1),
            done=np.zeros(rows, np.bool_),
            back=ints(_DEEPEST),
            begun=ints(_DEEPEST),
            parent=ints(atoms, value=-1),
            owed=np.zeros((rows, atoms), np.bool_),
            open_at=ints(MOST_RINGS, value=-1),
            open_bond=ints(MOST_RINGS),
        )

    # -- what may follow --------------------------------------------------------------------------

    def allowed(self, state: PrefixState) -> Flags:
        """Boolean ``(B, V)``: symbols that may come next; after the end, the padding alone."""
        t, rows = self.table, np.arange(len(state.count))
        here = np.maximum(state.here, 0)
        begun = state.here >= 0
        free = np.where(begun, state.free[rows, here], 9)
        token = state.token[rows, here]
        order = t.cost[token, state.pending]
        after_bond, after_open = state.last == BOND, state.last == OPEN
        found = np.zeros((len(rows), len(t.symbols)), np.bool_)
        atoms = t.kind == ATOM
        fits = (
            (free >= order)
            & ~(state.done | (state.count >= self.most_atoms))
            & (begun | (state.count == 0))
        )
        room = np.where(begun[:, None], t.cost[atoms][:, state.pending].T, 0)
        found[:, atoms] = fits[:, None] & (t.capacity[atoms][None] >= room)
        lives = ~state.done & begun
        for i in np.flatnonzero(t.kind == BOND):
            outside = ~t.carbon[token] | (t.number[i] != 2) | state.owed[rows, here]
            found[:, i] = lives & ~after_bond & outside & (free >= t.cost[token, t.number[i]])
        for i in np.flatnonzero(t.kind == OPEN):
            room_here = (free >= 1) & (state.depth < _DEEPEST)
            found[:, i] = lives & ~after_bond & ~after_open & room_here
        atom_or_ring = (state.last == ATOM) | (state.last == RING)
        for i in np.flatnonzero(t.kind == CLOSE):
            top = state.begun[rows, np.maximum(state.depth - 1, 0)]
            served = state.open_at.max(1) < top  # rings that opened in the branch are closed
            found[:, i] = lives & atom_or_ring & (state.depth > 0) & served
        ends = lives & atom_or_ring & (state.depth == 0) & (state.open_at < 0).all(1)
        found[:, 0] = state.done | ends
        self._allow_rings(state, found, free)
        return found

    def _allow_rings(self, state: PrefixState, found: Flags, free: npt.NDArray[np.int64]) -> None:
        """Ring labels that may come next."""
        rows, here = np.arange(len(state.count)), np.maximum(state.here, 0)
        cost, token = self.table.cost, state.token
        room = self.most_rings - state.closed - np.count_nonzero(state.open_at >= 0, 1)
        lives = ~state.done & (state.here >= 0)
        at_atom = (state.last == ATOM) | (state.last == RING) | (state.last == BOND)
        for i in np.flatnonzero(self.table.kind == RING):
            label = self.table.number[i]
            opener = state.open_at[:, label]
            is_open, first = opener >= 0, np.maximum(opener, 0)
            size = state.level[rows, here] - state.level[rows, first] + 1
            both = (state.ring_from == opener[:, None]) & (state.ring_to == here[:, None])
            twice = (both & (np.arange(self.most_rings) < state.closed[:, None])).any(1)
            written = state.open_bond[:, label]
            agree = (written == 0) | (state.pending == 0) | (written == state.pending)
            order = np.maximum(written, state.pending)
            # the opener has kept what it wrote; a heavier bond takes the rest from what is free
            of_opener = token[rows, first]
            rest = cost[of_opener, order] - cost[of_opener, written]
            fits = (free >= cost[token[rows, here], order]) & (state.free[rows, first] >= rest)
            closes = is_open & (size >= 3) & ~twice & agree & fits
            opens = ~is_open & (free >= cost[token[rows, here], state.pending]) & (room > 0)
            found[:, i] = lives & at_atom & (closes | opens)

    # -- one symbol more ---------------------------------------------------------------------------

    def step(self, state: PrefixState, ids: npt.NDArray[np.int64]) -> tuple[Rows, Rows, Rows, Rows]:
        """Write one symbol in every row, in place; those not ``allowed`` leave a state of no use.

        Args:
            state: of B rows.
            ids: symbols ``(B,)``.

        Returns:
            Rows with a new atom, those where a ring closed, and of the latter the atom that opened
            it and the atom that closed it.
        """
        kind = np.where(state.done, -1, self.table.kind[ids])
        atoms, bonds, opens, closes, rings = (
            np.flatnonzero(kind == k) for k in (ATOM, BOND, OPEN, CLOSE, RING)
        )
        state.last[kind >= 0] = kind[kind >= 0]
        state.done |= kind == END
        if len(bonds):
            state.pending[bonds] = self.table.number[ids[bonds]]
        if len(opens):
            depth = np.minimum(state.depth[opens], _DEEPEST - 1)
            state.back[opens, depth] = state.here[opens]
            state.begun[opens, depth] = state.count[opens]
            state.depth[opens] += 1
        if len(closes):
            state.depth[closes] = np.maximum(state.depth[closes] - 1, 0)
            state.here[closes] = state.back[closes, np.minimum(state.depth[closes], _DEEPEST - 1)]
        if len(atoms):
            self._write_atoms(state, atoms, ids[atoms])
        closed = atoms[:0]
        ends = (closed, closed)
        if len(rings):
            closed, ends = self._write_rings(state, rings, self.table.number[ids[rings]])
        return atoms, closed, *ends

    def _write_atoms(self, state: PrefixState, rows: Rows, ids: npt.NDArray[np.int64]) -> None:
        t = self.table
        new = np.minimum(state.count[rows], self.most_atoms - 1)
        parent = state.here[rows]
        state.token[rows, new] = ids
        state.parent[rows, new] = parent
        state.free[rows, new] = t.capacity[ids]
        state.owed[rows, new] = t.carbon[ids] | t.nitrogen[ids] | t.cation[ids]
        state.path[rows, new] = state.owed[rows, new]
        bonded = parent >= 0
        r, n, p = rows[bonded], new[bonded], parent[bonded]
        kind = self._kind(state.pending[r], state.token[r, p], ids[bonded])
        state.bond[r, n] = kind
        state.level[r, n] = state.level[r, p] + 1
        self._take(state, r, p, kind)
        self._take(state, r, n, kind)
        state.path[r, n] = state.path[r, p] + state.owed[r, n]
        state.pending[rows] = 0
        state.here[rows] = new
        state.count[rows] = new + 1

    def _write_rings(
        self, state: PrefixState, rows: Rows, label: npt.NDArray[np.int8]
    ) -> tuple[Rows, tuple[Rows, Rows]]:
        here, opener = state.here[rows], state.open_at[rows, label]
        opens = opener < 0
        r, at, b = rows[opens], here[opens], state.pending[rows[opens]]
        state.open_at[r, label[opens]] = at
        state.open_bond[r, label[opens]] = b
        state.free[r, at] -= self.table.cost[
            state.token[r, at], b
        ]  # kept for the bond that closes the ring
        self._settle(state, r, at)
        r, at, start, names = rows[~opens], here[~opens], opener[~opens], label[~opens]
        written = state.open_bond[r, names]
        order = np.maximum(written, state.pending[r])
        kind = self._kind(order, state.token[r, start], state.token[r, at])
        self._take(state, r, start, kind, self.table.cost[state.token[r, start], written])
        self._take(state, r, at, kind)
        place = np.minimum(state.closed[r], self.most_rings - 1)
        for name, value in (("ring_from", start), ("ring_to", at), ("ring_bond", kind)):
            getattr(state, name)[r, place] = value
        state.closed[r] = place + 1
        state.open_at[r, names] = -1
        state.pending[rows] = 0
        return r, (start.astype(np.intp), at.astype(np.intp))

    def _kind(self, order: Ints, first: Ints, second: npt.NDArray[np.int64] | Ints) -> Ints:
        """Kind of a bond: the order written, or what two atoms imply."""
        both = self.table.aromatic[first] & self.table.aromatic[second]
        return np.where(order > 0, order, np.where(both, AROMATIC_BOND, 1)).astype(np.int16)

    def _take(
        self, state: PrefixState, rows: Rows, at: Ints, kind: Ints, kept: Ints | int = 0
    ) -> None:
        """Take a bond's order from an atom, of which ``kept`` was taken before."""
        token = state.token[rows, at]
        order = self.table.cost[token, np.where(kind == AROMATIC_BOND, 1, kind)]
        state.used[rows, at] += order
        state.free[rows, at] -= order - kept
        self._settle(state, rows, at, (kind == 2) & self.table.carbon[token])

    def _settle(
        self, state: PrefixState, rows: Rows, at: Ints, outside: Flags | None = None
    ) -> None:
        """Aromatic atoms that owe no double bond now: one is outside, or three neighbours."""
        full = self.table.nitrogen[state.token[rows, at]] & (state.free[rows, at] <= 0)
        pays = state.owed[rows, at] & (full if outside is None else full | outside)
        state.owed[rows[pays], at[pays]] = False
        state.path[rows[pays], at[pays]] -= 1

    # -- at the end --------------------------------------------------------------------------------

    def hydrogens(self, token: Ints, used: Ints) -> npt.NDArray[np.int8]:
        """Hydrogens that are implied on atoms with such bonds, of any shape."""
        return self.table.fills[token, np.clip(used, 0, 7)]

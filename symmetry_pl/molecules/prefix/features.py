"""What a network is told of a prefix beside its symbols."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from symmetry_pl.molecules.prefix.machine import PrefixMachine, PrefixState
from symmetry_pl.molecules.prefix.symbols import BOND, CLOSE, OPEN

__all__ = ["WIDTH", "prefix_features"]

_LABELS = (1, 2, 3, 4)  # of rings; more are open at once in one molecule of a thousand
_OF_A_RING = 8
WIDTH = 16 + _OF_A_RING * len(_LABELS)
"""Numbers a prefix."""


def prefix_features(machine: PrefixMachine, state: PrefixState) -> npt.NDArray[np.float32]:
    """Numbers of the order of 1 ``(B, 48)``: the atom that is written at, branches, open rings.

    Of each ring label up to 4: whether it is open, the size the ring has if it closes now and
    whether that is five or six, how many of its atoms owe a double bond and whether this is even,
    and the opener: whether it is aromatic, and what it has left.
    """
    t, rows = machine.table, np.arange(len(state.count))
    here, begun = np.maximum(state.here, 0), state.here >= 0
    token = state.token[rows, here]
    top = np.maximum(state.depth - 1, 0)
    back = state.back[rows, top]
    free = state.free[rows, here]
    columns = [
        begun,
        free / 4,
        free <= 0,
        t.aromatic[token] & begun,
        state.owed[rows, here] & begun,
        state.pending == 1,
        state.pending == 2,
        state.pending == 3,
        (state.last == OPEN) | (state.last == BOND),
        state.last == CLOSE,
        state.depth / 3,
        (state.depth > 0) * state.free[rows, np.maximum(back, 0)] / 4,
        (state.open_at >= 0).sum(1) / 3,
        state.count / 25,
        state.closed / 4,
        (state.open_at.max(1) >= state.begun[rows, top]) & (state.depth > 0),
    ]
    for label in _LABELS:
        opener = state.open_at[:, label]
        is_open, first = opener >= 0, np.maximum(opener, 0)
        size = state.level[rows, here] - state.level[rows, first] + 1
        owe = state.path[rows, here] - state.path[rows, first] + state.owed[rows, first]
        columns += [
            is_open,
            is_open * size / 8,
            is_open & (size == 5),
            is_open & (size == 6),
            is_open * owe / 6,
            is_open & (owe % 2 == 0),
            is_open & t.aromatic[state.token[rows, first]],
            is_open * state.free[rows, first] / 4,
        ]
    return np.stack(columns, 1).astype(np.float32)

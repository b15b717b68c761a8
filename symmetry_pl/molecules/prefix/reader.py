"""Whole molecules read as all of their prefixes, and prefixes that grow: one code for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symmetry_pl.molecules.prefix.additive import AdditiveTable, PrefixKeys
from symmetry_pl.molecules.prefix.features import prefix_features
from symmetry_pl.molecules.prefix.machine import PrefixMachine, PrefixState
from symmetry_pl.molecules.prefix.symbols import SymbolTable

__all__ = ["GrowingPrefixes", "Reading", "read_prefixes"]


@dataclass(frozen=True)
class Reading:
    """What is known of prefixes, those of one time or of all times.

    Args:
        last: the last symbol, 0 before the first ``(B,)`` or ``(B, T)``.
        here: symbol of the atom that is written at, 0 before the first, as ``last``.
        features: as ``prefix_features`` has them ``(…, 48)``.
        sums: properties so far, as if the molecule ended here ``(…, P)``; P is 0 without a table.
    """

    last: npt.NDArray[np.int64]
    here: npt.NDArray[np.int64]
    features: npt.NDArray[np.float32]
    sums: npt.NDArray[np.float32]


class GrowingPrefixes:
    """B prefixes that grow side by side.

    Args:
        symbols: the vocabulary, padding first.
        rows: B.
        table: weights of additive properties, if they are to be summed.
        keys: whether atoms and bonds are told apart at all.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        rows: int,
        table: AdditiveTable | None = None,
        keys: bool = False,
    ) -> None:
        self.machine = PrefixMachine(SymbolTable.of(symbols))
        self.state: PrefixState = self.machine.start(rows)
        self.keys = PrefixKeys(self.machine, rows, table) if keys or table else None
        self.last = np.zeros(rows, np.int64)

    def step(self, ids: npt.NDArray[np.int64]) -> None:
        """Write a symbol in every row ``(B,)``."""
        found = self.machine.step(self.state, ids)
        if self.keys is not None:
            self.keys.follow(self.state, *found)
        self.last = ids

    def reading(self) -> Reading:
        """What is known now."""
        rows, here = np.arange(len(self.last)), np.maximum(self.state.here, 0)
        sums = np.zeros((len(rows), 0), np.float32) if self.keys is None else self.keys.sums.copy()
        return Reading(
            self.last,
            self.state.token[rows, here].astype(np.int64),
            prefix_features(self.machine, self.state),
            sums,
        )


def read_prefixes(
    symbols: Sequence[str], tokens: npt.NDArray[np.int64], table: AdditiveTable | None = None
) -> Reading:
    """All prefixes of molecules, from the empty one to the whole.

    Args:
        symbols: the vocabulary, padding first.
        tokens: ids ``(B, L)``.
        table: weights of additive properties, if they are to be summed.

    Returns:
        Arrays ``(B, L + 1, …)``; entry t is of the first t symbols.
    """
    growing = GrowingPrefixes(symbols, len(tokens), table)
    found = [growing.reading()]
    for ids in tokens.T:
        growing.step(ids)
        found.append(growing.reading())
    return Reading(
        *(
            np.stack([getattr(one, name) for one in found], 1)
            for name in ("last", "here", "features", "sums")
        )
    )

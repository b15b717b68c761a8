"""Weights of additive properties, learned from whole molecules in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from symmetry_pl.molecules.prefix.additive import BUCKETS, AdditiveTable
from symmetry_pl.molecules.prefix.reader import GrowingPrefixes

__all__ = ["fit_additive"]

_ROWS = 4_000  # molecules that are read at once
_SEEN = 4  # molecules in which a key must occur
_MOST = 6_000  # keys, the most frequent
_PENALTY = 0.3


def fit_additive(
    symbols: Sequence[str], tokens: npt.NDArray[np.int64], y: npt.NDArray[np.float64]
) -> AdditiveTable:
    """Least squares on symbols and hydrogens, then ridge regression on keys of what is left.

    A property that symbols and hydrogens determine, as the weight, is therefore exact.

    Args:
        symbols: the vocabulary, padding first.
        tokens: whole molecules ``(N, L)``.
        y: their properties ``(N, P)``.
    """
    parts = [_counts(symbols, tokens[i : i + _ROWS]) for i in range(0, len(tokens), _ROWS)]
    base = np.concatenate([part[0] for part in parts])
    keys = sparse.vstack([part[1] for part in parts], format="csc")
    design = np.concatenate([np.ones((len(base), 1)), base], 1)
    first = np.linalg.lstsq(design, y, rcond=None)[0]
    left = y - design @ first
    seen = np.diff(keys.indptr)
    chosen = np.argsort(-seen, kind="stable")[:_MOST]
    chosen = chosen[seen[chosen] >= _SEEN]
    bucket = np.zeros((BUCKETS, y.shape[1]), np.float32)
    if len(chosen):
        x = keys[:, chosen]
        gram = (x.T @ x).toarray()
        gram[np.diag_indices_from(gram)] += _PENALTY
        bucket[chosen] = linalg.solve(gram, x.T @ left, assume_a="pos", overwrite_a=True)
    single = np.float32
    return AdditiveTable(
        first[0].astype(single), first[1:-1].astype(single), first[-1].astype(single), bucket
    )


def _counts(
    symbols: Sequence[str], tokens: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], sparse.csr_matrix]:
    """Counts of symbols of atoms and of hydrogens ``(N, V + 1)``, and of keys ``(N, 2^17)``."""
    growing = GrowingPrefixes(symbols, len(tokens), keys=True)
    for ids in tokens.T:
        growing.step(ids)
    state, keys, machine = growing.state, growing.keys, growing.machine
    assert keys is not None
    there = np.arange(machine.most_atoms) < state.count[:, None]
    rows, cols = np.nonzero(there)
    token = state.token[rows, cols]
    base = np.zeros((len(tokens), len(symbols) + 1))
    np.add.at(base, (rows, token), 1)
    np.add.at(base[:, -1], rows, machine.hydrogens(token, state.used[rows, cols]))
    of_bonds = keys.bucket_of_bonds(state, np.arange(len(tokens)))
    where = np.concatenate([rows, of_bonds[0]])
    which = np.concatenate([keys.bucket_of_atoms(rows, cols), of_bonds[2]])
    shape = (len(tokens), BUCKETS)
    return base, sparse.csr_matrix((np.ones(len(where)), (where, which)), shape)

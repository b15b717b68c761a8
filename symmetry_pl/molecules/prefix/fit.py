"""Weights of additive properties, learned from whole molecules in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from symmetry_pl.molecules.prefix.additive import BUCKETS, TAG_BITS, AdditiveTable
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
    design = np.concatenate([np.ones((len(base), 1)), base], 1)
    first = np.linalg.lstsq(design, y, rcond=None)[0]
    left = y - design @ first
    rows = np.concatenate([part[1] + i * _ROWS for i, part in enumerate(parts)])
    names, columns = np.unique(np.concatenate([part[2] for part in parts]), return_inverse=True)
    counts = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(base), len(names)))
    seen = counts.getnnz(0)
    atoms = np.isin(names, np.concatenate([part[3] for part in parts]))
    chosen = np.lexsort((-seen, ~atoms))[:_MOST]  # atoms first, then the most frequent
    chosen = chosen[seen[chosen] >= _SEEN]
    # of two keys in one place the more frequent has it
    chosen = chosen[np.unique(names[chosen] >> TAG_BITS, return_index=True)[1]]
    bucket = np.zeros((BUCKETS + 1, y.shape[1]), np.float32)
    tag = np.full(BUCKETS, -1, np.int32)
    if len(chosen):
        place = names[chosen] >> TAG_BITS
        tag[place] = names[chosen] & ((1 << TAG_BITS) - 1)
        # a constant goes along: what symbols alone need, keys may not
        x = sparse.hstack([np.ones((len(base), 1)), counts[:, chosen]], format="csr")
        gram = (x.T @ x).toarray()
        diagonal = np.arange(1, len(gram))
        gram[diagonal, diagonal] += _PENALTY
        found = linalg.solve(gram, x.T @ left, assume_a="pos", overwrite_a=True)
        first[0] += found[0]
        bucket[place] = found[1:]
    single = np.float32
    return AdditiveTable(
        first[0].astype(single), first[1:-1].astype(single), first[-1].astype(single), bucket, tag
    )


def _counts(
    symbols: Sequence[str], tokens: npt.NDArray[np.int64]
) -> tuple[
    npt.NDArray[np.float64], npt.NDArray[np.intp], npt.NDArray[np.int64], npt.NDArray[np.int64]
]:
    """Counts of symbols and of hydrogens ``(N, V + 1)``; rows of keys, the keys, those of atoms."""
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
    bond_rows, _, of_bonds = keys.keys_of_bonds(state, np.arange(len(tokens)))
    of_atoms = keys.keys_of_atoms(rows, cols)
    return base, np.concatenate([rows, bond_rows]), np.concatenate([of_atoms, of_bonds]), of_atoms

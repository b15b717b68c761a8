"""Drug-like molecules without stereochemistry, with the properties that may be asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from rdkit import rdBase

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.files.derived import DerivedColumns, cache_root
from symmetry_pl.datamodules.files.download import sha256_of
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable
from symmetry_pl.messages import listed
from symmetry_pl.molecules.descriptors import DESCRIPTORS, descriptors, flat_smiles

__all__ = ["read_targets"]

_BAD = "!"  # marks a reason where a text would stand; no SMILES starts with it


def read_targets(
    path: Path, cache: str | None = None, most: int | None = None
) -> tuple[MoleculeTable, Counter[str]]:
    """Different molecules of a file, in its order, and why others are left out.

    Args:
        path: a CSV file with a column ``smiles``.
        cache: folder of derived columns; null for the user's.
        most: rows of the file that are looked at; null for all.

    Returns:
        The molecules, spelled without stereochemistry, with the properties of ``DESCRIPTORS`` in
        their units; and a count of rows for each reason to leave them out.

    Raises:
        ValueError: if the file has no column of SMILES.
    """
    table = read_csv(path, ["smiles"])
    if "smiles" not in table.columns:
        raise ValueError(f"{path} has no column 'smiles', only {listed(table.header) or 'none'}")
    smiles = [text.strip() for text in table.columns["smiles"]]
    derived = DerivedColumns(cache_root(cache), sha256_of(path, uncompressed=True), len(smiles))
    version = f"rdkit-{rdBase.rdkitVersion}"
    rows = range(len(smiles))[:most]
    flat = derived.column(f"flat-{version}", rows, lambda row: _flat(smiles[row]), " (½ ms each)")
    kept, left_out = _different(flat, rows)
    texts = derived.column(
        f"descriptors-{version}", kept, lambda row: _row(flat[row]), " (2 ms each)"
    )
    targets = [[float(value) for value in texts[row].split()] for row in kept]
    found = MoleculeTable(
        path,
        torch.tensor(kept, dtype=torch.int64),
        [smiles[row] for row in kept],
        [flat[row] for row in kept],
        torch.tensor(targets, dtype=torch.float64).reshape(-1, len(DESCRIPTORS)),
        (),
    )
    return found, left_out


def _flat(smiles: str) -> str:
    try:
        return flat_smiles(smiles)
    except ValueError as error:
        return f"{_BAD}{error}"


def _row(smiles: str) -> str:
    return " ".join(map(repr, descriptors(smiles)))


def _different(flat: Sequence[str], rows: Sequence[int]) -> tuple[list[int], Counter[str]]:
    """The first row of each molecule, and why the others are left out."""
    kept: dict[str, int] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        if flat[row].startswith(_BAD):
            left_out[flat[row].removeprefix(_BAD)] += 1
        elif kept.setdefault(flat[row], row) != row:
            left_out["a molecule that another row has"] += 1
    return list(kept.values()), left_out

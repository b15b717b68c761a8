"""ZINC250k as columns: the published file, or SMILES whose properties RDKit computes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rdkit import rdBase
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.csv_table import CsvTable, read_csv
from symmetry_pl.datamodules.files.derived import DerivedColumns, cache_root
from symmetry_pl.datamodules.files.download import data_root, locate, sha256_of
from symmetry_pl.datamodules.files.numbers import to_floats
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable
from symmetry_pl.datamodules.molecules.standard_molecules import standard_molecules
from symmetry_pl.messages import listed
from symmetry_pl.molecules import (
    PROPERTIES,
    Representation,
)

__all__ = [
    "PUBLISHED",
    "TEST",
    "TRAIN",
    "UNUSED",
    "VAL",
    "ZINCTable",
    "read_zinc",
    "zinc_file",
]

UNUSED, TRAIN, VAL, TEST = -1, 0, 1, 2

PUBLISHED = {"qed": ("qed",), "logp": ("logP", "logp"), "sas": ("SAS", "sas")}
"""The columns that may hold a published property."""

_FILE = "250k_rndm_zinc_drugs_clean_3.csv"
_URL = (
    "https://raw.githubusercontent.com/aspuru-guzik-group/chemical_vae/master/models/"
    f"zinc_properties/{_FILE}"
)
_SHA256 = "35e3f1a52b1badc0697e373d73a18ad773f415936ff992f4c6baa2e067b3e6ae"
_OWN = ("zinc250k.csv", "zinc250k.csv.gz")
_COSTS = {"qed_rdkit": " (2 ms each)", "logp_rdkit": " (½ ms each)"}


@dataclass(frozen=True)
class ZINCTable(MoleculeTable):
    """The rows that are used, with the set that each is in.

    Args:
        canonical: RDKit's canonical SMILES.
        part: ``TRAIN``, ``VAL`` or ``TEST`` ``(N,)``.
        changes: what ``standardise`` changed, a name for each change.
    """

    canonical: list[str]
    part: Tensor
    changes: tuple[str, ...]


def zinc_file(root: str | None) -> Path:
    """The file: ``root`` itself, or the published file or one's own in that folder.

    It is looked for in ``root/zinc250k`` and in ``root``. Where there is none, the published file
    is downloaded into ``root/zinc250k``.

    Raises:
        FileNotFoundError: if there is none and it cannot be downloaded.
        ValueError: if a file of the published name has another checksum.
    """
    base = data_root(root)
    if base.is_file():
        return base
    folders = (base / "zinc250k", base)
    if not any((folder / _FILE).is_file() for folder in folders):
        for folder in folders:
            for name in _OWN:
                if (folder / name).is_file():
                    return folder / name
    return locate("ZINC250k", root, _FILE, _URL, _SHA256, folder="zinc250k")


def read_zinc(
    path: Path,
    language: Representation,
    properties: Sequence[str],
    deal: Callable[[int], Tensor],
    cache: str | None = None,
) -> tuple[ZINCTable, list[str]]:
    """The rows that are used, and the names of their targets.

    Args:
        path: a CSV file with a column ``smiles``.
        language: how molecules are spelled.
        properties: keys of ``PUBLISHED`` or of ``PROPERTIES``.
        deal: the set of each of N rows ``(N,)``, ``UNUSED`` for those not used.
        cache: folder of derived columns; null for the user's.

    Raises:
        ValueError: if the file has no SMILES, or lacks a property that RDKit does not compute.
    """
    published = [column for columns in PUBLISHED.values() for column in columns]
    table = read_csv(path, ["smiles", *published])
    if "smiles" not in table.columns:
        raise ValueError(f"{path} has no column 'smiles', only {listed(table.header) or 'none'}")
    # in the published file each SMILES ends in a newline
    smiles = [text.strip() for text in table.columns["smiles"]]
    part = deal(len(smiles))
    kept = (part != UNUSED).nonzero()[:, 0]
    rows: list[int] = kept.tolist()
    bad = {b.row: b for b in table.ragged if part[b.row] != UNUSED}

    derived = DerivedColumns(cache_root(cache), sha256_of(path, uncompressed=True), len(smiles))
    molecules = standard_molecules(derived, smiles, rows, bad)
    canonical = molecules.canonical
    texts = molecules.spelled(language, bad)
    good = [row for row in rows if row not in bad]
    names, columns = _targets(path, table, properties, canonical, derived, good)
    targets = torch.tensor(columns, dtype=torch.float64).T[kept].contiguous()
    for row in kept[~targets.isfinite().all(1)].tolist():
        bad.setdefault(row, BadRow(row, smiles[row], "a property is missing or not a number"))
    read = ZINCTable(
        path,
        kept,
        [smiles[row] for row in rows],
        [texts[row] for row in rows],
        targets,
        tuple(bad.values()),
        [canonical[row] for row in rows],
        part[kept],
        molecules.changes,
    )
    return read, names


def _property(compute: Callable[[str], float], smiles: Sequence[str], row: int) -> str:
    return repr(compute(smiles[row]))


def _targets(
    path: Path,
    table: CsvTable,
    properties: Sequence[str],
    smiles: Sequence[str],
    derived: DerivedColumns,
    rows: Sequence[int],
) -> tuple[list[str], list[list[float]]]:
    """Names and columns of the targets, NaN where a row is not used."""
    names, columns = [], []
    for name in properties:
        column = next((c for c in PUBLISHED.get(name, ()) if c in table.columns), None)
        if column is not None:
            names.append(name)
            columns.append(to_floats(table.columns[column]))
            continue
        computed = name if name in PROPERTIES else f"{name}_rdkit"
        if computed not in PROPERTIES:
            raise ValueError(
                f"{path} has no column {PUBLISHED[name][0]!r}, which RDKit does not compute: leave "
                f"it out of data.properties, or use the published {_FILE}"
            )
        if computed != name:
            warnings.warn(
                f"{path} has no column {PUBLISHED[name][0]!r}: the target is {computed}, "
                "which RDKit computes",
                stacklevel=2,
            )
        texts = derived.column(
            f"{computed}-rdkit-{rdBase.rdkitVersion}",
            rows,
            partial(_property, PROPERTIES[computed], smiles),
            _COSTS.get(computed, ""),
        )
        names.append(computed)
        columns.append(to_floats(texts))
    if len(set(names)) != len(names):
        raise ValueError(f"data.properties: {path} gives the same values for two of {names}")
    return names, columns

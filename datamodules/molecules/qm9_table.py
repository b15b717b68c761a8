"""QM9 as columns: the copy inside the package, or a user's own table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.derived import DerivedColumns, cache_root
from symmetry_pl.datamodules.files.download import sha256_of
from symmetry_pl.datamodules.files.numbers import to_floats
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable
from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED, read_columns
from symmetry_pl.datamodules.molecules.qm9_raw import own_table
from symmetry_pl.datamodules.molecules.standard_molecules import standard_molecules
from symmetry_pl.molecules import Representation, formula

__all__ = ["HARTREE", "TARGETS", "QM9Table", "Target", "read_qm9"]

HARTREE = 27.211386246
"""One hartree in eV, CODATA 2018 as rounded by PyTorch Geometric's QM9."""


class Target(NamedTuple):
    """A property: its unit, the columns that may hold it, and their factor to that unit."""

    unit: str
    columns: tuple[str, ...]
    factor: float


TARGETS = {
    "gap": Target("eV", ("gap_hartree", "gap"), HARTREE),
    "polarisability": Target("bohr³", ("alpha_bohr3", "alpha"), 1.0),
}


@dataclass(frozen=True)
class QM9Table(MoleculeTable):
    """A table with formulas; targets are in the units of ``TARGETS``.

    Args:
        formulas: elements in the order C, H, N, O, F.
        changes: what ``standardise`` changed, a name for each change.
    """

    formulas: list[str]
    changes: tuple[str, ...]


def read_qm9(
    root: str | None, language: Representation, targets: list[str], cache: str | None = None
) -> QM9Table:
    """Read the package's copy of QM9, or the table in ``root``.

    A user's table is any CSV file ``qm9.csv`` or ``qm9.csv.gz`` with a column ``smiles`` and
    the columns of ``TARGETS`` (energies in hartree); formulas are computed from the SMILES, and
    every molecule is parsed. Without one, the published archive is used: see ``own_table``.

    Args:
        root: folder of one's own table; null for the package's copy.
        language: how molecules are spelled.
        targets: keys of ``TARGETS``.
        cache: folder of what is computed from SMILES; null for the user's.

    Raises:
        FileNotFoundError: if there is no table in ``root``.
        ValueError: if it lacks a column.
    """
    path = EMBEDDED if root is None else own_table(root)
    wanted = [column for name in targets for column in TARGETS[name].columns]
    # the embedded copy is verified by the test suite, so its derived columns are trusted, but for
    # a spelling by other versions than those at hand, which bears another name
    derived = ["formula", language.version] if root is None else []
    columns = read_columns(path, ["smiles", *derived, *wanted])
    if "smiles" not in columns:
        raise ValueError(f"{path} has no column 'smiles'")
    smiles = [text.strip() for text in columns["smiles"]]
    values = torch.tensor(
        [_numbers(path, columns, name) for name in targets], dtype=torch.float64
    ).T.contiguous()
    bad: dict[int, BadRow] = {}
    for row in (~values.isfinite().all(1)).nonzero()[:, 0].tolist():
        bad[row] = BadRow(row, smiles[row], "a target is missing or not a number")
    formulas, texts = columns.get("formula"), columns.get(language.version)
    changes: tuple[str, ...] = ()
    if formulas is None or texts is None:
        known = DerivedColumns(cache_root(cache), sha256_of(path, uncompressed=True), len(smiles))
        molecules = standard_molecules(known, smiles, range(len(smiles)), bad)
        formulas = formulas or [formula(text) or "" for text in molecules.canonical]
        texts, changes = molecules.spelled(language, bad), molecules.changes
    rows = torch.arange(len(smiles))
    ordered = tuple(bad[row] for row in sorted(bad))
    return QM9Table(path, rows, smiles, texts, values, ordered, formulas, changes)


def _numbers(path: Path, columns: dict[str, list[str]], name: str) -> list[float]:
    """A target in its unit; NaN where a field is no number."""
    target = TARGETS[name]
    column = next((c for c in target.columns if c in columns), None)
    if column is None:
        raise ValueError(f"{path} has no column for {name}: {' or '.join(target.columns)}")
    return [value * target.factor for value in to_floats(columns[column])]

"""QM9 as columns: the copy inside the package, or a user's own table."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.qm9_embedded import EMBEDDED, read_columns
from datamodules.qm9_raw import own_table
from symmetry_pl.molecules import BadRow, Representation, check_smiles, formula

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
class QM9Table:
    """Columns of equal length N, unusable rows included.

    Args:
        path: where it was read.
        rows: row numbers in the file, from 0, ``(N,)``.
        smiles: as written there.
        formulas: elements in the order C, H, N, O, F.
        texts: the molecules in the representation asked for, one string each.
        targets: ``(N, t)`` float64 in the units of ``TARGETS``.
        bad: the unusable rows.
    """

    path: Path
    rows: Tensor
    smiles: list[str]
    formulas: list[str]
    texts: list[str]
    targets: Tensor
    bad: tuple[BadRow, ...] = ()

    def without_bad(self) -> QM9Table:
        """The usable rows."""
        bad = {b.row for b in self.bad}
        keep = [i for i in range(len(self.smiles)) if i not in bad]
        return replace(
            self,
            rows=self.rows[keep],
            smiles=[self.smiles[i] for i in keep],
            formulas=[self.formulas[i] for i in keep],
            texts=[self.texts[i] for i in keep],
            targets=self.targets[keep],
            bad=(),
        )


def read_qm9(root: str | None, language: Representation, targets: list[str]) -> QM9Table:
    """Read the package's copy of QM9, or the table in ``root``.

    A user's table is any CSV file ``qm9.csv`` or ``qm9.csv.gz`` with a column ``smiles`` and
    the columns of ``TARGETS`` (energies in hartree); formulas are computed from the SMILES, and
    every molecule is parsed. Without one, the published archive is used: see ``own_table``.

    Raises:
        FileNotFoundError: if there is no table in ``root``.
        ValueError: if it lacks a column.
    """
    path = EMBEDDED if root is None else own_table(root)
    wanted = [column for name in targets for column in TARGETS[name].columns]
    # the embedded copy is verified by the test suite, so its derived columns are trusted
    derived = ["formula", language.name] if root is None else []
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
    formulas = columns.get("formula")
    if formulas is None:
        formulas = [formula(text) or "" for text in smiles]
        for row, found in enumerate(formulas):
            if not found:
                bad[row] = BadRow(row, smiles[row], check_smiles(smiles[row]) or "not a molecule")
    texts = columns.get(language.name)
    if texts is None:
        texts = [""] * len(smiles)
        for row, text in enumerate(smiles):
            if row not in bad:
                try:
                    texts[row] = language.text(language.encode(text))
                except ValueError as error:
                    bad[row] = BadRow(row, text, str(error))
    rows = torch.arange(len(smiles))
    ordered = tuple(bad[row] for row in sorted(bad))
    return QM9Table(path, rows, smiles, formulas, texts, values, ordered)


def _numbers(path: Path, columns: dict[str, list[str]], name: str) -> list[float]:
    """A target in its unit; NaN where a field is no number."""
    target = TARGETS[name]
    column = next((c for c in target.columns if c in columns), None)
    if column is None:
        raise ValueError(f"{path} has no column for {name}: {' or '.join(target.columns)}")
    try:
        return [float(text) * target.factor for text in columns[column]]
    except ValueError:
        return [_number(text) * target.factor for text in columns[column]]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

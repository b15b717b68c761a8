"""Tables of molecules, and the sets they are dealt into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow

__all__ = ["MoleculeTable", "Splits", "unless"]

T = TypeVar("T", bound="MoleculeTable")


class Splits(NamedTuple):
    """Positions in the table: disjoint, and disjoint as molecules.

    Args:
        train: what is trained on.
        val: validation set.
        test: test set.
        pool: what pre-training may use, the training set included; nothing held out.
    """

    train: Tensor
    val: Tensor
    test: Tensor
    pool: Tensor

    def among(self, kept: Tensor) -> Splits:
        """Positions in the table of the rows that ``kept`` ``(N,)`` marks, without the others."""
        new = kept.cumsum(0) - 1
        return Splits(*(new[part[kept[part]]] for part in self))


@dataclass(frozen=True)
class MoleculeTable:
    """Columns of equal length N, unusable rows included.

    Args:
        path: where it was read.
        rows: row numbers in the file, from 0, ``(N,)``.
        smiles: as written there.
        texts: the molecules in the representation asked for, one string each.
        targets: ``(N, t)`` float64 in physical units.
        bad: the unusable rows.
    """

    path: Path
    rows: Tensor
    smiles: list[str]
    texts: list[str]
    targets: Tensor
    bad: tuple[BadRow, ...]

    def without_bad(self: T) -> T:
        """The usable rows."""
        bad = {b.row for b in self.bad}
        usable = torch.tensor([row not in bad for row in self.rows.tolist()], dtype=torch.bool)
        return replace(self.among(usable), bad=())

    def among(self: T, kept: Tensor) -> T:
        """The rows that ``kept`` ``(N,)`` marks."""
        positions = kept.nonzero()[:, 0].tolist()
        columns: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, Tensor):
                columns[field.name] = column[kept]
            elif isinstance(column, list):
                columns[field.name] = [column[i] for i in positions]
        return replace(self, **columns)


def unless(
    rows: Tensor, molecule: Mapping[int, str | None] | Sequence[str | None], held: set[str | None]
) -> Tensor:
    """Those of ``rows`` whose molecule is not in ``held``."""
    return rows[torch.tensor([molecule[i] not in held for i in rows.tolist()], dtype=torch.bool)]

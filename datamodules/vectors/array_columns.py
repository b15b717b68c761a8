"""Which columns of a file of arrays are inputs and targets, asked for or those of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import (
    Table,
    chosen_columns,
    column_names,
    read_table,
)
from symmetry_pl.datamodules.targets import Targets

__all__ = ["ArrayColumns"]


class ArrayColumns(NamedTuple):
    """Names or numbers of columns.

    Args:
        inputs: None for all but the targets.
        targets: to predict.
        units: of targets, by name.
        model: the data of a model whose inputs are wanted; targets may be absent then.
    """

    inputs: Sequence[str | int] | None
    targets: Sequence[str | int]
    units: Mapping[str, str]
    model: DataDescription | None

    def read(self, path: Path, key: str | None, header: bool | None) -> tuple[Table, Targets]:
        """Inputs and targets of a file.

        Args:
            path: the file.
            key: which array of a ``.npz`` file.
            header: whether the first line of a CSV file holds names.

        Raises:
            ValueError: as ``read_table``.
        """
        inputs, asked = self.inputs, list(self.targets)
        if self.model is not None:
            there = column_names(path, key, header)
            inputs = self.model.extra.get("columns", inputs)
            asked = [name for name in asked if str(name) in there]
        wanted = None if inputs is None else [*inputs, *asked]
        table = read_table(path, key, wanted, header)
        if inputs is None:
            outputs = chosen_columns(table.path, table.names, asked, "data.targets")
        else:
            outputs = list(range(len(inputs), len(table.names)))
        rest = [i for i in range(len(table.names)) if i not in outputs]
        targets = Targets(
            table.values[:, outputs].astype(np.float64),
            tuple(table.names[i] for i in outputs),
            tuple(self.units.get(str(name), "") for name in asked),
        )
        if not outputs:  # an array on disk stays there
            return table, targets
        return Table(table.path, [table.names[i] for i in rest], table.values[:, rest]), targets

"""Inputs, targets and IDs of a table, chosen by column, with every fault of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.array_files import chosen_columns
from symmetry_pl.datamodules.files.number_column import NumberColumn
from symmetry_pl.datamodules.files.number_table import NumberTable, Places
from symmetry_pl.datamodules.targets import Targets, as_array
from symmetry_pl.messages import listed, quoted

__all__ = ["TableRows", "Wanted", "table_in_memory"]

_LARGE = 1e100  # squares of larger numbers overflow in sums


class TableRows(NamedTuple):
    """What a table says, unusable rows included.

    Args:
        where: what messages call it.
        columns: names of the inputs.
        x: inputs ``(N, d)``; NaN in unusable rows.
        targets: of N rows, as x.
        ids: one a row, as they stand there; None without such a column.
        faults: of inputs and targets.
        left_out: columns that are no inputs as they are no numbers.
    """

    where: str
    columns: tuple[str, ...]
    x: npt.NDArray[np.float64]
    targets: Targets
    ids: list[str] | None
    faults: tuple[BadRow, ...]
    left_out: tuple[str, ...]


class Wanted(NamedTuple):
    """Which columns are what, by names or numbers.

    Args:
        inputs: None for all columns of numbers that are nothing else.
        targets: to predict.
        units: of targets, by name.
        id_column: what tells rows apart.
        of_model: whether inputs are those of a trained model, whose targets and IDs may be absent
            or incomplete; then there are none.
    """

    inputs: Sequence[str | int] | None
    targets: Sequence[str | int]
    units: Mapping[str, str]
    id_column: str | int | None
    of_model: bool = False

    @property
    def names(self) -> list[str]:
        """Names that only a header has."""
        asked = [*(self.inputs or ()), *self.targets, self.id_column]
        return [name for name in asked if isinstance(name, str) and not name.isdecimal()]

    def places(self, where: str, names: Sequence[str]) -> Places:
        """Of the columns to read.

        Raises:
            ValueError: for a column that there is not, or that is two things.
        """
        outputs, ids = self._outputs(where, names), self._ids(where, names)
        if self.inputs is None:
            inputs = [i for i in range(len(names)) if i not in (*outputs, *ids)]
        elif self.of_model:
            absent = [quoted(name) for name in self.inputs if name not in names]
            if absent:
                raise ValueError(
                    f"{where} lacks {listed(absent)} of the model's inputs; it has {listed(names)}"
                )
            inputs = chosen_columns(where, names, self.inputs, "the model's inputs")
        else:
            inputs = chosen_columns(where, names, self.inputs, "data.inputs")
            both = [names[i] for i in inputs if i in outputs]
            if both:
                raise ValueError(f"data.inputs has {listed(both)}, which data.targets has, too")
        return [*inputs, *outputs], ids

    def rows(self, table: NumberTable) -> TableRows:
        """Inputs, targets and IDs of the table.

        Raises:
            ValueError: if a column has no numbers, or numbers that could mean two things.
        """
        where, names = table.where, table.names
        outputs, ids = self._outputs(where, names), self._ids(where, names)
        inputs = [i for i in self.places(where, names)[0] if i not in outputs]
        if self.of_model and any(table.numbers[i].odd for i in outputs):
            outputs = []
        left_out: list[str] = []
        if self.inputs is None:
            left_out = [names[i] for i in inputs if not table.numbers[i].numeric]
            inputs = [i for i in inputs if table.numbers[i].numeric]
            if not inputs:
                raise ValueError(f"{where} has no column of numbers that could be an input")
        self._check_numbers(table, inputs, "data.inputs")
        self._check_numbers(table, outputs, "data.targets")
        columns = [names[i] for i in inputs]
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise ValueError(f"{where} has {quoted(twice[0])} more than once: rename a column")
        table.check_notation([*inputs, *outputs])
        called = tuple(names[i] for i in outputs)
        units = tuple(self.units.get(name, "") for name in called)
        return TableRows(
            where,
            tuple(columns),
            _matrix(table, inputs),
            Targets(_matrix(table, outputs), called, units),
            table.texts[ids[0]] if ids else None,
            tuple(table.faults([*inputs, *outputs])),
            tuple(left_out),
        )

    def _outputs(self, where: str, names: Sequence[str]) -> list[int]:
        if self.of_model and not {str(name).strip() for name in self.targets} <= set(names):
            return []
        return chosen_columns(where, names, self.targets, "data.targets")

    def _ids(self, where: str, names: Sequence[str]) -> list[int]:
        if self.id_column is None:
            return []
        if self.of_model and str(self.id_column).strip() not in names:
            return []
        return chosen_columns(where, names, [self.id_column], "data.id_column")

    def _check_numbers(self, table: NumberTable, places: Sequence[int], option: str) -> None:
        for place in places:
            column, name = table.numbers[place], quoted(table.names[place])
            usable = len(column.values) - len(column.odd)
            if not usable:
                example = next((text for _, text, _ in column.odd if text.strip()), "")
                found = f"such as {quoted(example)}" if example else "and is empty"
                raise ValueError(f"{option}: column {name} of {table.where} has no number, {found}")
            largest = float(np.nanmax(np.abs(column.values)))
            if largest > _LARGE:
                raise ValueError(
                    f"{option}: column {name} of {table.where} has numbers as large as "
                    f"{largest:.3g}, beyond {_LARGE:g}: choose another unit, or correct them"
                )


def table_in_memory(where: str, columns: Mapping[str, Any], ids: str | None = None) -> NumberTable:
    """Columns in memory as a table.

    Args:
        where: what messages call it.
        columns: values ``(N,)`` by name.
        ids: the column that is kept as text.

    Raises:
        ValueError: for columns that are no columns, or of unequal lengths.
    """
    numbers: dict[int, NumberColumn] = {}
    texts: dict[int, list[str]] = {}
    count = -1
    for place, (name, values) in enumerate(columns.items()):
        found = as_array(values)
        if found.ndim != 1:
            raise ValueError(f"{where}: {quoted(name)} has shape {found.shape}, no column (N,)")
        if count not in (-1, len(found)):
            raise ValueError(
                f"{where}: {quoted(name)} has {len(found)} rows, and the column before it {count}"
            )
        count = len(found)
        if name == ids:
            texts[place] = [str(value) for value in found.tolist()]
        numbers[place] = _column(found)
    if count < 1:
        raise ValueError(f"{where} has no rows")
    return NumberTable(where, tuple(columns), count, numbers, texts)


def _column(values: npt.NDArray[Any]) -> NumberColumn:
    """A column of numbers, or of objects of which some are."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        cells: Any = numbers
    else:
        cells = values.tolist() if values.dtype.kind in "OUS" else values.astype(str).tolist()
        numbers = np.array([_number(cell) for cell in cells], np.float64)
    odd = []
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        odd.append((row, str(cells[row]), _reason(cells[row])))
        numbers[row] = np.nan
    return NumberColumn(numbers, odd)


def _number(cell: Any) -> float:
    if isinstance(cell, (str, bytes)):
        return float("nan")  # text that looks like a number is nobody's guess to make
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _reason(cell: Any) -> str:
    if cell is None or str(cell) in ("", "nan", "<NA>", "NaN", "NaT"):
        return "missing"
    if isinstance(cell, (str, bytes)):
        return "text, no number"
    return "infinite" if isinstance(cell, (float, np.floating)) else "no number"


def _matrix(table: NumberTable, places: Sequence[int]) -> npt.NDArray[np.float64]:
    """Columns side by side ``(N, n)``."""
    found = np.empty((table.count, len(places)))
    for i, place in enumerate(places):
        found[:, i] = table.numbers[place].values
    return found

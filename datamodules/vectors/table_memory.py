"""Tables in memory: arrays, data frames, dicts of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symmetry_pl.datamodules.files.number_column import NumberColumn
from symmetry_pl.datamodules.files.number_table import NumberTable
from symmetry_pl.datamodules.targets import as_array, as_rows, as_targets
from symmetry_pl.messages import quoted

__all__ = ["TableInMemory", "table_in_memory", "table_of_arrays", "table_of_frame"]


class TableInMemory(NamedTuple):
    """A table, and the options of a datamodule that name its columns.

    Args:
        table: its columns.
        options: ``inputs``, ``targets``, ``units`` and ``id_column``.
    """

    table: NumberTable
    options: dict[str, Any]


def table_of_arrays(
    x: Any,
    y: Any,
    names: Sequence[str],
    units: Sequence[str],
    columns: Sequence[str],
    ids: Sequence[Any] | None,
) -> TableInMemory:
    """The columns of arrays.

    Args:
        x: inputs ``(N, d)``.
        y: targets ``(N, t)`` or ``(N,)``; None for none.
        names: of the targets; ``y0``, ``y1``, … if empty.
        units: of the targets; dimensionless if empty.
        columns: names of the inputs; ``x0``, ``x1``, … if empty.
        ids: what tells rows apart ``(N,)``; None for none.

    Raises:
        ValueError: for arrays that are not real numbers, or of unequal lengths; or for names that
            are not one a column, each once.
    """
    inputs = as_rows(x)
    targets = as_targets(y, names, units, count=len(inputs))
    called = list(columns) or [f"x{i}" for i in range(inputs.shape[1])]
    if len(called) != inputs.shape[1]:
        raise ValueError(f"x has {inputs.shape[1]} columns, and columns has {len(called)} entries")
    told = None if ids is None else "id"
    every = [*called, *targets.names, *([] if told is None else [told])]
    twice = [name for name in every if every.count(name) > 1]
    if twice:
        raise ValueError(f"columns, names and ids must differ, and {quoted(twice[0])} is twice")
    found = dict(zip(called, inputs.T, strict=True))
    found |= dict(zip(targets.names, targets.values.T, strict=True))
    if ids is not None:
        found["id"] = np.array([*ids, None], object)[:-1]  # a column of whatever they are
    options = {
        "inputs": called,
        "targets": list(targets.names),
        "units": dict(zip(targets.names, targets.units, strict=True)),
        "id_column": told,
    }
    return TableInMemory(table_in_memory("x", found, told), options)


def table_of_frame(
    frame: Any,
    inputs: Sequence[str] | None,
    targets: Sequence[str],
    units: Mapping[str, str],
    id_column: str | None,
) -> TableInMemory:
    """The columns of a data frame, or of a dict.

    Args:
        frame: with ``columns`` and ``frame[name]``, or columns ``(N,)`` by name.
        inputs: names of the inputs; None for all columns of numbers that are nothing else.
        targets: names of the columns to predict.
        units: of targets, by name.
        id_column: name of a column that is kept as text.

    Raises:
        ValueError: for what is no such table, or columns of unequal lengths.
    """
    names = frame.keys() if isinstance(frame, Mapping) else getattr(frame, "columns", None)
    if names is None:
        raise ValueError(
            f"a table is a data frame or a dict of columns, got a {type(frame).__name__}: "
            "TableDataModule.from_arrays takes arrays"
        )
    called = [str(name) for name in names]
    if len(set(called)) != len(called):
        raise ValueError("the frame has two columns of one name: rename one")
    options = {
        "inputs": None if inputs is None else list(inputs),
        "targets": list(targets),
        "units": dict(units),
        "id_column": id_column,
    }
    columns = {name: frame[key] for name, key in zip(called, names, strict=True)}
    return TableInMemory(table_in_memory("the frame", columns, id_column), options)


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

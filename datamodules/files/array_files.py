"""Tables of numbers in NumPy and CSV files, read without unpickling, with errors that say where."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from symmetry_pl.datamodules.files.csv_text import is_header, open_csv
from symmetry_pl.datamodules.files.numbers import is_missing, is_number, to_float, to_floats
from symmetry_pl.messages import listed, quoted, shortened

__all__ = ["Table", "chosen_columns", "load_array", "read_table"]


class Table(NamedTuple):
    """Rows of numbers.

    Args:
        path: the file.
        names: of the columns; their numbers from 0, as text, where the file has no names.
        values: ``(N, d)``, real; NaN where a CSV cell is empty or says that it is missing.
    """

    path: Path
    names: list[str]
    values: npt.NDArray[Any]


def read_table(
    path: Path,
    key: str | None = None,
    columns: Sequence[str | int] | None = None,
    header: bool | None = None,
) -> Table:
    """Read a ``.npy``, ``.npz`` or ``.csv`` file.

    Args:
        path: the file; its ending says what it is.
        key: which array of a ``.npz`` file; None where there is only one.
        columns: names or numbers (from 0) of the columns, in this order; None for all.
        header: whether the first line of a CSV file holds names; None to find out.

    Raises:
        ValueError: if the file or a column is not there or not numeric.
    """
    kind = path.suffix.lower()
    if key is not None and kind != ".npz":
        raise ValueError(f"data.key is {key!r}, but {path} is not a .npz file: set it to null")
    if header is not None and kind != ".csv":
        raise ValueError(f"data.header is {header}, but {path} is not a .csv file: set it to null")
    if kind == ".csv":
        return _read_csv(path, columns, header)
    if kind in (".npy", ".npz"):
        values = _load(path, key)
        names = [str(i) for i in range(values.shape[1])]
        if columns is None:
            return Table(path, names, values)
        chosen = chosen_columns(path, names, columns)
        return Table(path, [names[i] for i in chosen], values[:, chosen])
    raise ValueError(f"data.file must end in .npy, .npz or .csv, got {path}")


def load_array(path: Path, key: str | None = None) -> tuple[npt.NDArray[Any], str]:
    """The array in a NumPy file, and what to call it in messages.

    That of a ``.npy`` file stays on disk until it is used.

    Args:
        path: a ``.npy`` or ``.npz`` file.
        key: which array of a ``.npz`` file; None where there is only one.

    Raises:
        ValueError: if it is no such file, or has no such array.
    """
    mode: Literal["r"] | None = "r" if path.suffix.lower() == ".npy" else None
    found = _unpickled(str(path), lambda: np.load(path, mmap_mode=mode, allow_pickle=False))
    where = str(path)
    if isinstance(found, np.lib.npyio.NpzFile):
        with found:
            key = _only_key(path, list(found.files), key)
            where = f"array {quoted(key)} of {path}"
            _unpickled(where, lambda: _check_size(path, key))
            found = _unpickled(where, lambda: found[key])
    return found, where


def _load(path: Path, key: str | None) -> npt.NDArray[Any]:
    """The two-dimensional real array of a NumPy file."""
    values, where = load_array(path, key)
    found = np.asarray(values)
    if found.dtype.kind not in "fiub":
        raise ValueError(f"{where} holds {found.dtype}, not real numbers")
    if found.ndim != 2:
        raise ValueError(
            f"{where} has shape {found.shape}, but samples must be the rows of a "
            "two-dimensional array (N, d)"
        )
    return found


def _unpickled(where: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # NumPy raises whatever it meets in a damaged file
        raise ValueError(
            f"{where} is not an array of numbers as numpy.save writes it (objects that need "
            f"unpickling are never loaded): {shortened(str(error), 200)}"
        ) from error


def _check_size(path: Path, key: str) -> None:
    """Refuse an array of a ``.npz`` file that is not as large as it says, or than the memory."""
    with ZipFile(path) as archive:
        name = key if key in archive.namelist() else f"{key}.npy"
        with archive.open(name) as member:
            version = np.lib.format.read_magic(member)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise ValueError(f"version {version} of the NPY format")
            shape, _, dtype = read(member)
            size = archive.getinfo(name).file_size - member.tell()
    announced = math.prod(shape) * dtype.itemsize
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if not dtype.hasobject and announced != size:
        raise ValueError(f"{shape} of {dtype} are {announced} bytes, but it has {size}")
    if announced > memory:
        raise ValueError(f"its {announced} bytes are more than the {memory} of this memory")


def _only_key(path: Path, keys: list[str], key: str | None) -> str:
    if key is None and len(keys) == 1:
        return keys[0]
    if key not in keys:
        asked = "null" if key is None else repr(key)
        raise ValueError(f"data.key is {asked}, but must be one of {listed(keys)} in {path}")
    return key


def chosen_columns(
    path: Path | str,
    names: Sequence[str],
    columns: Sequence[str | int],
    option: str = "data.columns",
) -> list[int]:
    """Positions of the columns asked for, by name or else by number.

    Raises:
        ValueError: for one that there is not, or is there twice, naming ``option``.
    """
    chosen = []
    names = list(names)
    for column in (str(c).strip() for c in columns):
        if names.count(column) > 1:
            raise ValueError(f"{option}: {path} has {column!r} more than once: use its number")
        if column in names:
            chosen.append(names.index(column))
        elif column.isdecimal() and int(column) < len(names):
            chosen.append(int(column))
        else:
            raise ValueError(
                f"{option}: {path} has no column {quoted(column)}; it has {listed(names)}"
            )
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"{option} names a column twice: {', '.join(map(str, columns))}")
    return chosen


def _read_csv(path: Path, columns: Sequence[str | int] | None, header: bool | None) -> Table:
    lines = iter(open_csv(path, lenient=True))
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{path} is empty")
    named = is_header(first, str(path)) if header is None else header
    names = [cell.strip() for cell in first] if named else [str(i) for i in range(len(first))]
    chosen = list(range(len(names))) if columns is None else chosen_columns(path, names, columns)
    numbers = array("d")
    count = 0
    for cells in lines if named else chain([first], lines):
        if len(cells) != len(names):
            raise ValueError(
                f"{path}: row {count} has {len(cells)} cells, but the first line has {len(names)}"
            )
        picked = [cells[i] for i in chosen]
        values = to_floats(picked)
        if any(map(math.isnan, values)):
            values = [_number(cells[i], path, count, names[i]) for i in chosen]
        numbers.extend(values)
        count += 1
    table = np.frombuffer(numbers, np.float64) if numbers else np.empty(0)
    return Table(path, [names[i] for i in chosen], table.reshape(count, len(chosen)))


def _number(cell: str, path: Path, row: int, column: str) -> float:
    if is_missing(cell):
        return float("nan")
    if not is_number(cell):
        raise ValueError(
            f"{path}: row {row}, column {quoted(column)} is {quoted(cell)}, not a number: correct "
            "it, empty it, or leave the column out with data.columns"
        )
    return to_float(cell)

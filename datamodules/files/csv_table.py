"""CSV files as columns of text: gzipped or not, ragged rows reported."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symmetry_pl.datamodules.files.gunzip import content_of
from symmetry_pl.messages import listed, quoted
from symmetry_pl.molecules import BadRow

__all__ = ["CsvTable", "read_columns", "read_csv"]


@dataclass(frozen=True)
class _BadLine(BadRow):
    """An unusable row of a CSV file, and the line on which it ends, from 1 at the header."""

    line: int

    def __str__(self) -> str:
        return f"row {self.row} on line {self.line} ({quoted(self.text)}): {self.reason}"


@dataclass(frozen=True)
class CsvTable:
    """Some columns of a CSV file.

    Args:
        header: names of all columns of the file.
        columns: those asked for that it has, of equal length N; empty text in ragged rows.
        ragged: rows with more or fewer fields than the header.
        lines: the line on which each row ends, from 1 at the header ``(N,)``; empty for a table
            that is in memory.
    """

    header: tuple[str, ...]
    columns: dict[str, list[str]]
    ragged: tuple[BadRow, ...]
    lines: Sequence[int]

    def bad_row(self, row: int, text: str, reason: str) -> BadRow:
        """An unusable row, which a message names by its row and by its line in an editor."""
        if not self.lines:
            return BadRow(row, text, reason)
        return _BadLine(row, text, reason, self.lines[row])


def read_csv(
    path: str | Path, wanted: Sequence[str], delimiter: str = ",", option: str | None = None
) -> CsvTable:
    """Read columns of a CSV file with a header; blank lines count as no rows.

    Rows are numbered from 0 at the first row of data, whatever line of the file they are on.

    Args:
        path: the file; its content decides whether it is gzipped.
        wanted: names of columns; those that the file lacks are left out of the result.
        delimiter: what stands between two fields.
        option: the option that names the file, for messages.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text in UTF-8, damaged, or has a column twice.
    """
    path = Path(path)
    where = f"{path} ({option})" if option else str(path)
    if path.is_dir():
        raise FileNotFoundError(f"{where} is a folder, not a file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {where}")
    raw = b"".join(content_of(path, where))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{where} is not text in UTF-8 (byte {error.start}): convert it"
        ) from error
    del raw
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = tuple(name.strip() for name in next(reader, []))
        for name in wanted:
            if header.count(name) > 1:
                raise ValueError(f"{where} has {header.count(name)} columns {name!r}")
        return _columns(reader, header, [name for name in wanted if name in header])
    except csv.Error as error:
        raise ValueError(f"{where}: line {reader.line_num} is not CSV ({error})") from error


def read_columns(
    path: str | Path, wanted: Mapping[str, Sequence[str]], delimiter: str = ","
) -> CsvTable:
    """Read columns that must be there, of the file that ``data.path`` names.

    Args:
        path: the file.
        wanted: names of columns, by the option of the datamodule that names them.
        delimiter: what stands between two fields.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as ``read_csv``; or if a column is missing, or there are no rows.
    """
    names = [name for columns in wanted.values() for name in columns]
    table = read_csv(path, names, delimiter, "data.path")
    if not table.header:
        raise ValueError(f"{path} (data.path) is empty")
    for option, columns in wanted.items():
        for name in columns:
            if name not in table.columns:
                raise ValueError(
                    f"{path} has no column {name!r} (data.{option}); its columns are "
                    f"{listed(table.header)}"
                )
    if not any(table.columns.values()):
        raise ValueError(f"{path} (data.path) has a header but no rows")
    return table


def _columns(reader: Any, header: tuple[str, ...], names: list[str]) -> CsvTable:
    places = {name: header.index(name) for name in names}
    columns: dict[str, list[str]] = {name: [] for name in names}
    ragged: list[BadRow] = []
    lines = array("L")
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            reason = f"{len(fields)} fields, but the header has {len(header)}"
            ragged.append(_BadLine(len(lines), ",".join(fields), reason, reader.line_num))
            fields = [""] * len(header)
        for name, place in places.items():
            columns[name].append(fields[place])
        lines.append(reader.line_num)
    return CsvTable(header, columns, tuple(ragged), lines)

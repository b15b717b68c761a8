"""CSV files as columns of text: gzipped or not, ragged rows reported."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.csv_text import CsvReader, open_csv
from symmetry_pl.messages import listed

__all__ = ["CsvTable", "ragged_row", "read_columns", "read_csv"]


@dataclass(frozen=True)
class CsvTable:
    """Some columns of a CSV file.

    Args:
        header: names of all columns of the file.
        columns: those asked for that it has, of equal length N; empty text in ragged rows.
        ragged: rows with more or fewer fields than the header.
        lines: the line on which each row ends, from 1 at the header ``(N,)``; empty for a table
            that is in memory.
        delimiter: what stands between two fields; empty in memory.
    """

    header: tuple[str, ...]
    columns: dict[str, list[str]]
    ragged: tuple[BadRow, ...]
    lines: Sequence[int]
    delimiter: str = ""

    def bad_row(self, row: int, text: str, reason: str, column: str) -> BadRow:
        """A cell that cannot be used, named by its row, and by its line in an editor."""
        return BadRow(row, text, reason, self.lines[row] if self.lines else None, column)


def read_csv(
    path: str | Path,
    wanted: Sequence[str],
    delimiter: str | None = ",",
    option: str | None = None,
) -> CsvTable:
    """Read columns of a CSV file with a header; blank lines count as no rows.

    Rows are numbered from 0 at the first row of data, whatever line of the file they are on.

    Args:
        path: the file; its content decides whether it is gzipped.
        wanted: names of columns; those that the file lacks are left out of the result.
        delimiter: what stands between two fields; None to find it.
        option: the option that names the file, for messages.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as ``open_csv``, or if it is damaged, or has a column twice.
    """
    path = Path(path)
    reader = open_csv(path, delimiter, f"{path} ({option})" if option else "")
    rows = iter(reader)
    header = tuple(name.strip() for name in next(rows, []))
    for name in wanted:
        if header.count(name) > 1:
            raise ValueError(f"{reader.where} has {header.count(name)} columns {name!r}")
    return _columns(rows, reader, header, [name for name in wanted if name in header])


def read_columns(
    path: str | Path, wanted: Mapping[str, Sequence[str]], delimiter: str | None = None
) -> CsvTable:
    """Read columns that must be there, of the file that ``data.path`` names.

    Args:
        path: the file.
        wanted: names of columns, by the option of the datamodule that names them.
        delimiter: what stands between two fields; None to find it.

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


def _columns(
    rows: Iterator[list[str]], reader: CsvReader, header: tuple[str, ...], names: list[str]
) -> CsvTable:
    places = {name: header.index(name) for name in names}
    columns: dict[str, list[str]] = {name: [] for name in names}
    ragged: list[BadRow] = []
    lines = array("L")
    for fields in rows:
        if len(fields) != len(header):
            ragged.append(ragged_row(len(lines), fields, len(header), reader))
            fields = [""] * len(header)
        for name, place in places.items():
            columns[name].append(fields[place])
        lines.append(reader.line)
    return CsvTable(header, columns, tuple(ragged), lines, reader.delimiter)


def ragged_row(row: int, fields: Sequence[str], width: int, reader: CsvReader) -> BadRow:
    """A row of another number of fields than the header, as the reader has just read it."""
    text = reader.delimiter.join(fields)
    reason = f"{len(fields)} fields, but the header has {width}"
    if "\n" in text:
        reason += "; it is of several lines: is a quotation mark not closed?"
    return BadRow(row, text, reason, reader.line)

"""Tables of numbers in CSV files, read in one pass, with all of their faults."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from symmetry_pl.core.bad_rows import BadRow, RefusedRows
from symmetry_pl.datamodules.files.csv_table import CsvTable, ragged_row
from symmetry_pl.datamodules.files.csv_text import CsvReader, is_header, open_csv
from symmetry_pl.datamodules.files.number_column import (
    ColumnReader,
    NumberColumn,
    has_separator,
)
from symmetry_pl.messages import quoted

__all__ = ["NumberTable", "numbers_of", "read_number_table"]

_ROWS = 4096  # that are read at once

Places = tuple[Sequence[int], Sequence[int]]
"""Of the columns that are read as numbers, and of those that are kept as text."""


@dataclass(frozen=True)
class NumberTable:
    """Columns of a table.

    Args:
        where: the file, or what messages call a table in memory.
        names: of all columns; the number of one, from 0, where it has no name.
        count: N.
        numbers: columns that were read as numbers, by place.
        texts: columns that were kept as text ``(N,)``, by place.
        whole: rows that cannot be used as a whole.
        lines: the line on which each row ends, from 1 ``(N,)``; empty for a table in memory.
        delimiter: what stands between two cells.
    """

    where: str
    names: tuple[str, ...]
    count: int
    numbers: dict[int, NumberColumn]
    texts: dict[int, list[str]]
    whole: tuple[BadRow, ...] = ()
    lines: Sequence[int] = ()
    delimiter: str = ""

    def faults(self, places: Iterable[int]) -> list[BadRow]:
        """All faults of these columns and of whole rows, in the order of rows."""
        found = list(self.whole)
        whole = {bad.row for bad in found}
        for place in places:
            for row, text, reason in self.numbers[place].odd:
                if row not in whole:
                    line = self.lines[row] if self.lines else None
                    found.append(BadRow(row, text, reason, line, self.names[place]))
        return sorted(found, key=lambda bad: bad.row)

    def check_notation(self, places: Sequence[int]) -> None:
        """Refuse numbers in these columns that could mean two things.

        Raises:
            ValueError: for decimal points and commas in one table, or numbers all of which may be
                thousands.
            RefusedRows: for numbers with a separator of thousands, whatever is done about others:
                to leave them out would leave out all that are large.
        """
        faults = self.faults(places)
        grouped = [bad for bad in faults if bad.column and has_separator(bad.text)]
        if grouped:
            raise RefusedRows(
                f"{self.where} has {len(grouped)} numbers with a separator of thousands "
                f"({grouped[0]}): write them without",
                faults,
            )
        marks: dict[str, str] = {}
        for mark in ".,":
            for place in places:
                if mark in self.numbers[place].marks and mark not in marks:
                    row, text = self.numbers[place].marks[mark]
                    marks[mark] = f"{quoted(text)} (row {row}, column {quoted(self.names[place])})"
        sure = set().union(*(self.numbers[place].sure for place in places))
        if len(marks) > 1:
            raise ValueError(
                f"{self.where} has decimal points and decimal commas: {marks['.']} and "
                f"{marks[',']}: set data.decimal to the one that is meant"
            )
        for mark, example in marks.items():
            if mark not in sure and (mark == "," or self.delimiter == ";"):
                other = "." if mark == "," else ","
                raise ValueError(
                    f"{self.where} has numbers such as {example}, all of which may be fractions or "
                    f"thousands: set data.decimal to {mark!r} for fractions, or to {other!r} and "
                    "write thousands without a separator"
                )


def read_number_table(
    path: Path,
    choose: Callable[[tuple[str, ...]], Places],
    delimiter: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
    known: Collection[str] = (),
) -> NumberTable:
    """Read a CSV file in one pass, in the memory of its numbers.

    Rows are numbered from 0 at the first row of data, whatever line of the file they are on; lines
    without a character are no rows. Empty cells beyond the last name are none.

    Args:
        path: the file.
        choose: places of the columns to read as numbers and to keep as text, by all names.
        delimiter: what stands between two cells; None to find it.
        decimal: ``.`` or ``,``; None to find it.
        header: whether the first line holds names; None to find out.
        known: names, any of which shows that the first line holds names.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as ``open_csv``; or for a file without rows.
    """
    where = str(path)
    reader = open_csv(path, delimiter, f"{path} (data.path)", lenient=True)
    rows = iter(reader)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{where} (data.path) is empty")
    if header is None:
        header = any(cell.strip() in known for cell in first) or is_header(first, where)
    names = tuple((cell.strip() if header else "") or str(i) for i, cell in enumerate(first))
    number_places, text_places = choose(names)
    columns = {place: ColumnReader(decimal) for place in number_places}
    texts: dict[int, list[str]] = {place: [] for place in text_places}
    whole: list[BadRow] = []
    lines = array("L")
    part: list[list[str]] = []

    def take() -> None:
        cells = list(zip(*part, strict=True))
        for place, column in columns.items():
            column.add(cells[place], len(lines) - len(part))
        for place, kept in texts.items():
            kept.extend(text.strip() for text in cells[place])
        part.clear()

    if not header:
        part.append(first)
        lines.append(reader.line)
    for cells in rows:
        part.append(_whole(cells, len(lines), len(names), reader, whole))
        lines.append(reader.line)
        if len(part) == _ROWS:
            take()
    if not lines:
        raise ValueError(f"{where} (data.path) has a header but no rows")
    if part:
        take()
    numbers = {place: column.column() for place, column in columns.items()}
    return NumberTable(
        where, names, len(lines), numbers, texts, tuple(whole), lines, reader.delimiter
    )


def numbers_of(
    table: CsvTable, where: str, columns: Sequence[str], decimal: str | None = None
) -> NumberTable:
    """Columns of text as numbers, in this order.

    Args:
        table: has these columns.
        where: what messages call it.
        columns: names.
        decimal: ``.`` or ``,``; None to find it.

    >>> table = CsvTable(("a",), {"a": ["1,5", "x"]}, (), ())
    >>> found = numbers_of(table, "a.csv", ["a"])
    >>> found.numbers[0].values.tolist(), [str(bad) for bad in found.faults([0])]
    ([1.5, nan], ["row 1, column 'a' ('x'): no number"])
    """
    numbers: dict[int, NumberColumn] = {}
    for place, name in enumerate(columns):
        reader = ColumnReader(decimal)
        reader.add(table.columns[name], 0)
        numbers[place] = reader.column()
    count = len(numbers[0].values)
    return NumberTable(
        where, tuple(columns), count, numbers, {}, table.ragged, table.lines, table.delimiter
    )


def _whole(
    cells: list[str], row: int, width: int, reader: CsvReader, whole: list[BadRow]
) -> list[str]:
    """The cells of a row; those of an empty one, which is noted, where it cannot be used."""
    if len(cells) > width and not any(map(str.strip, cells[width:])):
        cells = cells[:width]
    if len(cells) != width:
        whole.append(ragged_row(row, cells, width, reader))
    elif not any(map(str.strip, cells)):
        whole.append(BadRow(row, "", "every cell is empty", reader.line))
    else:
        return cells
    return [""] * width

"""CSV files as programs write them: encodings, line ends and separators are found, or refused."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from symmetry_pl.datamodules.files.gunzip import content_of
from symmetry_pl.datamodules.files.numbers import is_missing, is_number
from symmetry_pl.messages import listed

__all__ = ["CsvReader", "is_header", "open_csv"]

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
"""What may stand between two cells where nobody says, and what messages call it."""

_SAMPLE = 50  # lines that a separator is found from
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class CsvReader:
    """Cells of the lines of a CSV file that are not empty, read piece by piece.

    Args:
        lines: of the file, with their ends.
        where: what to call it in messages.
        delimiter: what stands between two cells.
        lenient: take the space before a quotation mark for nothing.

    Raises:
        ValueError: while it is read, for a line that is no CSV.
    """

    def __init__(self, lines: Iterator[str], where: str, delimiter: str, lenient: bool) -> None:
        self.where = where
        self.delimiter = delimiter
        self._reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=lenient)

    @property
    def line(self) -> int:
        """The line on which the cells read last end, from 1."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        try:
            for cells in self._reader:
                if cells:
                    yield cells
        except csv.Error as error:
            raise ValueError(f"{self.where}: line {self.line} is not CSV ({error})") from error


def open_csv(
    path: Path,
    delimiter: str | None = None,
    where: str = "",
    lenient: bool = False,
    option: str = "data.delimiter",
) -> CsvReader:
    """Open a CSV file in UTF-8, or in UTF-16 with a byte order mark, gzipped or not.

    Args:
        path: the file.
        delimiter: what stands between two cells; None to find it: a comma, a semicolon, a tab or a
            bar.
        where: what to call the file in messages; its path if empty.
        lenient: take the space before a quotation mark for nothing.
        option: the option that says what stands between two cells, for messages.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no text in these encodings, or might have one of two separators.
    """
    where = where or str(path)
    if path.is_dir():
        raise FileNotFoundError(f"{where} is a folder, not a file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {where}")
    lines = _lines(content_of(path, where), where)
    if delimiter is None:
        sample = list(islice(lines, _SAMPLE))
        delimiter = _found_delimiter(sample, where, option)
        lines = chain(sample, lines)
    return CsvReader(lines, where, delimiter, lenient)


def is_header(cells: list[str], where: str) -> bool:
    """Whether a first line holds names; a line that could be either is nobody's guess to make.

    Raises:
        ValueError: for such a line.
    """
    numbers = [_may_be_number(cell) for cell in cells if not is_missing(cell)]
    counted = [c.strip() for c in cells if c.strip()] in (
        [str(i) for i in range(len(cells))],
        [str(i) for i in range(len(cells) - 1)],
    )
    if (any(numbers) and not all(numbers)) or counted:
        raise ValueError(
            f"{where} starts with {listed(cells, 5)}, which may be names or numbers: "
            "set data.header to true or false"
        )
    return not any(numbers)


def _may_be_number(cell: str) -> bool:
    return is_number(cell) or is_number(cell.replace(",", ".", 1))


def _lines(chunks: Iterator[bytes], where: str) -> Iterator[str]:
    """Lines of a file, with their ends (LF, CR LF or CR)."""
    first = next(chunks, b"")
    encoding = next((name for bom, name in _BOMS.items() if first.startswith(bom)), "utf-8")
    bytes_to_text: Any = codecs.getincrementaldecoder(encoding)()
    decoder = io.IncrementalNewlineDecoder(bytes_to_text, translate=False)
    begun: list[str] = []  # a line whose end has not been read
    read = 0
    for chunk in chain([first], chunks, [b""]):
        waiting = len(bytes_to_text.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place = read - waiting + error.start
            kind = "UTF-16" if encoding == "utf-16" else "UTF-8"
            raise ValueError(
                f"{where} is not text in {kind} (byte {place}): convert it, or save it as UTF-8 "
                "(spreadsheet programs call it CSV UTF-8)"
            ) from error
        read += len(chunk)
        if "\0" in text:
            raise ValueError(
                f"{where} holds characters of code 0: it is no text, or in UTF-16 without a byte "
                "order mark; convert it to UTF-8"
            )
        for line in io.StringIO(text, newline=""):
            begun.append(line)
            if line.endswith(("\n", "\r")):
                yield "".join(begun)
                begun = []
    if begun:
        yield "".join(begun)


def _found_delimiter(sample: list[str], where: str, option: str) -> str:
    """The separator by which most lines have as many cells as the first, most of them numbers."""
    scores = {separator: _score(sample, separator) for separator in SEPARATORS}
    best = max(scores.values())
    found = [separator for separator, score in scores.items() if score == best]
    if len(found) > 1 and best[0]:
        names = " or ".join(SEPARATORS[separator] for separator in found)
        raise ValueError(f"{where} may have {names} between its cells: set {option}")
    return found[0]


def _score(sample: list[str], separator: str) -> tuple[bool, float, float]:
    """Whether the first line has several cells, how many agree, and how many cells are numbers."""
    try:
        rows = [
            row for row in csv.reader(sample, delimiter=separator, skipinitialspace=True) if row
        ]
    except csv.Error:
        rows = []
    if not rows:
        return False, 0.0, 0.0
    if len(sample) == _SAMPLE and len(rows) > 2:
        rows.pop()  # may end within quotation marks
    alike = [row for row in rows if len(row) == len(rows[0])]
    cells = [cell for row in alike[1:] for cell in row if cell.strip()]
    numbers = sum(map(_may_be_number, cells))
    return len(rows[0]) > 1, len(alike) / len(rows), numbers / max(1, len(cells))

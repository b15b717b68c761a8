"""Rows of a user's data that cannot be used: what is said of them, and the table of them all."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from symmetry_pl.messages import quoted

__all__ = ["BadRow", "RefusedRows", "bad_rows_table", "summarise_bad_rows"]


@dataclass(frozen=True)
class BadRow:
    """One fault of a row of data; a row may have several.

    Args:
        row: its number in the source, counted from 0 at the first row of data.
        text: what stands there.
        reason: why it cannot be used.
        line: the line of the file on which it ends, from 1 at the header; None in memory.
        column: the column at fault; empty where the whole row is.
        value: what stands in that column, where ``text`` is another.

    >>> str(BadRow(4, "abc", "no number", 6, "mass"))
    "row 4 on line 6, column 'mass' ('abc'): no number"
    """

    row: int
    text: str
    reason: str
    line: int | None = None
    column: str = ""
    value: str | None = None

    def __str__(self) -> str:
        line = "" if self.line is None else f" on line {self.line}"
        column = f", column {quoted(self.column)}" if self.column else ""
        return f"row {self.row}{line}{column} ({quoted(self.text)}): {self.reason}"


class RefusedRows(ValueError):
    """Data refused for some of their rows.

    Args:
        sentence: what is wrong, and the option that helps.
        rows: all faults.
    """

    def __init__(self, sentence: str, rows: Sequence[BadRow]) -> None:
        super().__init__(sentence)
        self.rows = tuple(rows)


def summarise_bad_rows(bad: Sequence[BadRow], shown: int = 3) -> str:
    """One clause for an error or a warning: the count of rows, and the first faults with reasons.

    >>> summarise_bad_rows([BadRow(4, "C1", "unclosed ring")])
    "1 unusable row: row 4 ('C1'): unclosed ring"
    """
    listed = "; ".join(str(row) for row in bad[:shown])
    more = f"; and {len(bad) - shown} more" if len(bad) > shown else ""
    count = len({row.row for row in bad})
    return f"{count} unusable row{'' if count == 1 else 's'}: {listed}{more}"


def bad_rows_table(bad: Sequence[BadRow]) -> str:
    r"""All faults as CSV: row, line, column, value, reason.

    >>> bad_rows_table([BadRow(4, "a,b", "no number", 6, "mass")])
    'row,line,column,value,reason\r\n4,6,mass,"a,b",no number\r\n'
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["row", "line", "column", "value", "reason"])
    for fault in bad:
        line = "" if fault.line is None else fault.line
        value = fault.text if fault.value is None else fault.value
        writer.writerow([fault.row, line, fault.column, value, fault.reason])
    return text.getvalue()

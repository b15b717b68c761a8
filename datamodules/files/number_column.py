"""A column of text as numbers with a decimal point or comma, and every cell that is none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from symmetry_pl.datamodules.files.numbers import is_missing, to_float, to_floats
from symmetry_pl.messages import quoted

__all__ = ["ColumnReader", "NumberColumn", "OddCell", "has_separator"]

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ '’.,\u00a0\u202f]\d{3})+(?:[.,]\d+)?")
_THREE_DIGITS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")  # a fraction, or thousands

OddCell = tuple[int, str, str]
"""Row, text and reason of a cell that is no finite number."""


@dataclass
class NumberColumn:
    """A column as numbers.

    Args:
        values: ``(N,)`` float64; NaN where there is no finite number.
        odd: cells that are no finite number, in order.
        marks: for ``.`` and ``,`` the first row and text of a number with that decimal mark.
        sure: the marks that some number has which cannot be one of thousands.
    """

    values: npt.NDArray[np.float64]
    odd: list[OddCell] = field(default_factory=list)
    marks: dict[str, tuple[int, str]] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)

    @property
    def numeric(self) -> bool:
        """Whether there are numbers, however written, and more of them than of other text."""
        filled = [text for _, text, _ in self.odd if not is_missing(text)]
        grouped = sum(map(has_separator, filled))
        numbers = len(self.values) - len(self.odd) + grouped
        return numbers > len(filled) - grouped


def has_separator(text: str) -> bool:
    """Whether a cell that is no number would be one without separators of thousands.

    >>> [has_separator(text) for text in ("1.234,5", "1 234", "1,234.50", "1.5", "12.05.2021")]
    [True, True, True, False, False]
    """
    return _GROUPED.fullmatch(text.strip()) is not None


class ColumnReader:
    """Collects the cells of a column.

    Args:
        decimal: ``.`` or ``,``; None to take either and to remember which there were.
    """

    def __init__(self, decimal: str | None) -> None:
        self.decimal = decimal
        self._parts: list[npt.NDArray[np.float64]] = []
        self._column = NumberColumn(np.empty(0))

    def add(self, texts: Sequence[str], first: int) -> None:
        """Read the cells of the next rows, of which ``first`` is the number of the first."""
        values = np.array(self._numbers(texts, first), np.float64)
        for i in np.flatnonzero(~np.isfinite(values)).tolist():
            text = texts[i]
            self._column.odd.append((first + i, text, _reason(text, values[i], self.decimal)))
            values[i] = math.nan
        self._parts.append(values)

    def column(self) -> NumberColumn:
        """All of it."""
        self._column.values = np.concatenate(self._parts) if self._parts else np.empty(0)
        self._parts = []
        return self._column

    def _numbers(self, texts: Sequence[str], first: int) -> list[float]:
        joined = "".join(texts)
        if self.decimal == "." or "," not in joined:
            values = to_floats(texts, joined)
            if self.decimal == "," and "." in joined:
                values = [math.nan if "." in t else v for t, v in zip(texts, values, strict=True)]
            elif self.decimal is None and "." in joined:
                self._remember(".", texts, values, first)
            return values
        if "." not in joined:
            values = to_floats([text.replace(",", ".") for text in texts])
        else:
            values = [self._number(text) for text in texts]
        if self.decimal is None:  # else nothing is to be found out
            for mark in ".,":
                if mark in joined:
                    self._remember(mark, texts, values, first)
        return values

    def _number(self, text: str) -> float:
        """A cell of a column in which there are both marks."""
        if "," not in text:
            return math.nan if self.decimal == "," and "." in text else to_float(text)
        return math.nan if "." in text else to_float(text.replace(",", "."))

    def _remember(
        self, mark: str, texts: Sequence[str], values: Sequence[float], first: int
    ) -> None:
        """Keep the first number with a decimal mark, and whether one of them is no thousands."""
        if mark in self._column.sure:
            return
        for i, text in enumerate(texts):
            if mark in text and math.isfinite(values[i]):
                self._column.marks.setdefault(mark, (first + i, text.strip()))
                if _THREE_DIGITS.fullmatch(text.strip()) is None:
                    self._column.sure.add(mark)
                    return


def _reason(text: str, value: float, decimal: str | None) -> str:
    if is_missing(text):
        return "missing"
    if math.isinf(value):
        return "infinite"
    if has_separator(text):
        return "no number without its separator of thousands"
    other = {".": ",", ",": "."}.get(decimal or "", "")
    if other and not math.isnan(to_float(text.replace(other, ".") if other == "," else text)):
        return f"no number, as data.decimal is {quoted(decimal)}"
    return "no number"

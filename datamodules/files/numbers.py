"""Numbers as tables write them, and nothing that only Python takes for one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

__all__ = ["is_missing", "is_number", "to_float", "to_floats"]

_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
_MISSING = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "-"))
_LONGEST = 400  # characters; the longest that a double needs, written out, has fewer
_LOST = re.compile(r"[+-]?[0.]*[1-9]")  # a digit other than 0 before the exponent


def is_missing(text: str) -> bool:
    """Whether a cell says that its number is missing.

    >>> [is_missing(text) for text in ("", " NA ", "-", "0", "?")]
    [True, True, True, False, False]
    """
    return text.strip().lower() in _MISSING


def is_number(text: str) -> bool:
    """Whether a text is a number: ASCII digits with a decimal point, spaces around it allowed.

    ``1_000`` and digits of other scripts, which Python reads, are none; nor is a number too small
    for a double, which would be read as 0.

    >>> [is_number(text) for text in ("1.5", " 1e3", "-.5", "1_000", "１２", "1e-400", "")]
    [True, True, True, False, False, False, False]
    """
    return not math.isnan(to_float(text)) or text.strip().lstrip("+-").lower() == "nan"


def to_float(text: str) -> float:
    """The number, or NaN where a text is none."""
    text = text.strip()
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        return math.nan
    value = float(text)
    return math.nan if value == 0 and _LOST.match(text) else value


def to_floats(texts: Sequence[str]) -> list[float]:
    """Numbers of a column; NaN where a text is none.

    >>> to_floats(["1.5", "", "1e3", "1_000"])
    [1.5, nan, 1000.0, nan]
    """
    joined = "".join(texts)
    if not joined.isascii() or "_" in joined:
        return [to_float(text) for text in texts]
    values = list(map(_float, texts))  # many times as fast
    for i, value in enumerate(values):
        if value == 0:
            values[i] = to_float(texts[i])
    return values


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

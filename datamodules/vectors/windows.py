"""Rows that are windows of one series, and so hold the same numbers."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

__all__ = ["overlapping_rows"]

_ROWS = 500  # that are looked at
_MOST = 0.9  # of them


def overlapping_rows(values: npt.NDArray[Any]) -> int:
    """How many rows next to each other share numbers, as windows of one series do; 1 if none.

    Windows s numbers apart are rows whose last d − s numbers begin the next row: ⌈d / s⌉ of them
    share numbers.

    Args:
        values: rows in their order, ``(n, d)``.

    >>> import numpy as np
    >>> series = np.random.default_rng(0).normal(size=300)
    >>> windows = np.lib.stride_tricks.sliding_window_view(series, 12)
    >>> overlapping_rows(windows), overlapping_rows(windows[::4]), overlapping_rows(windows[::12])
    (12, 3, 1)
    """
    rows, width = values[: _ROWS + 1], int(values.shape[1])
    if len(rows) < 3:
        return 1
    for stride in range(1, width):
        same = rows[1:, : width - stride] == rows[:-1, stride:]
        differ = (rows[:-1] != rows[1:]).any()  # else all numbers are one
        if differ and same.all(1).mean() >= _MOST and width - stride > 1:
            return -(-width // stride)
    return 1

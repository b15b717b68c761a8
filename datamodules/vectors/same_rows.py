"""Rows with identical inputs: which they are, and where their targets contradict each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from symmetry_pl.messages import listed

__all__ = ["contradictions", "same_rows"]

_MIX = np.uint64(0x9E3779B97F4A7C15)


def same_rows(x: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Number of each row's group ``(N,)``: rows of one group are identical.

    Groups are numbered by their first rows. Rows are compared by a hash of their bits, in the
    memory of one column, and then with the first of their group.

    Args:
        x: ``(N, d)`` without NaN.

    >>> same_rows(np.array([[1.0, 0.0], [2.0, 0.0], [1.0, -0.0]])).tolist()
    [0, 1, 0]
    """
    key = np.zeros(len(x), np.uint64)
    for column in x.T:
        bits = (column + 0.0).view(np.uint64)  # of −0 as of 0
        key = (key ^ bits) * _MIX
        key ^= key >> np.uint64(29)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    if any((column[first[group]] != column).any() for column in x.T):  # two rows of one hash
        _, first, group = np.unique(x, axis=0, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    found: npt.NDArray[np.int64] = number[group.reshape(-1)]
    return found


def contradictions(
    groups: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
) -> str:
    """A clause on rows that have identical inputs and different targets; empty if there are none.

    Args:
        groups: as ``same_rows`` has them ``(N,)``.
        y: targets ``(N, t)``.
        rows: row numbers ``(N,)``.

    >>> contradictions(np.array([0, 1, 0]), np.array([[1.0], [2.0], [3.0]]), np.array([4, 5, 6]))
    '2 rows have the inputs of another row and other targets (rows 4 and 6)'
    """
    if not y.shape[1] or not len(groups):
        return ""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sorted_y = y[order]
    differ = (np.minimum.reduceat(sorted_y, starts) != np.maximum.reduceat(sorted_y, starts)).any(1)
    ends = np.append(starts[1:], len(order))
    count = int((ends - starts)[differ].sum())
    if not count:
        return ""
    shown = []
    for i in np.flatnonzero(differ)[:3]:
        first, second = rows[order[starts[i] : starts[i] + 2]]
        more = " and others" if ends[i] - starts[i] > 2 else ""
        shown.append(f"rows {first} and {second}{more}")
    found = listed(shown, count=int(differ.sum()))
    return f"{count} rows have the inputs of another row and other targets ({found})"

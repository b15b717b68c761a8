"""What rows of numbers must be to learn from, checked before anything is computed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.array_files import Table
from symmetry_pl.messages import listed

__all__ = ["bad_numbers", "check_columns", "check_count", "check_rank", "first_bad_numbers"]

Array = npt.NDArray[np.float64]
_SINGULAR = 1e-11  # eigenvalue of a correlation matrix, of the largest, that rounding may leave


def first_bad_numbers(table: Table) -> str:
    """Where the first numbers that are missing or infinite stand, and how many rows have some.

    Args:
        table: rows of numbers ``(N, d)``.

    Returns:
        Empty text where all are finite.
    """
    bad = ~np.isfinite(table.values).all(axis=1)
    count = int(bad.sum())
    if not count:
        return ""
    shown = []
    for row in np.flatnonzero(bad)[:3]:
        column = int(np.flatnonzero(~np.isfinite(table.values[row]))[0])
        shown.append(f"row {row} in column {table.names[column]!r}")
    return (
        f"{table.path} has missing or infinite numbers in {count} of {len(bad)} rows "
        f"({listed(shown, count=count)})"
    )


def bad_numbers(table: Table) -> list[BadRow]:
    """All numbers of a table that are missing or infinite."""
    return [
        BadRow(row, str(value), "missing" if np.isnan(value) else "infinite", column=name)
        for row, place in np.argwhere(~np.isfinite(table.values)).tolist()
        for value, name in ((table.values[row, place], table.names[place]),)
    ]


def check_rank(train: Array, table: Table) -> None:
    """Refuse training rows whose covariance is singular, naming the columns to leave out."""
    dim = train.shape[1]
    correlation = np.corrcoef(train, rowvar=False)
    eigenvalues = np.linalg.eigvalsh(correlation)
    rank = int((eigenvalues > _SINGULAR * eigenvalues[-1]).sum())
    if rank < dim:
        # with pivoting, the columns that the ones before them span come last
        order = qr(correlation, mode="r", pivoting=True)[1]
        spare = [table.names[i] for i in sorted(order[rank:])]
        raise ValueError(
            f"{table.path}: the {dim} columns have rank {rank} (the others determine "
            f"{_names(spare)}): leave such columns out with data.columns, or set data.noise above "
            "0 to give them something of their own"
        )


def check_count(train: Array, table: Table) -> None:
    """Refuse no more training rows than columns: their covariance is singular."""
    count, dim = train.shape
    if count <= dim:
        raise ValueError(
            f"{table.path} leaves {count} training rows for {dim} columns: more rows than columns "
            "are needed, or choose fewer with data.columns"
        )


def check_columns(train: Array, table: Table) -> None:
    """Refuse columns that are the same in all training rows."""
    constant = [table.names[i] for i in np.flatnonzero(np.ptp(train, axis=0) == 0)]
    if constant:
        verb = "is" if len(constant) == 1 else "are"
        raise ValueError(
            f"{table.path}: {_names(constant)} {verb} the same in all training rows: leave out "
            "with data.columns"
        )


def _names(columns: list[str]) -> str:
    shown = listed([repr(name) for name in columns], 5)
    return f"column{'s' if len(columns) > 1 else ''} {shown}"

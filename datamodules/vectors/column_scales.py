"""One mean and one deviation a column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symmetry_pl.messages import quoted

__all__ = ["ColumnScales"]

Array = npt.NDArray[np.float64]
_CHUNK = 65_536  # rows whose double precision numbers are in memory twice


class ColumnScales(NamedTuple):
    """What is subtracted from each column, and what divides it then, in double precision.

    Args:
        mean: ``(d,)``.
        scale: ``(d,)``, above 0.
        constant: which columns are the same in all rows they were taken from ``(d,)``.
    """

    mean: Array
    scale: Array
    constant: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, x: Array, rows: npt.NDArray[np.int64]) -> ColumnScales:
        """Mean and standard deviation of rows of x ``(N, d)``; 1 for that of a constant column."""
        found = cls.none(x.shape[1])
        for i, column in enumerate(x.T):
            values = column[rows]
            centre = values[0]
            away = values - centre  # an offset that is large against the spread costs no digits
            largest = np.abs(away).max()
            if largest == 0:
                found.mean[i], found.constant[i] = centre, True
                continue
            away /= largest  # nor do squares of small numbers
            mean = away.mean()
            found.mean[i] = centre + largest * mean
            found.scale[i] = max(largest * away.std(), np.finfo(np.float64).tiny)
        return found

    @classmethod
    def none(cls, width: int) -> ColumnScales:
        """Those that change nothing."""
        return cls(np.zeros(width), np.ones(width), np.zeros(width, bool))

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any], width: int) -> ColumnScales:
        """Those that a description holds, one a column or one for all of them."""
        mean, scale = (
            np.broadcast_to(np.asarray(extra.get(name, default), np.float64), width).copy()
            for name, default in (("mean", 0.0), ("scale", 1.0))
        )
        return cls(mean, scale, np.zeros(width, bool))

    def as_lists(self) -> dict[str, list[float]]:
        """``mean`` and ``scale``, as a description holds them."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    def applied(
        self, x: Array, rows: npt.NDArray[np.int64], names: Sequence[str]
    ) -> npt.NDArray[np.float32]:
        """Rows of x ``(N, d)``, scaled.

        Raises:
            ValueError: if a number is beyond what single precision holds.
        """
        found = np.empty((len(rows), x.shape[1]), np.float32)
        limit = np.finfo(np.float32).max
        for start in range(0, len(rows), _CHUNK):
            part = (x[rows[start : start + _CHUNK]] - self.mean) / self.scale
            far = np.argwhere(np.abs(part) > limit)
            if len(far):
                place, column = far[0]
                raise ValueError(
                    f"row {rows[start + place]} has {x[rows[start + place], column]:.3g} in column "
                    f"{quoted(names[column])}, {part[place, column]:.1e} deviations from the "
                    "training rows' mean: correct it, or leave the column out of data.inputs"
                )
            found[start : start + _CHUNK] = part
        return found

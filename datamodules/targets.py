"""What is predicted: columns with names and units, given in standard units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

__all__ = ["Scaled", "Targets", "as_array", "as_rows", "as_targets", "standardised"]

_LARGE = 1e100  # squares of larger numbers overflow in sums


class Targets(NamedTuple):
    """Columns to predict.

    Args:
        values: ``(N, t)`` in physical units.
        names: one a column.
        units: one a column, empty where it is dimensionless.
    """

    values: npt.NDArray[np.float64]
    names: tuple[str, ...]
    units: tuple[str, ...]


class Scaled(NamedTuple):
    """Targets in units of the training samples' standard deviation about their mean.

    Args:
        y: ``(N, t)``.
        mean: one a column.
        scale: standard deviations, one a column.
    """

    y: Tensor
    mean: tuple[float, ...]
    scale: tuple[float, ...]


def as_array(values: Any) -> npt.NDArray[Any]:
    """What is in memory as a NumPy array: an array, a tensor, a data frame or nested lists."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values)


def as_rows(x: Any) -> npt.NDArray[Any]:
    """Inputs in memory as rows ``(N, d)``.

    Raises:
        ValueError: for what is no real numbers, or no table of them.
    """
    inputs = as_array(x)
    if inputs.dtype.kind not in "fiub" or inputs.ndim != 2:
        raise ValueError(
            "x must be real numbers (N, d), samples in rows, got "
            f"{inputs.dtype} of shape {inputs.shape}"
        )
    return inputs


def as_targets(
    y: Any, names: Sequence[str] = (), units: Sequence[str] = (), *, count: int
) -> Targets:
    """Targets in memory, checked.

    Args:
        y: ``(N, t)`` or ``(N,)``; None for none.
        names: of the columns; ``y0``, ``y1``, … by default.
        units: of the columns; dimensionless by default.
        count: N, the inputs that there are.

    Raises:
        ValueError: for what is no real numbers, or of another length; or names or units of another
            number than columns, or the same twice.

    >>> as_targets([1.0, 2.0], units=["eV"], count=2)[1:]
    (('y0',), ('eV',))
    """
    found = np.empty((count, 0)) if y is None else as_array(y)
    if found.ndim == 1:
        found = found[:, None]
    if found.dtype.kind not in "fiub" or found.ndim != 2:
        raise ValueError(f"y must be real numbers (N, t), got {found.dtype} of shape {found.shape}")
    if len(found) != count:
        raise ValueError(f"x has {count} samples and y has {len(found)}")
    columns = found.shape[1]
    called = tuple(names) or tuple(f"y{i}" for i in range(columns))
    for what, given in (("names", called), ("units", units)):
        if given and len(given) != columns:
            raise ValueError(f"y has {columns} columns, and {what} has {len(given)} entries")
    if len(set(called)) != len(called):
        raise ValueError(f"names must name each column of y once, got {list(called)}")
    return Targets(found.astype(np.float64), called, tuple(units) or ("",) * columns)


def standardised(
    values: Tensor, train: Tensor, names: Sequence[str], option: str, samples: str
) -> Scaled:
    """Targets in standard units, of the training samples alone.

    Args:
        values: ``(N, t)`` float64 in physical units.
        train: positions of the training samples.
        names: one a column.
        option: what names the columns, for messages.
        samples: what is trained on, for messages.

    Raises:
        ValueError: if a target is the same for all training samples, or has numbers beyond 1e100.
    """
    if not names:
        return Scaled(values, (), ())
    for name, column in zip(names, values.T, strict=True):
        if float(column.abs().max()) > _LARGE:
            raise ValueError(
                f"{option}: {name} has numbers beyond {_LARGE:g}: choose another unit, or correct "
                "them"
            )
    mean = values[train].mean(0)
    scale = values[train].std(0, unbiased=False)
    for name, value in zip(names, scale.tolist(), strict=True):
        if not value > 0:
            raise ValueError(f"{option}: {name} is the same for all training {samples}")
    return Scaled((values - mean) / scale, tuple(mean.tolist()), tuple(scale.tolist()))

"""Vectors between a user's units and those that models are trained in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["from_standard", "to_standard"]

Array = npt.NDArray[np.float64]


def to_standard(x: Array, extra: Mapping[str, Any]) -> Array:
    r"""Vectors as models see them, :math:`(x - m) / s`.

    Args:
        x: ``(N, d)`` in the user's units.
        extra: of the data's description: ``mean`` m and ``scale`` s, each one number or one a
            column; 0 and 1 where it has none.

    >>> to_standard(np.array([[1.0, 20.0]]), {"mean": [0.0, 10.0], "scale": 2.0})
    array([[0.5, 5. ]])
    """
    mean, scale = _of(extra)
    return (x - mean) / scale


def from_standard(x: Array, extra: Mapping[str, Any]) -> Array:
    """Vectors ``(N, d)`` in the user's units again: inverse of ``to_standard``.

    >>> from_standard(np.array([[0.5, 5.0]]), {"mean": [0.0, 10.0], "scale": 2.0})
    array([[ 1., 20.]])
    """
    mean, scale = _of(extra)
    return x * scale + mean


def _of(extra: Mapping[str, Any]) -> tuple[Array, Array]:
    return np.asarray(extra.get("mean", 0.0), float), np.asarray(extra.get("scale", 1.0), float)

"""Factors of dSprites, and the distributions of them that SGM plants (appendix C.3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "FACTORS",
    "GRID",
    "SHAPES",
    "SYMMETRIES",
    "draw_factors",
    "factors_at",
    "histogram_bins",
    "planted",
    "planted_settings",
    "setting_numbers",
    "wrap_orientation",
]

Array: TypeAlias = npt.NDArray[np.float64]
_Density: TypeAlias = Callable[[Array], Array]

SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "orientation", "posX", "posY")
"""Columns of factors ``(B, 5)``: 0 … 2, relative size, radians anticlockwise, and places in the
square that sprites move in, x to the right and y down."""
SYMMETRIES = (math.pi / 2, math.pi, 2 * math.pi)
"""The least turn that leaves each shape as it is, in radians."""
GRID: dict[str, Array] = {
    "scale": np.linspace(0.5, 1.0, 6),
    "orientation": np.linspace(0.0, 2 * math.pi, 40),  # both ends are the same picture
    "posX": np.linspace(0.0, 1.0, 32),
    "posY": np.linspace(0.0, 1.0, 32),
}
"""Values of the factors but the shape, in the order of the published file, last one fastest."""

_EDGE = 1e-9  # intervals are closed, and rounding must not open them


def _uniform(low: float, high: float) -> _Density:
    return lambda v: ((v >= low - _EDGE) & (v <= high + _EDGE)) / max(high - low, _EDGE)


def _normal(mean: float, spread: float, low: float, high: float) -> _Density:
    """A truncated normal density, up to a factor."""
    inside = _uniform(low, high)
    return lambda v: inside(v) * np.exp(-0.5 * ((v - mean) / spread) ** 2)


def _bimodal(v: Array) -> Array:
    return 0.5 * _uniform(0.1, 0.3)(v) + 0.5 * _uniform(0.7, 0.9)(v)


# The paper calls the second number of TruncNorm a variance; its code, whose draws are figures 12
# and 17, takes it for the standard deviation, and so do we.
_PLANTED: tuple[dict[str, _Density], ...] = (
    {
        "scale": _normal(0.75, 0.2, 0.55, 1.0),
        "orientation": _uniform(0.0, 2 * math.pi),
        "posX": _uniform(0.5, 0.95),
        "posY": _uniform(0.5, 0.95),
    },
    {
        "scale": _normal(0.65, 0.15, 0.5, 0.85),
        "orientation": _uniform(0.0, math.pi / 2),
        "posX": _normal(0.5, 0.25, 0.1, 0.9),
        "posY": _normal(0.5, 0.15, 0.35, 0.65),
    },
    {
        "scale": _uniform(0.9, 1.0),
        "orientation": _uniform(0.0, 0.0),
        "posX": _uniform(0.1, 0.5),
        "posY": _bimodal,
    },
)


def planted(shape: int) -> dict[str, Array]:
    """Probability of each value in ``GRID`` for a shape; factors are independent of each other.

    A density is evaluated at the values of the grid and normalised, as SGM's loader does. Shapes
    are equally likely.

    Args:
        shape: 0, 1 or 2, as in ``SHAPES``.

    Returns:
        By factor, ``(number of values,)``, with sum 1.

    Example:
        >>> [float(p.round(3)) for p in planted(2)["scale"]]
        [0.0, 0.0, 0.0, 0.0, 0.5, 0.5]
    """
    found = {}
    for name, values in GRID.items():
        density = _PLANTED[shape][name](values)
        found[name] = density / density.sum()
    return found


def draw_factors(uniform: Array) -> npt.NDArray[np.int64]:
    """Positions in the grid of factors with the planted distributions.

    Args:
        uniform: ``(B, 5)`` in (0, 1).

    Returns:
        ``(B, 5)``: the shape, and which value of ``GRID`` each other factor has.
    """
    drawn = np.empty(uniform.shape, np.int64)
    drawn[:, 0] = (uniform[:, 0] * len(SHAPES)).astype(np.int64)
    for shape in range(len(SHAPES)):
        of_shape = drawn[:, 0] == shape
        for column, mass in enumerate(planted(shape).values(), 1):
            possible = np.flatnonzero(mass)
            ends = np.cumsum(mass[possible])[:-1]  # the last end is 1, but for rounding
            u = uniform[of_shape, column]
            drawn[of_shape, column] = possible[np.searchsorted(ends, u, side="right")]
    return drawn


def factors_at(positions: npt.NDArray[np.int64]) -> Array:
    """Factors ``(B, 5)`` at positions in the grid ``(B, 5)``."""
    values = [positions[:, 0].astype(np.float64)]
    values += [grid[positions[:, i]] for i, grid in enumerate(GRID.values(), 1)]
    return np.stack(values, axis=1)


def setting_numbers(positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row in the published file ``(B,)`` of positions in the grid ``(B, 5)``."""
    sizes = (len(SHAPES), *(len(values) for values in GRID.values()))
    rows: npt.NDArray[np.int64] = np.ravel_multi_index(tuple(positions.T), sizes)
    return rows


def planted_settings() -> npt.NDArray[np.int64]:
    """All positions in the grid ``(S, 5)`` with a planted probability above 0, in file order."""
    found = []
    for shape in range(len(SHAPES)):
        possible = [np.flatnonzero(mass) for mass in planted(shape).values()]
        mesh = np.meshgrid([shape], *possible, indexing="ij")
        found.append(np.stack(mesh, axis=-1).reshape(-1, len(FACTORS)))
    return np.concatenate(found)


def histogram_bins(shape: int) -> dict[str, tuple[list[float], float | None]]:
    """Edges of bins in which draws are compared with the planted factors, and periods, by factor.

    A bin of scale has one value of the grid in its middle; places are in tenths. Bins of
    orientation are 18° wide and begin half a step of the grid below 0: two steps are 18.5°, so that
    bins hold equally many values of the grid and its steps do not show as a distance.

    Args:
        shape: 0, 1 or 2.
    """
    turn = SYMMETRIES[shape]
    tenths = np.linspace(0.0, 1.0, 11).tolist()
    half_a_step = math.pi / 39
    around = (np.linspace(0.0, turn, round(turn / (math.pi / 10)) + 1) - half_a_step).tolist()
    scales = np.linspace(0.45, 1.05, 7).tolist()
    return {
        "scale": (scales, None),
        "orientation": (around, turn),
        "posX": (tenths, None),
        "posY": (tenths, None),
    }


def wrap_orientation(orientation: Array, shape: npt.ArrayLike) -> Array:
    """The same picture's orientation in [0, least turn that leaves the shape as it is).

    Args:
        orientation: radians ``(B,)``.
        shape: 0, 1 or 2, ``(B,)`` or one for all.

    Example:
        >>> float(wrap_orientation(np.array([math.pi]), 0)[0])
        0.0
    """
    turn = np.asarray(SYMMETRIES)[np.asarray(shape, dtype=np.int64)]
    wrapped = np.remainder(orientation, turn)
    # a turn less rounding is no turn at all: 2 pi of the grid is 0
    at_end: Array = np.where(turn - wrapped < _EDGE, 0.0, wrapped)
    return at_end

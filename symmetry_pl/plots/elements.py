"""Elements of groups of rotations, and the clouds that they move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symmetry_pl.plots.basic import POINT, Array, new_figure

__all__ = ["angle_histogram", "clouds", "rotation_map"]

_BINS = 72  # of 5 degrees
_MOST = 3000  # elements that are drawn
_ASIDE = 0.09  # radians from where a rotation takes z
_INK, _NAMED = "#3b6ea5", "#c1440e"


def angle_histogram(found: Array, named: Array, title: str) -> Figure:
    """Angles of rotations of the plane, with those of the named group as lines.

    Args:
        found: elements ``(N, 2, 2)``.
        named: elements of a finite group ``(k, 2, 2)``; none of another one.
        title: such as the group's name.
    """
    figure = new_figure(1, width=6.0, height=3.2)
    axis = figure.subplots()
    axis.hist(_degrees(found), bins=_BINS, range=(-180, 180), color=_INK)
    for angle in _degrees(named):
        axis.axvline(angle, color=_NAMED, linewidth=1, linestyle="--")
    axis.set(xlabel="angle [°]", ylabel="elements", title=title, xlim=(-185, 185))
    axis.set_xticks(range(-180, 181, 45))
    return figure


def rotation_map(found: Array, named: Array, title: str) -> Figure:
    """Rotations of space on a map of the sphere (Mollweide), those of the named group circled.

    A rotation stands where it takes the z-axis, and a little off in the direction of the angle that
    it turns by about that axis, which is its colour as well: rotations that take z to one place
    stand around it. Two rotations are near each other where place and colour are.

    Args:
        found: elements ``(N, 3, 3)``, of which the first 3,000 are drawn.
        named: elements of a finite group ``(k, 3, 3)``; none of another one.
        title: such as the group's name.
    """
    figure = new_figure(1, width=7.6, height=4.4)
    axis = figure.add_subplot(projection="mollweide")
    longitude, latitude, tilt = _places(found[:_MOST])
    shown = axis.scatter(
        longitude, latitude, c=tilt, s=9, cmap="twilight", vmin=-180, vmax=180, **POINT
    )
    if len(named):
        longitude, latitude, tilt = _places(named)
        axis.scatter(longitude, latitude, s=60, facecolors="none", edgecolors=_NAMED, linewidths=1)
    axis.grid(alpha=0.3)
    axis.set_xticklabels([])
    axis.set_title(title, fontsize=10)
    figure.colorbar(
        shown, ax=axis, label="turn about it [°]", ticks=range(-180, 181, 90), shrink=0.7
    )
    return figure


def clouds(rows: Sequence[tuple[str, Array]], heads: Sequence[str] = ()) -> Figure:
    """Rows of clouds of points, each seen along its last axis where it is of space.

    Args:
        rows: name and clouds ``(m, n, d)``, as many in each row, NaN where a point is missing.
        heads: above the columns.
    """
    count = len(rows[0][1])
    figure = new_figure(count, len(rows), 1.5, 1.6)
    axes = figure.subplots(len(rows), count, squeeze=False)
    reach = 1.08 * max(float(np.nanmax(np.abs(x))) for _, x in rows)
    for line, (name, x) in zip(axes, rows, strict=True):
        for place, axis in enumerate(line):
            _cloud(axis, x[place], reach)
            if place < len(heads) and line is axes[0]:
                axis.set_title(heads[place], fontsize=8)
        line[0].set_ylabel(name, fontsize=9)
    return figure


def _cloud(axis: Axes, x: Array, reach: float) -> None:
    """One cloud, its near points dark."""
    order = np.arange(len(x)) if x.shape[1] == 2 else np.argsort(x[:, 2])
    depth = np.zeros(len(x)) if x.shape[1] == 2 else x[:, 2]
    axis.scatter(
        x[order, 0],
        x[order, 1],
        c=-depth[order],
        s=10,
        cmap="Blues_r",
        vmin=-reach,
        vmax=1.6 * reach,
        linewidths=0,
    )
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])


def _degrees(elements: Array) -> Array:
    if not len(elements):
        return np.empty(0)
    angles: Array = np.degrees(np.arctan2(elements[:, 1, 0], elements[:, 0, 0]))
    return angles


def _places(elements: Array) -> tuple[Array, Array, Array]:
    """Longitude and latitude in radians of where z is taken, and the turn about it in degrees."""
    z = elements[:, :, 2]
    longitude, latitude = np.arctan2(z[:, 1], z[:, 0]), np.arcsin(np.clip(z[:, 2], -1, 1))
    # a turn about z and then the shortest way from z; half a turn from z has no shortest way
    sine, cosine = elements[:, 1, 0] - elements[:, 0, 1], elements[:, 0, 0] + elements[:, 1, 1]
    down = z[:, 2] < -1 + 1e-9
    sine = np.where(down, elements[:, 1, 0], sine)
    turn = np.arctan2(sine, np.where(down, elements[:, 0, 0], cosine))
    stretch = np.maximum(np.cos(latitude), 0.3)
    longitude = np.clip(longitude + _ASIDE * np.cos(turn) / stretch, -np.pi, np.pi)
    latitude = np.clip(latitude + _ASIDE * np.sin(turn), -np.pi / 2, np.pi / 2)
    return longitude, latitude, np.degrees(turn)

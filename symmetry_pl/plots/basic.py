"""The canvas of all drawings; latent planes, reconstructions, targets, and curves over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

BINS = 10
POINT: dict[str, Any] = {"linewidths": 0, "alpha": 0.8, "rasterized": True}


def new_figure(columns: int, rows: int = 1, width: float = 4.2, height: float = 3.9) -> Figure:
    """An empty figure on the Agg canvas; without pyplot there is nothing to close."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    return figure


def bins(values: Array, count: int = BINS) -> npt.NDArray[np.int64]:
    """Index of the equal-width bin of each value, as the STIB paper colours its figures.

    >>> bins(np.array([0.0, 0.1, 0.99, 1.0]), 10).tolist()
    [0, 1, 9, 9]
    """
    low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, 1e-12)
    return np.minimum((share * count).astype(np.int64), count - 1)


def latent_plane(z0: Array, z1: Array | None, colours: Mapping[str, Array]) -> Figure:
    """First dimension of Z0 against the first of Z1, coloured by binned target (STIB, Fig. 4).

    Where Z0 is invariant, colours lie in horizontal stripes. A method without Z1 is shown by the
    first two dimensions of its code.

    Args:
        z0: ``(N, d0)``.
        z1: ``(N, d1)`` or None.
        colours: name of a target to its values ``(N,)``; one panel each.
    """
    across = z0[:, 0]
    up = z1[:, 0] if z1 is not None else z0[:, min(1, z0.shape[1] - 1)]
    names = ("Z, first dimension", "Z, second dimension")
    if z1 is not None:
        names = (_first("Z0", z0), _first("Z1", z1))
    figure = new_figure(len(colours), width=5.0)
    for axis, (target, values) in zip(_axes(figure, len(colours)), colours.items(), strict=True):
        _coloured(figure, axis, np.stack([across, up], 1), values, target)
        axis.set(xlabel=names[0], ylabel=names[1], title=f"latent plane by {target}")
    return figure


def reconstructions(
    pairs: Sequence[tuple[str, Array, Array | None]], colour: tuple[str, Array]
) -> Figure:
    """Two-dimensional inputs and targets beside what the model makes of them (appendix, Figs. 1-2).

    Both panels of a pair have the limits of the truth, so that they compare at a glance.

    Args:
        pairs: name, true points ``(N, 2)`` and the model's, None where it has none.
        colour: name and values ``(N,)`` that bin and colour the points of all panels.
    """
    columns = 2 if any(made is not None for _, _, made in pairs) else 1
    figure = new_figure(columns, rows=len(pairs))
    grid = figure.subplots(len(pairs), columns, squeeze=False)
    for row, (name, truth, made) in zip(grid, pairs, strict=True):
        margin = 0.05 * np.ptp(truth, axis=0)
        low, high = truth.min(0) - margin, truth.max(0) + margin
        for axis, points, title in zip(
            row, (truth, made), (name, f"{name} by the model"), strict=False
        ):
            if points is None:
                axis.set_axis_off()
                continue
            _coloured(figure if axis is row[0] else None, axis, points, colour[1], colour[0])
            axis.set(title=title, aspect="equal", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    return figure


def targets(truth: Array, predicted: Array, names: Sequence[str]) -> Figure:
    """Predicted against true targets with the diagonal, one panel a target.

    Args:
        truth: ``(N, t)`` in the units that ``names`` state.
        predicted: ``(N, t)``.
        names: name and unit of each column.
    """
    figure = new_figure(len(names))
    for i, (axis, name) in enumerate(zip(_axes(figure, len(names)), names, strict=True)):
        error = np.abs(truth[:, i] - predicted[:, i]).mean()
        ends = [min(truth[:, i].min(), predicted[:, i].min())]
        ends.append(max(truth[:, i].max(), predicted[:, i].max()))
        axis.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
        size = marker_area(len(truth))
        axis.scatter(truth[:, i], predicted[:, i], s=size, color="#3b6ea5", **POINT)
        axis.set(xlabel="true", ylabel="predicted", title=f"{name}: MAE {error:.3g}")
    return figure


def history(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], ylabel: str) -> Figure:
    """Curves over batches.

    Args:
        curves: label to (batches, values).
        ylabel: what the values are, with unit.
    """
    figure = new_figure(1, width=6.5)
    (axis,) = _axes(figure, 1)
    for label, (batches, values) in curves.items():
        axis.plot(batches, values, marker="o", markersize=3, linewidth=1.4, label=label)
    axis.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axis.set(xlabel="batches", ylabel=ylabel)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def marker_area(points: int) -> float:
    """Area of a marker: few points are drawn larger."""
    return float(np.clip(10_000 / max(points, 1), 4, 22))


def _first(name: str, z: Array) -> str:
    return name if z.shape[1] == 1 else f"{name}, first of {z.shape[1]} dimensions"


def _axes(figure: Figure, columns: int) -> list[Axes]:
    return list(np.ravel(figure.subplots(1, columns, squeeze=False)))


def _coloured(figure: Figure | None, axis: Axes, points: Array, values: Array, name: str) -> None:
    """Scatter coloured by ten equal-width bins, with one colour bar labelled by values."""
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    drawn = axis.scatter(
        points[:, 0],
        points[:, 1] if points.shape[1] > 1 else np.zeros(len(points)),
        c=centres[bins(values)],
        cmap="viridis",
        vmin=edges[0],
        vmax=edges[-1],
        s=marker_area(len(points)),
        **POINT,
    )
    axis.spines[["top", "right"]].set_visible(False)
    if figure is not None:
        figure.colorbar(
            drawn, ax=axis, label=name, boundaries=edges, ticks=edges[::2], format="%.3g"
        )

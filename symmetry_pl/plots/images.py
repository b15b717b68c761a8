"""Figures of images and of distributions over transformations (SGM, Figs. 8, 10, 11, 13-17)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symmetry_pl.plots.basic import Array, new_figure

__all__ = ["cell_maps", "factors", "image_rows", "iterates", "marginals"]

_TILE = 0.62  # inches
_LABEL = 1.7  # tiles left of a row for its name
_INK, _DATA = "#3b6ea5", "0.55"


def image_rows(rows: Sequence[tuple[str, Array]], gaps: Sequence[int] = ()) -> Figure:
    """Rows of images, each with its name on the left (Figs. 8, 13 and 14).

    Args:
        rows: name and images ``(n, C, H, W)`` in [−1, 1], as many in each row.
        gaps: rows before which some room is left.
    """
    count = len(rows[0][1])
    tops = np.cumsum([0.25 * (i in gaps) + (i > 0) for i in range(len(rows))])
    figure = new_figure(1, 1, (count + _LABEL) * _TILE, (tops[-1] + 1.1) * _TILE)
    axis = figure.subplots()
    for top, (name, images) in zip(tops, rows, strict=True):
        _strip(axis, images, top)
        axis.text(-0.1, top + 0.5, name, ha="right", va="center", fontsize=9)
    axis.set(xlim=(-_LABEL, count), ylim=(tops[-1] + 1, 0), aspect="equal")
    axis.axis("off")
    return figure


def cell_maps(panels: Sequence[tuple[str, Array]]) -> Figure:
    """Numbers on the cells of a lattice in colours, one panel each.

    Args:
        panels: title and values ``(H, W)``, NaN on cells without any.
    """
    figure = new_figure(len(panels), width=4.2, height=3.6)
    for axis, (title, values) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        # a line is drawn as a band
        aspect = "equal" if len(values) > 1 else "auto"
        image = axis.imshow(values, cmap="viridis", interpolation="nearest", aspect=aspect)
        axis.set(title=title, xlabel="cell", yticks=[] if len(values) == 1 else axis.get_yticks())
        axis.set(ylim=(len(values) - 0.5, -0.5))
        figure.colorbar(image, ax=axis, shrink=0.8)
    return figure


def marginals(
    images: Array,
    prototypes: Array,
    samples: Array,
    inferred: Array,
    names: Sequence[str],
    periods: Sequence[float | None],
) -> Figure:
    """Marginal densities p(η_i | x̂), one row an image, the inferred η dashed (Figs. 10, 15, 16).

    Args:
        images: ``(n, C, H, W)``.
        prototypes: ``(n, C, H, W)``.
        samples: η drawn from p(η | x̂), ``(n, S, dim)``.
        inferred: η of the images, ``(n, dim)``.
        names: of the coordinates with their units.
        periods: of the coordinates, None where there is none.
    """
    count, dim = inferred.shape
    figure = new_figure(1, 1, 1.7 * (dim + 1.5), 0.95 * count + 0.5)
    ratios = {"width_ratios": [0.7, 0.7, *[1.7] * dim]}
    grid = figure.subplots(count, dim + 2, squeeze=False, gridspec_kw=ratios)
    for row in range(count):
        for axis, image in zip(grid[row], (images[row], prototypes[row]), strict=False):
            axis.axis("off")
            _show(axis, image)
        for i, axis in enumerate(grid[row, 2:]):
            low, high = _range(samples[:, :, i], periods[i])
            # one polygon; fifty bars would take twenty times as long to draw
            options = {"histtype": "stepfilled", "density": True, "color": _INK}
            axis.hist(samples[row, :, i], 50, range=(low, high), **options)
            axis.axvline(inferred[row, i], color="0.2", ls="--", lw=1)
            axis.set(xlim=(low, high), yticks=[])
            axis.tick_params(labelsize=7)
            axis.locator_params(axis="x", nbins=4)  # more of them run into each other
            axis.spines[["top", "left", "right"]].set_visible(False)
            if row == count - 1:
                axis.set_xlabel(names[i], fontsize=8)
            else:
                axis.set_xticklabels([])
    grid[0, 0].set_title("x", fontsize=8)
    grid[0, 1].set_title("prototype", fontsize=8)
    grid[0, 2].set_title(
        "density given the prototype; dashed: the image's own", fontsize=8, loc="left"
    )
    return figure


def iterates(images: Array, magnitudes: Array) -> Figure:
    """Prototypes of prototypes, and how little each further step changes (Fig. 11).

    Args:
        images: x and its iterated prototypes, ``(K + 1, n, C, H, W)``.
        magnitudes: mean |η| of each iterate over that of the first, ``(K,)``.
    """
    steps, count = images.shape[:2]
    figure = new_figure(1, 1, (count + _LABEL) * _TILE + 4.2, max(3.2, (steps + 0.6) * _TILE))
    halves: Any = figure.subfigures(1, 2, width_ratios=[(count + _LABEL) * _TILE, 4.0])
    left, right = halves
    axis = left.subplots()
    for k in range(steps):
        _strip(axis, images[k], k)
        name = "x" if k == 0 else f"step {k}"
        axis.text(-0.1, k + 0.5, name, ha="right", va="center", fontsize=9)
    axis.set(xlim=(-_LABEL, count), ylim=(steps, 0), aspect="equal")
    axis.axis("off")
    axis = right.subplots()
    axis.plot(np.arange(len(magnitudes)), magnitudes, "o-", color=_INK)
    axis.axhline(0.05, color="0.6", lw=1, ls=":", label="where the paper's levels off")
    for k, value in enumerate(magnitudes):
        axis.annotate(f"{value:.2g}", (k, value), (4, 5), textcoords="offset points", fontsize=8)
    axis.set(
        xlabel="iterate k",
        ylabel="mean |η$_k$| / mean |η$_0$|",
        xticks=np.arange(len(magnitudes)),
        yscale="log",
    )
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def factors(
    data: Array,
    resampled: Array,
    groups: npt.NDArray[np.int64],
    group_names: Sequence[str],
    names: Sequence[str],
    ranges: Sequence[tuple[float, float]],
) -> Figure:
    """Factors of data and of resampled data, as histograms and as positions (Fig. 17).

    Args:
        data: factors ``(N, F)``; the last two are the position, y down.
        resampled: the same after resampling.
        groups: class of each sample ``(N,)``.
        group_names: names of the classes.
        names: of the factors.
        ranges: of the factors.
    """
    figure = new_figure(1, 1, 2.1 * (len(names) + 2), 1.9 * len(group_names) + 0.4)
    grid = figure.subplots(len(group_names), len(names) + 2, squeeze=False)
    for g, label in enumerate(group_names):
        rows = groups == g
        for i, axis in enumerate(grid[g, : len(names)]):
            options = {"bins": 32, "range": ranges[i], "density": True}
            axis.hist(data[rows, i], histtype="stepfilled", color=_DATA, label="data", **options)
            axis.hist(resampled[rows, i], histtype="step", color=_INK, label="resampled", **options)
            axis.set(yticks=[], xlim=ranges[i])
            axis.spines[["top", "left", "right"]].set_visible(False)
            axis.tick_params(labelsize=7)
            if g == len(group_names) - 1:
                axis.set_xlabel(names[i], fontsize=8)
        grid[g, 0].set_ylabel(label)
        for axis, (title, values) in zip(
            grid[g, len(names) :], (("data", data), ("resampled", resampled)), strict=True
        ):
            axis.plot(values[rows, -2], values[rows, -1], ".", ms=1, color=_INK, rasterized=True)
            axis.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
            if g == 0:
                axis.set_title(f"positions, {title}", fontsize=8)
    grid[0, 0].legend(fontsize=7, frameon=False)
    return figure


def _show(axis: Axes, image: Array) -> None:
    axis.imshow(_pixels(image[None])[0])


def _strip(axis: Axes, images: Array, top: float) -> None:
    """Images side by side, each one unit wide with a thin margin, as one picture."""
    pixels = _pixels(images)
    margin = max(1, pixels.shape[1] // 24)
    framed = np.pad(pixels, ((0, 0), (margin,) * 2, (margin,) * 2, (0, 0)), constant_values=1.0)
    extent = (0.0, float(len(images)), top + 1.0, float(top))
    axis.imshow(np.concatenate(list(framed), axis=1), extent=extent, interpolation="nearest")


def _pixels(images: Array) -> Array:
    """RGB in [0, 1], ``(n, H, W, 3)``."""
    colours = np.clip((images.transpose(0, 2, 3, 1) + 1) / 2, 0, 1)
    return np.broadcast_to(colours, (*colours.shape[:3], 3))


def _range(values: Array, period: float | None) -> tuple[float, float]:
    """One period, or what holds all but the last percent of the values, and a margin."""
    if period is not None:
        low = 0.0 if values.min() >= 0 else -period / 2
        return low, low + period
    low, high = np.quantile(values, [0.005, 0.995])
    margin = 0.1 * max(high - low, 1e-3)
    return float(low - margin), float(high + margin)

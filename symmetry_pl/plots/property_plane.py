"""The property space Z1 in sections of Z0 (STIB, Fig. 6), as functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from symmetry_pl.information.regressors import ridge_predictions
from symmetry_pl.plots.basic import BINS, POINT, Array, bins, marker_area, new_figure

__all__ = ["MIN_POINTS", "SECTIONS", "property_plane", "sections"]

SECTIONS = 4
MIN_POINTS = 40
"""Fewer points say nothing of four sections."""

_FOLDS, _LEARNED_FROM = 4, 1000
_GREY = "0.88"


def sections(z0: Array, targets: Array, seed: int = 0) -> npt.NDArray[np.int64]:
    """Section 0 … 3 of Z0 that each point lies in, for each target; all have as many points.

    Sections of one coordinate, as in the paper, mean little in many dimensions: a leak lies along
    some other direction, and panels would look invariant whatever Z0 tells. So Z0 is cut where
    stripes would break if anywhere: along the target as a ridge regression on linear, quadratic
    and random Fourier features of Z0 reads it. Each point is placed by a regression on the *other*
    points; on its own, a regression in 14 dimensions would find a leak in pure noise. Where Z0
    tells nothing, the sections are therefore random subsets. A Z0 of one dimension is cut along it.

    Args:
        z0: ``(N, d0)``.
        targets: ``(N, t)``.
        seed: of the parts and the Fourier frequencies.

    Returns:
        ``(N, t)``; from the section where Z0 speaks for the lowest target to that of the highest.

    Raises:
        ValueError: for fewer than 40 points, or values that are not finite.
    """
    count = len(z0)
    if count < MIN_POINTS:
        raise ValueError(f"sections of Z0 need at least {MIN_POINTS} points, got {count}")
    if not (np.isfinite(z0).all() and np.isfinite(targets).all()):
        raise ValueError("sections of Z0 need finite codes and targets")
    if z0.shape[1] == 1:
        return np.repeat(_quarters(z0), targets.shape[1], 1)
    rng = np.random.default_rng(seed)
    place = np.zeros(targets.shape, dtype=np.int64)
    scaled = (z0 - z0.mean(0)) / (z0.std(0) + 1e-12)
    order = rng.permutation(count)
    for fold in np.array_split(order, _FOLDS):
        others = rng.permutation(np.setdiff1d(order, fold))[:_LEARNED_FROM]
        found = ridge_predictions(scaled[others], targets[others], scaled[fold], seed)
        place[fold] = _quarters(found)  # within the fold, as regressions differ in their mean
    return place


def property_plane(z0: Array, z1: Array, colours: Mapping[str, Array]) -> Figure:
    """First two dimensions of Z1, coloured by binned target, in four sections of Z0 (STIB, Fig. 6).

    One row a target. Where Z0 is invariant, the panels of a row show the same stripes and differ
    by chance alone, and so do their mean targets. For a Z1 of one dimension the target is drawn
    against it: one curve in all sections. All other points are grey.

    Args:
        z0: ``(N, d0)``.
        z1: ``(N, d1)``.
        colours: name of a target to its values ``(N,)``; one row each.

    Raises:
        ValueError: see ``sections``.
    """
    rows = len(colours)
    figure = new_figure(SECTIONS, rows, width=2.9, height=2.75)
    grid = figure.subplots(rows, SECTIONS, squeeze=False, sharex=True, sharey="row")
    places = sections(z0, np.stack([*colours.values()], 1)).T
    for axes, where, (name, values) in zip(grid, places, colours.items(), strict=True):
        one = z1.shape[1] == 1
        points = np.stack([z1[:, 0], values if one else z1[:, 1]], 1)
        edges, digits = _edges(values), _digits(values)
        for section, axis in enumerate(axes):
            drawn = _panel(axis, points, where == section, values, edges)
            axis.set_title(_title(section, values[where == section], digits), fontsize=10)
        axes[0].set_ylabel(name if one else "Z1, second dimension")
        if not one:
            figure.colorbar(
                drawn,
                ax=axes,
                pad=0.01,
                label=name,
                boundaries=edges,
                ticks=edges[::2],
                format="%.3g",
            )
    for axis in grid[-1]:
        axis.set_xlabel("Z1" if z1.shape[1] == 1 else "Z1, first dimension")
    return figure


def _quarters(place: Array) -> npt.NDArray[np.int64]:
    """Rank of each value in its column, in four steps of equal count."""
    rank: npt.NDArray[np.int64] = place.argsort(0, kind="stable").argsort(0, kind="stable")
    return rank * SECTIONS // len(place)


def _edges(values: Array) -> Array:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def _digits(values: Array) -> int:
    """Decimals that show the standard error of a section's mean with two figures."""
    error = float(values.std()) / np.sqrt(len(values) / SECTIONS)
    return int(np.clip(1 - np.floor(np.log10(max(error, 1e-4))), 0, 4))


def _title(section: int, values: Array, digits: int) -> str:
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    mean = f"{values.mean():.{digits}f} ± {error:.{digits}f}"
    return f"Z0, section {section + 1} of {SECTIONS}\nmean {mean}"


def _panel(axis: Axes, points: Array, chosen: Array, values: Array, edges: Array) -> PathCollection:
    """The chosen points in colour on top of the others."""
    area = marker_area(len(points))
    axis.scatter(points[:, 0], points[:, 1], s=area, color=_GREY, **{**POINT, "alpha": 1.0})
    centres = (edges[:-1] + edges[1:]) / 2
    drawn = axis.scatter(
        points[chosen, 0],
        points[chosen, 1],
        c=centres[bins(values)[chosen]],
        cmap="viridis",
        vmin=edges[0],
        vmax=edges[-1],
        s=area,
        **POINT,
    )
    axis.spines[["top", "right"]].set_visible(False)
    return drawn

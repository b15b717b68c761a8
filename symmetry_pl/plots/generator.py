"""Figures of a learned one-parameter symmetry as functions of arrays (SymmetryLens, Figs. 7-12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import EngFormatter, MaxNLocator

from symmetry_pl.plots.basic import Array, new_figure

__all__ = ["generator", "lifted_signals", "lifting", "resolving_filter", "training"]

_LEARNED, _IDEAL, _ERROR = "#3b6ea5", "0.55", "#b5543c"
_BINS = 41

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def generator(learned: Array, ideal: Array | None = None, basis: Array | None = None) -> Figure:
    """A generator beside the true one, with the histogram of the errors of entries (Figs. 7a-10a).

    Args:
        learned: cropped to data space, ``(d, d)``.
        ideal: the unit shift in the direction that was learned, ``(d, d)``; None where the truth
            is not known.
        basis: the hidden basis ``(d, d)``, row k the direction of position k; where it is given
            and not the identity, a second row of panels shows the same between hidden positions,
            where a unit shift is one line.
    """
    rows = [("component of x", np.eye(len(learned)))]
    if ideal is not None and basis is not None and not _trivial(basis):
        rows.append(("hidden position", basis))
    figure = _matrix_figure(len(learned), 1 if ideal is None else 3, len(rows))
    grid = figure.subplots(len(rows), 1 if ideal is None else 3, squeeze=False)
    for axes, (label, q) in zip(grid, rows, strict=True):
        truth = None if ideal is None else q @ ideal @ q.T
        labels = {"xlabel": f"from {label}", "ylabel": f"to {label}"}
        _compare(figure, axes, q @ learned @ q.T, truth, "generator", labels)
    return figure


def lifting(learned: Array, ideal: Array | None = None) -> Figure:
    """A lifting matrix beside the ideal one, with the histogram of errors (Figs. 7b-10b).

    Args:
        learned: ``(d, d)``, row k giving lifted position k.
        ideal: the ideal one in the order and with the sign that are nearest; None where the truth
            is not known.
    """
    figure = _matrix_figure(len(learned), 1 if ideal is None else 3, 1)
    axes = figure.subplots(1, 1 if ideal is None else 3, squeeze=False)[0]
    labels = {"xlabel": "component of x", "ylabel": "lifted position"}
    _compare(figure, axes, learned, ideal, "lifting matrix", labels)
    return figure


def resolving_filter(values: Array, basis: Array | None = None) -> Figure:
    """A resolving filter, by components of the data and along the hidden positions.

    Args:
        values: ``(d,)``.
        basis: the hidden basis ``(d, d)``, row k the direction of position k; None where the
            truth is not known. The identity adds no panel.
    """
    panels = [("component of x", values)]
    if basis is not None and not _trivial(basis):
        panels.append(("hidden position", basis @ values))
    figure = new_figure(len(panels), width=4.8, height=3.0)
    for axis, (label, heights) in zip(_row(figure, len(panels)), panels, strict=True):
        _stems(axis, heights)
        axis.set(xlabel=label, ylabel="resolving filter")
    return figure


def lifted_signals(raw: Array, lifted: Array, hidden: Array | None = None) -> Figure:
    """Signals as they are beside their lifts, one row each (Fig. 11).

    Args:
        raw: ``(n, d)``.
        lifted: ``(n, k)``.
        hidden: the true signals along the hidden positions ``(n, d)``, in the order and with the
            sign of the lifts, drawn behind these; None where they are not known.
    """
    figure = new_figure(2, rows=len(raw), width=4.8, height=1.6)
    grid = figure.subplots(len(raw), 2, squeeze=False, sharex=True, sharey="row")
    position, place = np.arange(raw.shape[1]), np.arange(lifted.shape[1])
    marker: dict[str, Any] = {"marker": "o", "markersize": 2.5, "linewidth": 1.2}
    for i, (left, right) in enumerate(grid):
        left.plot(position, raw[i], color=_ERROR, **marker)
        if hidden is not None:
            right.plot(place, hidden[i], color="0.75", linewidth=4)
        right.plot(place, lifted[i], color=_LEARNED, **marker)
        for axis in (left, right):
            _plain(axis)
            axis.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
    grid[0, 0].set_title("data x")
    grid[0, 1].set_title("lifted y" if hidden is None else "lifted y (grey: hidden signal)")
    grid[-1, 0].set_xlabel("component of x")
    grid[-1, 1].set_xlabel("lifted position")
    for i, axis in enumerate(grid[:, 0]):
        axis.set_ylabel(f"sample {i + 1}")
    return figure


def training(panels: Mapping[str, Curves]) -> Figure:
    """Curves over batches in panels of two columns (Fig. 12).

    Args:
        panels: what a panel's values are, with unit, to label, (batches, values); for example
            alignment, uniformity, entropies and the generator's cosine.
    """
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(columns, rows, width=4.8, height=2.7)
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=True).flat)
    for axis, (name, curves) in zip(axes, panels.items(), strict=False):
        for label, (batches, values) in curves.items():
            axis.plot(batches, values, linewidth=1.4, label=label)
        axis.set_ylabel(name)
        if len(curves) > 1:
            axis.legend(frameon=False, fontsize="small")
        _plain(axis)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis in axes[max(0, len(panels) - columns) : len(panels)]:
        axis.set_xlabel("batches")
        axis.tick_params(labelbottom=True)
    return figure


def _matrix_figure(dim: int, columns: int, rows: int) -> Figure:
    """Panels large enough for an entry to be some pixels wide."""
    side = 3.6 if dim <= 40 else 5.2
    return new_figure(columns, rows, width=side + 0.5, height=side)


def _trivial(basis: Array) -> bool:
    """Whether hidden positions are the components of x."""
    return np.allclose(basis, np.eye(len(basis)))


def _row(figure: Figure, columns: int) -> list[Axes]:
    return list(figure.subplots(1, columns, squeeze=False)[0])


def _plain(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _compare(
    figure: Figure,
    axes: Sequence[Axes],
    learned: Array,
    ideal: Array | None,
    name: str,
    labels: dict[str, str],
) -> None:
    """Matrices with one colour bar, then the histogram of their difference."""
    limit = float(np.abs(learned if ideal is None else np.stack([learned, ideal])).max()) or 1.0
    image = _matrix(axes[0], learned, limit, f"learned {name}", labels)
    if ideal is None:
        figure.colorbar(image, ax=axes[0], shrink=0.8, label="entry")
        return
    _matrix(axes[1], ideal, limit, f"ideal {name}", labels)
    figure.colorbar(image, ax=axes[1], shrink=0.8, label="entry")
    _errors(axes[2], learned, ideal)


def _errors(axis: Axes, learned: Array, ideal: Array) -> None:
    """Histogram of the errors of entries, with counts on a logarithmic axis where they are many."""
    errors = (learned - ideal).ravel()
    norms = np.linalg.norm(learned) * np.linalg.norm(ideal)
    cosine = (learned * ideal).sum() / max(norms, 1e-300)
    reach = max(float(np.abs(errors).max()), 1e-12)
    many = len(learned) >= 15
    edges = np.linspace(-reach, reach, _BINS if many else _BINS // 2)
    axis.hist(errors, bins=edges.tolist(), color=_ERROR)
    rms = np.sqrt((errors**2).mean())
    axis.set(
        title=f"cosine {cosine:.4f}, rms error {rms:.2g}",
        xlabel="error of an entry",
        ylabel="entries",
        yscale="log" if many else "linear",
    )
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axis.spines[["top", "right"]].set_visible(False)


def _matrix(
    axis: Axes, values: Array, limit: float, title: str, labels: dict[str, str]
) -> AxesImage:
    """Entries in colours that are white at 0 and as strong on both sides of it."""
    image = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axis.set(title=title, **labels)
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return image


def _stems(axis: Axes, heights: Array) -> None:
    position = np.arange(len(heights))
    axis.vlines(position, 0, heights, color=_LEARNED, linewidth=1.4)
    axis.plot(position, heights, "o", color=_LEARNED, markersize=3.5)
    axis.axhline(0.0, color=_IDEAL, linewidth=0.8, zorder=0)
    _plain(axis)

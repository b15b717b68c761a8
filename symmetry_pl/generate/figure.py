"""The picture of molecules at several values of one property (STIB, Fig. 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from symmetry_pl.generate.values import Answer, HeldOutError
from symmetry_pl.molecules import draw_molecules

__all__ = ["drawn_molecules", "generation_figure", "pixels"]

Image = npt.NDArray[np.uint8]

_CELL = (200, 190)
_DPI = 110
_LEFT, _BELOW, _ABOVE, _BETWEEN, _BOX = 92, 62, 46, 34, 250  # pixels
_KINDS = {"predicted": "predicted", "computed": "RDKit"}
_BLUE, _BAND = "#3b6ea5", "#cfe0f1"


def drawn_molecules(answer: Answer, count: int, columns: int) -> Image:
    """The first molecules of an answer, as they came, with what is known of each beneath.

    Args:
        answer: molecules of one value.
        count: largest number of molecules.
        columns: cells a row; what is left of a row stays white.

    Returns:
        RGB picture ``(height, width, 3)``.
    """
    smiles = [m.smiles for m in answer.outcome.molecules[:count]]
    width, height = columns * _CELL[0], -(-max(len(smiles), 1) // columns) * _CELL[1]
    picture = np.full((height, width, 3), 255, np.uint8)
    if smiles:
        values = [(_KINDS[kind], getattr(answer, kind)) for kind in _KINDS]
        digits = 2 if abs(answer.asked) < 10 else 1 if abs(answer.asked) < 100 else 0
        legends = [
            "\n".join(f"{label} {known[i]:.{digits}f}" for label, known in values if known)
            for i in range(len(smiles))
        ]
        drawn = draw_molecules(smiles, legends, columns, _CELL)
        picture[: drawn.shape[0], : drawn.shape[1]] = drawn
    return picture


def generation_figure(
    answers: Sequence[Answer],
    name: str,
    unit: str,
    held_out: HeldOutError | None,
) -> Figure:
    """A row of molecules for each value, and beside it how far they are from it.

    The boxes (quartiles; whiskers to 1.5 times their distance) are of |predicted − asked| and,
    where RDKit computes the property, of |RDKit − asked|, over all molecules of the row and not
    only those that are drawn. Their mean is written beside them. The band is the model's own mean
    error on held-out molecules: what lies inside is as near as the model can tell.

    Args:
        answers: one a row.
        name: the property.
        unit: its unit, empty for none.
        held_out: the model's own error; None where it is not known.
    """
    kinds = [kind for kind in _KINDS if any(getattr(a, kind) for a in answers)]
    columns = 5 if len(kinds) < 2 else 4  # of a width that pages show without shrinking it much
    grid = np.concatenate([drawn_molecules(a, columns, columns) for a in answers])
    high, wide = grid.shape[:2]
    width = _LEFT + wide + len(kinds) * (_BETWEEN + _BOX) + _BETWEEN
    height = _ABOVE + high + _BELOW
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)

    def axes(left: int, across: int) -> Axes:
        return figure.add_axes((left / width, _BELOW / height, across / width, high / height))

    axis = axes(_LEFT, wide)  # in its own pixels, so that texts stay sharp
    rows = len(answers)
    axis.imshow(grid, extent=(0, 1, rows - 0.5, -0.5), aspect="auto", interpolation="nearest")
    axis.set_yticks(range(rows), [f"{a.asked:g}" for a in answers], fontsize=13)
    label = f"{name.removesuffix('_rdkit')} [{unit}]" if unit else name.removesuffix("_rdkit")
    axis.set_ylabel(f"{label}, asked for", fontsize=13)
    axis.set_title("molecules, as they came", fontsize=13)
    axis.set_xticks([])
    for i, answer in enumerate(answers):
        if not answer.outcome.molecules:
            axis.text(0.5, i, "no molecule found", ha="center", va="center", fontsize=13)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    limit = _limit(answers, kinds, held_out)
    for k, kind in enumerate(kinds):
        axis = axes(_LEFT + wide + _BETWEEN + k * (_BETWEEN + _BOX), _BOX)
        _boxes(axis, [a.errors(kind) for a in answers], held_out, limit)
        axis.set_title(f"|{_KINDS[kind]} − asked|", fontsize=13)
        axis.set_xlabel(f"error [{unit}]" if unit else "error", fontsize=12)
    return figure


def pixels(figure: Figure) -> Image:
    """RGB picture ``(height, width, 3)`` of a figure on the Agg canvas."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    image: Image = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
    return image


def _limit(answers: Sequence[Answer], kinds: Sequence[str], held_out: HeldOutError | None) -> float:
    """One x-axis for all boxes, so that they compare."""
    largest = [e for a in answers for kind in kinds for e in a.errors(kind)]
    return 1.08 * max([1e-9, *largest, 0.0 if held_out is None else held_out.mae])


def _boxes(
    axis: Axes, errors: Sequence[Sequence[float]], held_out: HeldOutError | None, limit: float
) -> None:
    """One horizontal box a row, with its mean above it."""
    rows = [i for i, row in enumerate(errors) if row]
    if held_out is not None:
        axis.axvspan(0, held_out.mae, color=_BAND, linewidth=0, zorder=0)
        inside = held_out.mae > limit / 2  # else the words would leave the panel
        axis.text(
            held_out.mae,
            -0.46,
            f" model's test error {held_out.mae:.2g} ",
            ha="right" if inside else "left",
            va="top",
            fontsize=10.5,
            color=_BLUE,
        )
    axis.boxplot(
        [errors[i] for i in rows],
        positions=rows,
        orientation="horizontal",
        widths=0.34,
        patch_artist=True,
        boxprops={"facecolor": "white", "edgecolor": "0.2"},
        medianprops={"color": _BLUE, "linewidth": 2},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": "0.5"},
        manage_ticks=False,
    )
    for i in rows:
        mean = sum(errors[i]) / len(errors[i])
        axis.text(limit, i - 0.21, f"mean {mean:.2g} ", ha="right", va="bottom", fontsize=10.5)
    axis.set(xlim=(0, limit), ylim=(len(errors) - 0.5, -0.5), yticks=[])
    axis.spines[["top", "right"]].set_visible(False)

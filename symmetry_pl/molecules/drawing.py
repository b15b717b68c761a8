"""Pictures of molecules as plain RGB arrays, for TensorBoard and papers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from matplotlib.font_manager import findfont
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from symmetry_pl.molecules.chemistry import parse, same_molecule

__all__ = ["draw_molecules", "draw_predictions", "draw_reconstructions"]

Image = npt.NDArray[np.uint8]

_RIGHT = (0, 114, 178)  # blue and vermilion: green and red are one colour to many eyes
_WRONG = (213, 94, 0)
_REFERENCE = (20, 20, 20)
_GREY = (225, 225, 225)
_PAPER = (255, 255, 255)
_INK = (20, 20, 20)
_FRAME, _LINE = 4, 18
_LARGEST, _SMALLEST = 14, 8


def draw_molecules(
    smiles: Sequence[str | None],
    legends: Sequence[str] | None = None,
    columns: int = 5,
    size: tuple[int, int] = (240, 220),
) -> Image:
    """Draw molecules in a grid, row by row.

    Args:
        smiles: the molecules; ``None`` or an invalid string leaves a cell that says so.
        legends: a text under each, one or more lines.
        columns: cells per row.
        size: width and height of a cell in pixels.

    Returns:
        RGB picture ``(height, width, 3)``.

    Raises:
        ValueError: if there is nothing to draw, or not one legend per molecule.
    """
    texts = [""] * len(smiles) if legends is None else list(legends)
    if len(texts) != len(smiles):
        raise ValueError(f"{len(smiles)} molecules need as many legends, got {len(texts)}")
    cells = [_cell(s, t, size, _GREY) for s, t in zip(smiles, texts, strict=True)]
    return _grid(cells, columns)


def draw_reconstructions(
    inputs: Sequence[str],
    outputs: Sequence[str | None],
    columns: int = 6,
    size: tuple[int, int] = (220, 200),
) -> Image:
    """Draw each input above its reconstruction.

    The reconstruction has a blue frame if it is the same molecule, and else a vermilion frame and
    the words "differs" or "not a molecule".

    Args:
        inputs: SMILES that were encoded.
        outputs: SMILES that were decoded, ``None`` where decoding failed.
        columns: pairs per row.
        size: width and height of a cell in pixels.

    Returns:
        RGB picture ``(height, width, 3)``.

    Raises:
        ValueError: if there is nothing to draw, or not one output per input.
    """
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs need as many outputs, got {len(outputs)}")
    pairs = []
    for first, second in zip(inputs, outputs, strict=True):
        same = same_molecule(first, second)
        legend = "same molecule" if same else "differs" if second and parse(second) else ""
        top = _cell(first, "input", size, _GREY)
        bottom = _cell(second, legend, size, _RIGHT if same else _WRONG)
        pairs.append(np.concatenate([top, bottom], axis=0))
    return _grid(pairs, columns)


def draw_predictions(
    smiles: Sequence[str | None],
    properties: Sequence[dict[str, tuple[float, float | None]]],
    units: dict[str, str],
    columns: int = 5,
    size: tuple[int, int] = (260, 250),
    references: bool = False,
) -> Image:
    """Draw molecules with predicted, and where known true, properties.

    Args:
        smiles: the molecules.
        properties: for each, name → (prediction, true value or ``None``), in physical units.
        units: name → unit, empty for dimensionless properties.
        columns: cells per row; choose ``len(smiles)`` for one row.
        size: width and height of a cell in pixels.
        references: whether the first of each row is what the others compare with; it has a dark
            frame and says so.

    Returns:
        RGB picture ``(height, width, 3)``.

    Raises:
        ValueError: if there is nothing to draw, or not one dictionary per molecule.
    """
    legends: list[str] = []
    for values in properties:
        lines = []
        for name, (predicted, true) in values.items():
            unit = f" [{units[name]}]" if units.get(name) else ""
            known = "" if true is None else f", true {true:.2f}"
            lines.append(f"{name}{unit}: {predicted:.2f}{known}")
        first = references and len(legends) % columns == 0
        legends.append("\n".join(["reference", *lines] if first else lines))
    if len(legends) != len(smiles):
        raise ValueError(f"{len(smiles)} molecules need as many dictionaries, got {len(legends)}")
    frames = [_REFERENCE if references and i % columns == 0 else _GREY for i in range(len(smiles))]
    cells = [_cell(s, t, size, f) for s, t, f in zip(smiles, legends, frames, strict=True)]
    return _grid(cells, columns)


def _cell(
    smiles: str | None, legend: str, size: tuple[int, int], frame: tuple[int, int, int]
) -> Image:
    """One molecule in a coloured frame with its legend below."""
    mol = None if smiles is None else parse(smiles)
    if mol is None:
        frame = _WRONG
        problem = "not a molecule" if smiles is None else f"not a molecule:\n{_cut(smiles)}"
        legend = f"{legend}\n{problem}" if legend else problem
    width, height = size[0] - 2 * _FRAME, size[1] - 2 * _FRAME
    lines = legend.split("\n") if legend else []
    cell = PIL.Image.new("RGB", size, frame)
    cell.paste(_PAPER, (_FRAME, _FRAME, _FRAME + width, _FRAME + height))
    room = height - _LINE * len(lines) - (_LINE // 3 if lines else 0)
    if mol is not None and room > _LINE:
        cell.paste(_structure(mol, width, room), (_FRAME, _FRAME))
    pen = PIL.ImageDraw.Draw(cell)
    for i, line in enumerate(lines):
        font = _font(_fit(line, width))
        pen.text((size[0] // 2, _FRAME + room + _LINE * i), line, _INK, font, anchor="ma")
    return np.asarray(cell)


def _structure(mol: Chem.Mol, width: int, height: int) -> PIL.Image.Image:
    canvas = rdMolDraw2D.MolDraw2DCairo(width, height)
    options: Any = canvas.drawOptions()
    options.padding = 0.06
    options.fixedBondLength = 32  # one scale for all cells, so that sizes compare
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, mol)
    canvas.FinishDrawing()
    return PIL.Image.open(BytesIO(canvas.GetDrawingText())).convert("RGB")


@cache
def _font(points: int) -> PIL.ImageFont.FreeTypeFont:
    # RDKit's own legends lack superscripts such as the one in bohr³, and vanish without atoms
    return PIL.ImageFont.truetype(findfont("DejaVu Sans"), points)


def _fit(line: str, width: int) -> int:
    """The largest readable font size at which a line fits."""
    sizes = range(_LARGEST, _SMALLEST, -1)
    return next((n for n in sizes if _font(n).getlength(line) <= width), _SMALLEST)


def _grid(cells: Sequence[Image], columns: int) -> Image:
    if not cells:
        raise ValueError("there are no molecules to draw")
    columns = max(1, min(columns, len(cells)))
    blank = np.full_like(cells[0], _PAPER[0])
    rows = []
    for start in range(0, len(cells), columns):
        row = list(cells[start : start + columns])
        row += [blank] * (columns - len(row))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def _cut(text: str, longest: int = 28) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"

"""The folder that molecules at several values of one property are written to."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from symmetry_pl.core import DataDescription
from symmetry_pl.core.files import atomic_write
from symmetry_pl.generate.figure import drawn_molecules, generation_figure, pixels
from symmetry_pl.generate.table import csv_text, table, unit_of
from symmetry_pl.generate.values import Answer, HeldOutError, report, summary
from symmetry_pl.runs.provenance import git_commit

__all__ = ["write_series"]

_DRAWN, _COLUMNS = 24, 6


def write_series(
    folder: Path,
    answers: Sequence[Answer],
    name: str,
    data: DataDescription,
    known: set[str] | None,
    held_out: HeldOutError | None,
    about: dict[str, Any],
) -> list[str]:
    """Write molecules.csv, summary.json, generation.png and TensorBoard events to a folder.

    Args:
        folder: made where it is missing; files of these names are replaced.
        answers: molecules of each value.
        name: the property.
        data: what the model was trained on.
        known: canonical SMILES that novelty is measured against; None for no novelty.
        held_out: the model's own error; None where it is not known.
        about: what else the summary should say.

    Returns:
        The report, as lines.
    """
    unit = unit_of(name, data)
    rows = [{"asked": a.asked, **row} for a in answers for row in table(a.outcome, data)]
    atomic_write(folder / "molecules.csv", csv_text(rows))
    made = summary(answers, known)
    record: dict[str, Any] = {
        **about,
        "commit": git_commit(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "property": name,
        "unit": unit,
        "known_molecules": None if known is None else len(known),
        **made,
    }
    if held_out is not None:
        record["test_mae"] = {"value": held_out.mae, "molecules": held_out.molecules}
    atomic_write(folder / "summary.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    figure = generation_figure(answers, name, unit, held_out)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    atomic_write(folder / "generation.png", drawn.getvalue())
    with SummaryWriter(str(folder)) as board:
        board.add_image("generation", pixels(figure), 0, dataformats="HWC")
        for answer in answers:
            picture = drawn_molecules(answer, _DRAWN, _COLUMNS)
            board.add_image(f"molecules/{name}={answer.asked:g}", picture, 0, dataformats="HWC")
    lines = report(name, unit, made)
    if held_out is not None:
        error = f"{held_out.mae:.3g} {unit}".rstrip()
        lines.append(f"the model's own MAE on {held_out.molecules} held-out molecules: {error}")
    if known is None:
        lines.append("novelty: give the training molecules with --train to measure it")
    return [*lines, f"molecules.csv, summary.json, generation.png and TensorBoard in {folder}"]

"""Generated molecules as rows of a table, and files that are written whole."""

from __future__ import annotations

import csv
import io
from typing import Any

from symmetry_pl.core import DataDescription
from symmetry_pl.generate.sampling import Outcome
from symmetry_pl.molecules import PROPERTIES

__all__ = ["csv_text", "table", "unit_of"]


def unit_of(name: str, data: DataDescription) -> str:
    """Unit of a target, empty for none."""
    return data.target_units[data.target_names.index(name)] if data.target_units else ""


def table(outcome: Outcome, data: DataDescription) -> list[dict[str, Any]]:
    """One row a molecule: predicted and computed properties, and its code."""
    rows = []
    for molecule in outcome.molecules:
        row: dict[str, Any] = {"smiles": molecule.smiles}
        if molecule.y is not None:
            for name, value in zip(data.target_names, molecule.y.tolist(), strict=True):
                unit = unit_of(name, data)
                row[f"predicted_{name}_{unit}" if unit else f"predicted_{name}"] = value
        row |= {name: function(molecule.smiles) for name, function in PROPERTIES.items()}
        for part, code in (("z0", molecule.z0), ("z1", molecule.z1)):
            if code is not None:
                row |= {f"{part}_{i}": value for i, value in enumerate(code.tolist())}
        rows.append(row)
    return rows


def csv_text(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV under the keys of the first; without rows an empty column ``smiles``."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["smiles"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

"""The copy of QM9 inside the package: how it is read, and how it was made.

``python -m symmetry_pl.datamodules.molecules.qm9_embedded SOURCE`` writes
``datamodules/data/qm9.csv.gz`` again from a table of QM9 (CSV, gzipped or not) with the columns
index, smiles, formula, alpha_bohr3 and gap_hartree; the same table gives the same uncompressed
bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.molecules import KekuleDeepSmiles, formula

__all__ = ["COLUMNS", "EMBEDDED", "main", "read_columns", "write_embedded"]

EMBEDDED = Path(__file__).parents[1] / "data" / "qm9.csv.gz"
_KEPT = ("index", "smiles", "formula", "alpha_bohr3", "gap_hartree")
COLUMNS = (*_KEPT, "kekule_deepsmiles-1.0.1-rdkit-2026.9.1")  # the last is what spelled it


def read_columns(path: str | Path, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Columns of a CSV file with a header, as text.

    Args:
        path: the file; its content decides whether it is gzipped.
        wanted: names of columns; those that the file lacks are left out of the result.

    Raises:
        ValueError: if a row has more or fewer fields than the header.
    """
    table = read_csv(path, wanted)
    if table.ragged:
        first = table.ragged[0]
        raise ValueError(f"{path}: row {first.row} has {first.reason}")
    return {name: column for name, column in table.columns.items() if column}


def write_embedded(source: str | Path, target: str | Path = EMBEDDED) -> int:
    """Write the embedded table from a full one; returns the number of rows.

    Raises:
        ValueError: if the source lacks a column, or a formula is not that of its molecule.
    """
    table = read_columns(source, _KEPT)
    missing = [name for name in _KEPT if name not in table]
    if missing:
        raise ValueError(f"{source} has no column {missing[0]!r}")
    for row, (smiles, stated) in enumerate(zip(table["smiles"], table["formula"], strict=True)):
        if formula(smiles) != stated:
            raise ValueError(f"{source}: row {row} ({smiles}) is {formula(smiles)}, not {stated}")
    language = KekuleDeepSmiles()
    table[language.version] = [language.text(language.encode(s)) for s in table["smiles"]]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names := (*_KEPT, language.version))
    writer.writerows(zip(*(table[name] for name in names), strict=True))
    # no time stamp, so that the same table gives the same file
    Path(target).write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    return len(table["smiles"])


def main(args: Sequence[str] | None = None) -> None:
    """Command line of ``write_embedded``."""
    parser = argparse.ArgumentParser(description="Write the embedded copy of QM9.")
    parser.add_argument("source", help="CSV with the columns " + ", ".join(_KEPT))
    parser.add_argument("--target", default=str(EMBEDDED), help="default: %(default)s")
    options = parser.parse_args(args)
    print(f"{write_embedded(options.source, options.target)} molecules in {options.target}")


if __name__ == "__main__":
    main()

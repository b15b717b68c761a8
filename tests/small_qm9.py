"""A table of 250 molecules of QM9, 200 of them isomers, that is read in a moment."""

import gzip
from itertools import islice

import pytest

from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED


@pytest.fixture
def small_qm9(tmp_path):
    """``qm9.csv`` in the working folder: ``data.root: .`` finds it."""
    return write_qm9(tmp_path)


def write_qm9(folder):
    """The table in a folder."""
    with gzip.open(EMBEDDED, "rt") as file:
        header, *others = list(islice(file, 2000))
        isomers = islice((line for line in file if ",C7H10O2," in line), 200)
        rows = [*others[40::40][:50], *isomers]
    columns = [0, 1, 3, 4]
    lines = [[line.strip().split(",")[i] for i in columns] for line in [header, *rows]]
    (folder / "qm9.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    return folder / "qm9.csv"

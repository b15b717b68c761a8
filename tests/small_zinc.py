"""A table of 260 molecules with a column qed, as a user might have instead of ZINC250k."""

import gzip
from itertools import islice

import pytest

from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED


@pytest.fixture
def small_zinc(tmp_path):
    """``zinc250k.csv`` in the working folder: ``data.root: .`` finds it. Its qed is made up."""
    return write_zinc(tmp_path)


def write_zinc(folder):
    """The table in a folder."""
    with gzip.open(EMBEDDED, "rt") as file:
        header = next(file).strip().split(",")
        column = header.index("smiles")
        smiles = [line.split(",")[column] for line in islice(file, 1000, 56_000, 200)]
    # no symbol is in a held-out molecule alone, or these sets would be smaller than asked for
    smiles = [s for s in smiles if "F" not in s][:260]
    rows = [f"{s},{(len(s) + 3 * s.count('O')) / 30:.3f}" for s in smiles]
    (folder / "zinc250k.csv").write_text("\n".join(["smiles,qed", *rows]) + "\n")
    return folder / "zinc250k.csv"

"""Molecules as text: SMILES to tokens and back, chemistry checks, drawings."""

from symmetry_pl.molecules.chemistry import (
    BadRow,
    canonical_smiles,
    check_smiles,
    find_bad_rows,
    formula,
    same_molecule,
    summarise_bad_rows,
)
from symmetry_pl.molecules.drawing import draw_molecules, draw_predictions, draw_reconstructions
from symmetry_pl.molecules.representations import (
    REPRESENTATIONS,
    DeepSmiles,
    Representation,
    representation,
)
from symmetry_pl.molecules.vocabulary import Vocabulary

__all__ = [
    "REPRESENTATIONS",
    "BadRow",
    "DeepSmiles",
    "Representation",
    "Vocabulary",
    "canonical_smiles",
    "check_smiles",
    "draw_molecules",
    "draw_predictions",
    "draw_reconstructions",
    "find_bad_rows",
    "formula",
    "representation",
    "same_molecule",
    "summarise_bad_rows",
]

"""Molecules as text: SMILES to tokens and back, chemistry checks, drawings."""

from symmetry_pl.molecules.base import Representation, SymbolMask
from symmetry_pl.molecules.chemistry import (
    canonical_smiles,
    check_smiles,
    formula,
    same_molecule,
)
from symmetry_pl.molecules.deep_smiles import DeepSmiles, KekuleDeepSmiles
from symmetry_pl.molecules.drawing import draw_molecules, draw_predictions, draw_reconstructions
from symmetry_pl.molecules.fragments import apply_fragments, learn_fragments
from symmetry_pl.molecules.grammar import Grammar, KekuleGrammar
from symmetry_pl.molecules.grammar_mask import GrammarMask
from symmetry_pl.molecules.grammar_rings import RingMask
from symmetry_pl.molecules.properties import PROPERTIES
from symmetry_pl.molecules.representations import REPRESENTATIONS, representation
from symmetry_pl.molecules.selfies import Selfies
from symmetry_pl.molecules.standard import (
    Standard,
    kekule_smiles,
    standardise,
    summarise_changes,
)
from symmetry_pl.molecules.vocabulary import Vocabulary

__all__ = [
    "PROPERTIES",
    "REPRESENTATIONS",
    "DeepSmiles",
    "Grammar",
    "GrammarMask",
    "KekuleDeepSmiles",
    "KekuleGrammar",
    "Representation",
    "RingMask",
    "Selfies",
    "Standard",
    "SymbolMask",
    "Vocabulary",
    "apply_fragments",
    "canonical_smiles",
    "check_smiles",
    "draw_molecules",
    "draw_predictions",
    "draw_reconstructions",
    "formula",
    "kekule_smiles",
    "learn_fragments",
    "representation",
    "same_molecule",
    "standardise",
    "summarise_changes",
]

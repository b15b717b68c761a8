"""Ways to spell a molecule as a sequence of symbols, by name."""

from __future__ import annotations

from symmetry_pl.molecules.base import Representation
from symmetry_pl.molecules.deep_smiles import DeepSmiles, KekuleDeepSmiles
from symmetry_pl.molecules.grammar import Grammar, KekuleGrammar
from symmetry_pl.molecules.selfies import Selfies
from symmetry_pl.molecules.smiles import Smiles

__all__ = ["REPRESENTATIONS", "representation"]

REPRESENTATIONS: dict[str, type[Representation]] = {
    language.name: language
    for language in (DeepSmiles, KekuleDeepSmiles, Grammar, KekuleGrammar, Selfies, Smiles)
}


def representation(name: str) -> Representation:
    """Make a representation by its name.

    Raises:
        ValueError: if the name is unknown.

    Example:
        >>> representation("deepsmiles").name
        'deepsmiles'
    """
    if name not in REPRESENTATIONS:
        known = ", ".join(sorted(REPRESENTATIONS))
        raise ValueError(f"representation must be one of {known}; got {name!r}")
    return REPRESENTATIONS[name]()

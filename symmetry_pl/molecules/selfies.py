"""SELFIES: a language in which every sequence of symbols is a molecule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import selfies

from symmetry_pl.molecules.base import Representation
from symmetry_pl.molecules.chemistry import parse

__all__ = ["Selfies"]

_CONSTRAINTS = selfies.get_preset_constraints("default")


class Selfies(Representation):
    """SELFIES: bonds that an atom has no valence for, and rings to nowhere, are left out.

    So every sequence of its symbols spells a molecule, except where nothing is left of it, or
    where RDKit's rules of aromaticity and valence are stricter (Krenn et al. 2020,
    https://doi.org/10.1088/2632-2153/aba947; Lo et al. 2023 for version 2). The price: an atom
    with more bonds than the language's table allows has no spelling, and the many sequences of
    one molecule differ by far more than their ends.

    Valences are those of the package's default table, whatever the table in force.

    Example:
        >>> Selfies().encode("CC(=O)[O-]")
        ['[C]', '[C]', '[=Branch1]', '[C]', '[=O]', '[O-1]']
        >>> Selfies().decode(["[F]", "[=C]", "[=C]", "[#N]"])
        'FC=C=N'
    """

    name: ClassVar[str] = "selfies"
    title: ClassVar[str] = "SELFIES"
    package: ClassVar[str | None] = "selfies"

    def _spell(self, smiles: str) -> list[str]:
        try:
            return self.split(_with_default_valences(selfies.encoder, smiles))
        except selfies.EncoderError as error:
            raise ValueError(_reason(error)) from error

    def decode(self, symbols: Sequence[str]) -> str | None:
        """SMILES spelled by ``symbols``, or ``None`` if nothing is left or RDKit refuses it."""
        try:
            smiles = _with_default_valences(selfies.decoder, self.text(symbols))
        except selfies.DecoderError:
            return None
        return smiles if parse(smiles) is not None else None

    def text(self, symbols: Sequence[str]) -> str:
        """Concatenate the symbols."""
        return "".join(symbols)

    def split(self, text: str) -> list[str]:
        """Cut after each closing bracket, and after dots."""
        return list(selfies.split_selfies(text))


def _with_default_valences(function: Callable[..., Any], text: str) -> str:
    """Call the package under its default table, which it keeps in a global variable."""
    found = selfies.get_semantic_constraints()
    if found == _CONSTRAINTS:
        return str(function(text))
    selfies.set_semantic_constraints(_CONSTRAINTS)
    try:
        return str(function(text))
    finally:
        selfies.set_semantic_constraints(found)


def _reason(error: selfies.EncoderError) -> str:
    """The heart of the package's report, which fills several lines."""
    parsing = getattr(error.__cause__, "reason", None)
    if parsing is not None:
        return str(parsing)
    lines = [line.strip() for line in str(error).splitlines()]
    problem = next((line[1:-1] for line in lines if line.startswith("[")), lines[0])
    return problem.removesuffix(" was specified")

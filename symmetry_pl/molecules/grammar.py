"""Molecules as productions of a context-free grammar of SMILES."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from symmetry_pl.molecules.base import Representation
from symmetry_pl.molecules.chemistry import parse
from symmetry_pl.molecules.grammar_mask import GrammarMask
from symmetry_pl.molecules.grammar_parser import derive, replay
from symmetry_pl.molecules.grammar_rings import RingMask

__all__ = ["Grammar", "KekuleGrammar"]


class Grammar(Representation):
    """Productions of a grammar of SMILES in left-most order (Kusner et al. 2017; STIB, 5.2).

    What a complete derivation spells has the syntax of SMILES but for ring labels, which a
    context-free grammar cannot pair: ``C1CC`` has a derivation. ``mask`` keeps a decoder inside
    the grammar, and pairs ring labels beyond it. Neither knows chemistry: a decoded string may
    still break valence rules or be aromatic in vain, and then ``decode`` returns ``None``.

    The rules are ours, see ``grammar_rules``: the same language as the published grammar's, with
    shorter derivations.

    Example:
        >>> Grammar().encode("CO")
        ['smiles->atom,tail', "atom->'C'", 'tail->atom,tail', "atom->'O'", 'tail->ε']
        >>> Grammar().decode(Grammar().encode("CO"))
        'CO'
    """

    name: ClassVar[str] = "grammar"
    title: ClassVar[str] = "derivation"

    def _spell(self, smiles: str) -> list[str]:
        return derive(smiles)

    def decode(self, symbols: Sequence[str]) -> str | None:
        """SMILES that a derivation spells; ``None`` if incomplete or no valid molecule."""
        smiles = replay(symbols)
        return smiles if smiles is not None and parse(smiles) is not None else None

    def text(self, symbols: Sequence[str]) -> str:
        """The SMILES string of a complete derivation, which determines it.

        Raises:
            ValueError: if the derivation is not complete.
        """
        smiles = replay(symbols)
        if smiles is None:
            raise ValueError("the productions are not a complete derivation")
        return smiles

    def split(self, text: str) -> list[str]:
        """Derivation of a SMILES string."""
        return derive(text)

    def mask(
        self, symbols: Sequence[str], max_length: int, close_rings: bool = True
    ) -> GrammarMask:
        """What keeps a decoder inside the grammar.

        Args:
            symbols: the vocabulary, padding first.
            max_length: productions a derivation has at most.
            close_rings: pair ring labels as well, see ``RingMask``.
        """
        return (RingMask if close_rings else GrammarMask)(symbols, max_length)


class KekuleGrammar(Grammar):
    """The same productions for SMILES with single and double bonds for aromatic ones."""

    name: ClassVar[str] = "kekule_grammar"
    kekule: ClassVar[bool] = True

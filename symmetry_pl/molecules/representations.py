"""Ways to spell a molecule as a sequence of symbols."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import deepsmiles

from symmetry_pl.molecules.chemistry import check_smiles, parse

__all__ = ["REPRESENTATIONS", "DeepSmiles", "Representation", "representation"]

_SYMBOL = re.compile(r"\[[^\]]*\]|Br|Cl|%\(\d+\)|%\d\d|.")


class Representation(ABC):
    """A language in which a molecule is a sequence of symbols.

    A symbol is any non-empty string without spaces: an atom, a ring label, a SELFIES symbol, a
    grammar production. ``decode(encode(s))`` is the molecule of ``s``, though rarely its string.
    Implementations keep no state, so that their ``name`` is all a checkpoint has to store.
    """

    name: ClassVar[str]

    @abstractmethod
    def encode(self, smiles: str) -> list[str]:
        """Symbols of a molecule.

        Raises:
            ValueError: if this language cannot spell it.
        """

    @abstractmethod
    def decode(self, symbols: Sequence[str]) -> str | None:
        """SMILES spelled by ``symbols``, or ``None`` if they spell no valid molecule."""

    @abstractmethod
    def text(self, symbols: Sequence[str]) -> str:
        """One string that ``split`` turns back into ``symbols``."""

    @abstractmethod
    def split(self, text: str) -> list[str]:
        """Symbols of a string made by ``text``; inverse of it."""


class DeepSmiles(Representation):
    """DeepSMILES: SMILES without paired parentheses and paired ring labels.

    A branch is closed by one ``)`` per atom in it, and a ring by its size alone, so fewer strings
    are ungrammatical (O'Boyle and Dalke 2018, https://doi.org/10.26434/chemrxiv.7097960).

    Example:
        >>> DeepSmiles().encode("O=C1CCCC1[NH3+]")
        ['O', '=', 'C', 'C', 'C', 'C', 'C', '5', '[NH3+]']
        >>> DeepSmiles().decode(["C", "C", ")", ")", ")"]) is None
        True
    """

    name: ClassVar[str] = "deepsmiles"

    @cached_property
    def _converter(self) -> deepsmiles.Converter:
        return deepsmiles.Converter(rings=True, branches=True)

    def encode(self, smiles: str) -> list[str]:
        """Symbols of a SMILES string; atoms keep their order.

        Raises:
            ValueError: if the string is not the SMILES of a molecule.
        """
        # the converter does not check: it garbles C1CC, and never returns from "[NH4"
        reason = check_smiles(smiles)
        if reason is not None:
            raise ValueError(f"{smiles!r} has no DeepSMILES: {reason}")
        return self.split(self._converter.encode(smiles))

    def decode(self, symbols: Sequence[str]) -> str | None:
        """SMILES spelled by ``symbols``, or ``None`` if they spell no valid molecule."""
        try:
            smiles: str = self._converter.decode(self.text(symbols))
        except (deepsmiles.DecodeError, IndexError, ValueError):
            return None
        # the converter drops bonds to nowhere, as in "C=", and what follows the end, as in "C)O"
        if _atoms_and_bonds(self.split(smiles)) != _atoms_and_bonds(symbols):
            return None
        return smiles if parse(smiles) is not None else None

    def text(self, symbols: Sequence[str]) -> str:
        """Concatenate the symbols."""
        return "".join(symbols)

    def split(self, text: str) -> list[str]:
        """Cut into bracket atoms, two-letter elements, ring labels and single characters."""
        return _SYMBOL.findall(text)


def _atoms_and_bonds(symbols: Sequence[str]) -> int:
    return sum(not (s in "()" or s[0] == "%" or s.isdigit()) for s in symbols)


REPRESENTATIONS: dict[str, type[Representation]] = {DeepSmiles.name: DeepSmiles}


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

"""SMILES themselves, symbol by symbol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from symmetry_pl.molecules.base import Representation
from symmetry_pl.molecules.chemistry import parse

__all__ = ["Smiles"]

_SYMBOL = re.compile(r"\[[^\]]*\]|Br|Cl|%\(\d+\)|%\d\d|.")


class Smiles(Representation):
    """Canonical SMILES: branches and rings may be left open, aromatic atoms are lower case.

    Example:
        >>> Smiles().encode("C1=CC=CC=C1Cl")
        ['Cl', 'c', '1', 'c', 'c', 'c', 'c', 'c', '1']
        >>> Smiles().decode(["C", "1"]) is None
        True
    """

    name: ClassVar[str] = "smiles"
    title: ClassVar[str] = "SMILES"

    def _spell(self, smiles: str) -> list[str]:
        return self.split(smiles)

    def decode(self, symbols: Sequence[str]) -> str | None:
        """The string, or ``None`` if it is no molecule."""
        smiles = self.text(symbols)
        return smiles if parse(smiles) is not None else None

    def text(self, symbols: Sequence[str]) -> str:
        """Concatenate the symbols."""
        return "".join(symbols)

    def split(self, text: str) -> list[str]:
        """Cut into bracket atoms, two-letter elements, ring labels and single characters."""
        return _SYMBOL.findall(text)

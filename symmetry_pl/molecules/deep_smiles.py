"""DeepSMILES: SMILES whose branches and rings cannot be left open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import deepsmiles

from symmetry_pl.molecules.base import Representation
from symmetry_pl.molecules.chemistry import parse

__all__ = ["DeepSmiles", "KekuleDeepSmiles"]

_SYMBOL = re.compile(r"\[[^\]]*\]|Br|Cl|%\(\d+\)|%\d\d|.")
_RING_AFTER_BRANCH = re.compile(r"\)[-=#$:/\\]?[\d%]")


class DeepSmiles(Representation):
    """DeepSMILES: SMILES without paired parentheses and paired ring labels.

    A branch is closed by one ``)`` per atom in it, and a ring by its size alone, so fewer strings
    are ungrammatical (O'Boyle and Dalke 2018, https://doi.org/10.26434/chemrxiv.7097960).

    Example:
        >>> DeepSmiles().encode("O=C1CCCC1[NH3+]")
        ['[NH3+]', 'C', 'C', 'C', 'C', 'C', '5', '=', 'O']
        >>> DeepSmiles().decode(["C", "C", ")", ")", ")"]) is None
        True
    """

    name: ClassVar[str] = "deepsmiles"
    title: ClassVar[str] = "DeepSMILES"
    package: ClassVar[str | None] = "deepsmiles"

    @cached_property
    def _converter(self) -> deepsmiles.Converter:
        return deepsmiles.Converter(rings=True, branches=True)

    def _spell(self, smiles: str) -> list[str]:
        # the converter does not check: it garbles C1CC, and never returns from "[NH4"
        if _RING_AFTER_BRANCH.search(smiles):
            raise ValueError("a ring bond stands behind a branch")
        try:
            return self.split(self._converter.encode(smiles))
        except (IndexError, KeyError) as error:
            raise ValueError("the converter cannot read it") from error

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


class KekuleDeepSmiles(DeepSmiles):
    """DeepSMILES with single and double bonds for aromatic ones, as GDB and QM9 write them.

    Fewer symbols, and no ring that is aromatic in vain; rings take more of them.

    Example:
        >>> "".join(KekuleDeepSmiles().encode("c1ccccc1"))
        'C=CC=CC=C6'
    """

    name: ClassVar[str] = "kekule_deepsmiles"
    kekule: ClassVar[bool] = True


def _atoms_and_bonds(symbols: Sequence[str]) -> int:
    return sum(not (s in "()" or s[0] == "%" or s.isdigit()) for s in symbols)

"""What each symbol of a SMILES vocabulary is: an atom of some valence, a bond, a branch, a ring."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ATOM", "BOND", "CLOSE", "END", "MOST_RINGS", "OPEN", "RING", "SymbolTable"]

END, ATOM, BOND, OPEN, CLOSE, RING = range(6)
"""Kinds of symbols; the padding is the end."""

MOST_RINGS = 10
"""Ring labels are 0 to 9."""

_BONDS = {"-": 1, "=": 2, "#": 3}
_ORGANIC = ("B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I", "b", "c", "n", "o", "p", "s")
_BRACKET = re.compile(r"\[([A-Z][a-z]?|[bcnops])(?:H(\d?))?([+-]?)\]")
_VALENCES = {
    ("B", 0): (3,), ("C", 0): (4,), ("N", 0): (3,), ("N", 1): (4,), ("O", 0): (2,), ("O", -1): (1,),
    ("P", 0): (3, 5), ("S", 0): (2, 4, 6), ("F", 0): (1,), ("Cl", 0): (1,), ("Br", 0): (1,),
    ("I", 0): (1,),
}  # fmt: skip
_SIGMA = {("C", 0): 3, ("N", 0): 3, ("N", 1): 3, ("O", 0): 2, ("S", 0): 2}
"""Neighbours that an aromatic atom may have, hydrogens among them."""


@dataclass(frozen=True)
class SymbolTable:
    """Columns by the id of a symbol ``(V,)``; of what is no atom, zeros.

    Args:
        symbols: the vocabulary, padding first.
        kind: ``END``, ``ATOM``, ``BOND``, ``OPEN``, ``CLOSE`` or ``RING``.
        number: order of a bond, label of a ring.
        capacity: sum of the orders of bonds that an atom may have, its own hydrogens left out.
        aromatic: whether it is written in lower case.
        implied: whether hydrogens fill what bonds leave.
        fills: the bond orders up to which they do, for each sum of bonds ``(V, 8)``.
        carbon: aromatic carbon, which owes a double bond unless it has one outside its ring.
        nitrogen: aromatic nitrogen without hydrogen, which owes one unless it has three neighbours.
        cation: aromatic nitrogen with a charge, which always owes one.
        cost: what of its capacity a bond takes, by its order, 0 for one that is not written; 9 for
            one that the atom cannot have ``(V, 4)``.
    """

    symbols: tuple[str, ...]
    kind: npt.NDArray[np.int8]
    number: npt.NDArray[np.int8]
    capacity: npt.NDArray[np.int8]
    aromatic: npt.NDArray[np.bool_]
    implied: npt.NDArray[np.bool_]
    fills: npt.NDArray[np.int8]
    carbon: npt.NDArray[np.bool_]
    nitrogen: npt.NDArray[np.bool_]
    cation: npt.NDArray[np.bool_]
    cost: npt.NDArray[np.int16]

    @staticmethod
    def of(symbols: Sequence[str]) -> SymbolTable:
        """The table of a vocabulary.

        Raises:
            ValueError: for a symbol that the machine does not know.

        >>> table = SymbolTable.of(["", "C", "[NH3+]", "c", "=", "(", "2"])
        >>> table.kind.tolist(), table.capacity.tolist()
        ([0, 1, 1, 1, 2, 3, 5], [0, 4, 1, 3, 0, 0, 0])
        """
        size = len(symbols)
        whole = {n: np.zeros(size, np.int8) for n in ("kind", "number", "capacity")}
        flags = ("aromatic", "implied", "carbon", "nitrogen", "cation")
        marks = {name: np.zeros(size, np.bool_) for name in flags}
        fills = np.zeros((size, 8), np.int8)
        for i, symbol in enumerate(symbols):
            whole["kind"][i], whole["number"][i] = _kind(symbol, i)
            if whole["kind"][i] != ATOM:
                continue
            element, aromatic, hydrogens, charge, bracket = _atom(symbol)
            valences = _VALENCES[element, charge]
            most = _SIGMA[element, charge] if aromatic else max(valences)
            whole["capacity"][i] = most - hydrogens
            marks["aromatic"][i], marks["implied"][i] = aromatic, not bracket
            marks["carbon"][i] = aromatic and element == "C"
            marks["nitrogen"][i] = aromatic and (element, charge, hydrogens) == ("N", 0, 0)
            marks["cation"][i] = aromatic and (element, charge) == ("N", 1)
            if not bracket and (element == "C" or not aromatic):
                fills[i] = [
                    min((v for v in ((most,) if aromatic else valences) if v >= used), default=used)
                    - used
                    for used in range(8)
                ]
        cost = np.tile(np.array([1, 1, 2, 3], np.int16), (size, 1))
        cost[marks["aromatic"], 2:] = 9
        cost[marks["carbon"], 2] = 1  # it has kept the other half for its ring
        return SymbolTable(tuple(symbols), **whole, **marks, fills=fills, cost=cost)  # type: ignore[arg-type]


def _kind(symbol: str, place: int) -> tuple[int, int]:
    """Kind and number of a symbol."""
    if symbol == "" and place == 0:
        return END, 0
    if symbol in _BONDS:
        return BOND, _BONDS[symbol]
    if symbol in ("(", ")"):
        return (OPEN if symbol == "(" else CLOSE), 0
    if symbol.isdigit() and len(symbol) == 1:
        return RING, int(symbol)
    _atom(symbol)
    return ATOM, 0


def _atom(symbol: str) -> tuple[str, bool, int, int, bool]:
    """Element, whether it is aromatic, its own hydrogens, its charge, and whether in brackets."""
    bracket = _BRACKET.fullmatch(symbol)
    if symbol in _ORGANIC:
        text, hydrogens, charge = symbol, 0, 0
    elif bracket is not None:
        text = bracket[1]
        hydrogens = 0 if bracket[2] is None else int(bracket[2] or 1)
        charge = {"": 0, "+": 1, "-": -1}[bracket[3]]
    else:
        text, hydrogens, charge = "", 0, 0
    element, aromatic = text.capitalize(), text.islower()
    if (element, charge) not in (_SIGMA if aromatic else _VALENCES):
        raise ValueError(
            f"{symbol!r} is no symbol that the machine of SMILES prefixes knows: spell molecules "
            "without stereochemistry, of the atoms C, N, O, F, B, Br, Cl, I, P, S, N+ and O-"
        )
    return element, aromatic, hydrogens, charge, bracket is not None

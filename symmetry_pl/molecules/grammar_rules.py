r"""A right-recursive context-free grammar of SMILES, after the OpenSMILES specification.

The language is that of http://opensmiles.org (section 2, "Grammar") but for two oddities that RDKit
does not read, branches that begin with a dot and ring labels below %10. The rules are our own:

.. code-block:: text

    smiles    -> atom tail
    tail      -> atom tail | bond atom tail | '.' atom tail          (the chain goes on)
               | '1' tail | bond '1' tail | ... | '%99' tail | ...   (a ring bond)
               | branch more
               | ε                                                   (the chain ends)
    more      -> tail without ring bonds, which come before branches
    branch    -> '(' atom tail ')' | '(' bond atom tail ')'
    bond      -> '-' | '=' | '#' | '$' | ':' | '/' | '\'
    atom      -> 'B' | 'C' | ... | 'c' | ... | '*'
               | '[' element chirality hydrogens charge ']'
               | '[' number element chirality hydrogens charge ']'   (an isotope)
               | both with ':' number before the bracket closes      (an atom class)
    element   -> 'H' | ... | 'Og' | 'b' | 'c' | ... | 'as' | '*'
    chirality -> ε | '@' | '@@' | '@TH1' | ... | '@OH30'
    hydrogens -> ε | 'H' | 'H0' | ... | 'H9'
    charge    -> ε | '+' | '-' | '++' | '--' | '+0' | ... | '-15'
    number    -> '0' | ... | '9' | '0' number | ... | '9' number

Three choices make it a good alphabet for a neural network. It is unambiguous, so a string has one
derivation. It is right-recursive and decides late: whether the chain goes on is asked where it
does, not before its first atom, as in a left-recursive grammar. And no rule only renames, so that
few productions are a foregone conclusion: a molecule of QM9 takes half of the productions that
the grammar of Kusner et al. (2017, https://arxiv.org/abs/1703.01925) takes.

The language is larger than that of molecules: it does not pair ring labels, and knows nothing of
valence or aromaticity.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EMPTY", "PRODUCTIONS", "START", "Production", "is_terminal", "production"]

START = "smiles"
EMPTY = "ε"

BONDS = ("-", "=", "#", "$", ":", "/", "\\")
RINGS = (*"0123456789", *(f"%{n}" for n in range(10, 100)))
ORGANIC = ("B", "C", "N", "O", "P", "S", "F", "Cl", "Br", "I", *"bcnops", "*")
AROMATIC = ("b", "c", "n", "o", "p", "s", "se", "as")
_PERIODIC_TABLE = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
    Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho
    Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es
    Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
"""
ELEMENTS = tuple(_PERIODIC_TABLE.split())
CHIRALITY = (
    *("@", "@@", "@TH1", "@TH2", "@AL1", "@AL2", "@SP1", "@SP2", "@SP3"),
    *(f"@TB{n}" for n in range(1, 21)),
    *(f"@OH{n}" for n in range(1, 31)),
)
HYDROGENS = ("H", *(f"H{n}" for n in range(10)))
CHARGES = ("+", "-", "++", "--", *(f"{sign}{n}" for sign in "+-" for n in range(16)))


class Production(NamedTuple):
    """One rule: a non-terminal and what it becomes.

    Args:
        left: the non-terminal.
        right: non-terminals, and terminals in quotes.
    """

    left: str
    right: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.left}->{','.join(self.right) or EMPTY}"

    @property
    def children(self) -> tuple[str, ...]:
        """The non-terminals on the right, in order."""
        return tuple(s for s in self.right if not is_terminal(s))


def is_terminal(symbol: str) -> bool:
    """Whether a symbol of a right-hand side stands for itself."""
    return symbol[0] == "'"


def production(left: str, *right: str) -> str:
    """Name of a production; right-hand symbols that are no non-terminals are quoted.

    Example:
        >>> production("branch", "(", "bond", "atom", "tail", ")")
        "branch->'(',bond,atom,tail,')'"
        >>> production("tail")
        'tail->ε'
    """
    return str(Production(left, _quoted(right)))


_NONTERMINALS = frozenset(
    {"smiles", "tail", "more", "branch", "bond", "atom"}
    | {"element", "chirality", "hydrogens", "charge", "number"}
)


def _quoted(right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(s if s in _NONTERMINALS else f"'{s}'" for s in right)


def _rules() -> dict[str, list[tuple[str, ...]]]:
    chain: list[tuple[str, ...]] = [
        ("atom", "tail"),
        ("bond", "atom", "tail"),
        (".", "atom", "tail"),
        ("branch", "more"),
        (),
    ]
    rings: list[tuple[str, ...]] = [(label, "tail") for label in RINGS]
    rings += [("bond", *right) for right in rings]
    inside = ("element", "chirality", "hydrogens", "charge")
    brackets = [
        ("[", *isotope, *inside, *atom_class, "]")
        for isotope in ((), ("number",))
        for atom_class in ((), (":", "number"))
    ]
    return {
        "smiles": [("atom", "tail")],
        "tail": chain + rings,
        "more": chain,
        "branch": [("(", *start, "atom", "tail", ")") for start in ((), ("bond",))],
        "bond": [(b,) for b in BONDS],
        "atom": [(a,) for a in ORGANIC] + brackets,
        "element": [(e,) for e in (*ELEMENTS, *AROMATIC, "*")],
        "chirality": [(), *((c,) for c in CHIRALITY)],
        "hydrogens": [(), *((h,) for h in HYDROGENS)],
        "charge": [(), *((c,) for c in CHARGES)],
        "number": [right for d in "0123456789" for right in ((d,), (d, "number"))],
    }


PRODUCTIONS: dict[str, Production] = {
    production(left, *right): Production(left, _quoted(right))
    for left, rights in _rules().items()
    for right in rights
}
"""All productions by name."""

"""SMILES to its left-most derivation in one pass, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from symmetry_pl.molecules.grammar_rules import (
    AROMATIC,
    BONDS,
    CHARGES,
    CHIRALITY,
    ELEMENTS,
    HYDROGENS,
    ORGANIC,
    PRODUCTIONS,
    RINGS,
    START,
    is_terminal,
    production,
)

__all__ = ["derive", "replay"]


def _any(words: Sequence[str]) -> str:
    """A pattern for one of the words, the longest that fits."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_LEXEME = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
_BRACKET = re.compile(
    rf"\[(?P<isotope>\d*)(?P<element>{_any((*ELEMENTS, *AROMATIC, '*'))})"
    rf"(?P<chirality>{_any(CHIRALITY)})?(?P<hydrogens>{_any(HYDROGENS)})?"
    rf"(?P<charge>{_any(CHARGES)})?(?::(?P<atom_class>\d+))?\]",
    re.ASCII,
)

_ATOMS: dict[str, tuple[str, ...]] = {a: (production("atom", a),) for a in ORGANIC}
_BOND = {b: production("bond", b) for b in BONDS}
_RING = {r: production("tail", r, "tail") for r in RINGS}
_BONDED_RING = {r: production("tail", "bond", r, "tail") for r in RINGS}
_END = {left: production(left) for left in ("tail", "more")}
_BRANCH = {left: production(left, "branch", "more") for left in ("tail", "more")}
# by what the atom is attached to, and what stands between: nothing, a bond, a dot
_NEXT = {
    **{
        (left, between): production(left, *filter(None, [between]), "atom", "tail")
        for left in ("tail", "more")
        for between in ("", "bond", ".")
    },
    ("branch", ""): production("branch", "(", "atom", "tail", ")"),
    ("branch", "bond"): production("branch", "(", "bond", "atom", "tail", ")"),
    ("smiles", ""): production("smiles", "atom", "tail"),
}
_EXPANSIONS = {name: (rule.left, tuple(reversed(rule.right))) for name, rule in PRODUCTIONS.items()}


def derive(smiles: str) -> list[str]:
    """Productions of the left-most derivation of a SMILES string, in time linear in its length.

    Raises:
        ValueError: if the string is not in the language of the grammar, saying where.

    Example:
        >>> derive("C=O")
        ['smiles->atom,tail', "atom->'C'", 'tail->bond,atom,tail', "bond->'='", "atom->'O'",
         'tail->ε']
    """
    found: list[str] = []
    emit = found.append
    left, between, bond, depth, position = START, "", "", 0, 0
    for lexeme in _LEXEME.findall(smiles):
        atom = _ATOMS.get(lexeme)
        if atom is None and lexeme[0] == "[":
            atom = _bracket(lexeme)
        rule: str | None = None
        if atom is not None:
            if rule := _NEXT.get((left, between)):
                emit(rule)
                if between == "bond":
                    emit(bond)
                found += atom
                left, between = "tail", ""
        elif lexeme in _RING:
            if left == "tail" and between != ".":
                emit(rule := (_BONDED_RING if between else _RING)[lexeme])
                if between:
                    emit(bond)
                between = ""
        elif lexeme in _BOND:
            if not between:
                rule, between = "bond", "bond"
                bond = _BOND[lexeme]
        elif lexeme == "(":
            if not between and (rule := _BRANCH.get(left)):
                emit(rule)
                left, depth = "branch", depth + 1
        elif lexeme == ")":
            if not between and depth and (rule := _END.get(left)):
                emit(rule)
                left, depth = "more", depth - 1
        elif lexeme == "." and not between:
            rule = between = "."
        if not rule:
            raise ValueError(f"{lexeme!r} at position {position} does not fit the SMILES grammar")
        position += len(lexeme)
    if between or depth or left not in _END:
        raise ValueError("it ends too early for the SMILES grammar")
    emit(_END[left])
    return found


def replay(derivation: Sequence[str]) -> str | None:
    """The string that a left-most derivation spells; ``None`` if it is not a complete one.

    Example:
        >>> replay(["smiles->atom,tail", "atom->'C'", "tail->ε"])
        'C'
        >>> replay(["smiles->atom,tail", "atom->'C'"]) is None
        True
    """
    stack = [START]
    text: list[str] = []
    for name in derivation:
        rule = _EXPANSIONS.get(name)
        if rule is None or not stack or stack.pop() != rule[0]:
            return None
        stack += rule[1]
        while stack and is_terminal(stack[-1]):
            text.append(stack.pop()[1:-1])
    return None if stack else "".join(text)


@lru_cache(maxsize=4096)
def _bracket(text: str) -> tuple[str, ...] | None:
    """Productions of a bracket atom, ``None`` if it is none."""
    match = _BRACKET.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict(default="")
    isotope, atom_class = _number(part["isotope"]), _number(part["atom_class"])
    shape = [
        *("[", *["number"] * bool(isotope), "element", "chirality", "hydrogens", "charge"),
        *([":", "number"] if atom_class else []),
        "]",
    ]
    inside = [
        production(name, *filter(None, [part[name]]))
        for name in ("element", "chirality", "hydrogens", "charge")
    ]
    return (production("atom", *shape), *isotope, *inside, *atom_class)


def _number(digits: str) -> list[str]:
    if not digits:
        return []
    return [production("number", d, "number") for d in digits[:-1]] + [
        production("number", digits[-1])
    ]

"""What RDKit knows of a SMILES string: validity, canonical form, formula."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from rdkit import Chem, rdBase

__all__ = [
    "canonical_smiles",
    "check_smiles",
    "formula",
    "parse",
    "same_molecule",
]

_ELEMENT_ORDER = ("C", "H", "N", "O", "F")
_LONGEST = 2_000
"""Characters of SMILES; RDKit's canonical form takes time quadratic in them, 0.1 s here."""

# RDKit keeps an isotope in 16 bits and a charge in 8, and wraps what is larger
_LARGEST = {
    "an isotope": (re.compile(r"\[(\d+)"), 999),
    "a charge": (re.compile(r"\[[^\]:]*[+-](\d+)"), 15),
    "a count of hydrogens": (re.compile(r"\[[^\]:]*H(\d+)"), 99),
}


def parse(smiles: str, sanitize: bool = True) -> Chem.Mol | None:
    """Read a SMILES string without writing to stderr; ``None`` if it is not a molecule.

    Unlike RDKit's own reader, this one takes no string that RDKit reads as something else than
    what stands there: the empty one, one with spaces or other characters that SMILES has not, at
    which RDKit stops, and one with a number that it wraps. Nor does it take what would cost it
    minutes: see ``check_smiles``.

    Args:
        smiles: the string.
        sanitize: check valences and aromaticity as well as syntax.
    """
    if _misread(smiles) is not None:
        return None
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromSmiles(smiles, sanitize=sanitize)
        except RuntimeError:  # a check within RDKit that its reader does not turn into None
            return None
    return mol if mol is not None and mol.GetNumAtoms() > 0 else None


@lru_cache(maxsize=65536)
def canonical_smiles(smiles: str) -> str | None:
    """Write a molecule in RDKit's canonical SMILES; ``None`` if it does not parse.

    Canonical strings are comparable within one RDKit version only: do not store them.

    Example:
        >>> canonical_smiles("C(O)C"), canonical_smiles("C1CC")
        ('CCO', None)
    """
    mol = parse(smiles)
    if mol is None:
        return None
    text: str = Chem.MolToSmiles(mol)
    return text


def same_molecule(first: str, second: str | None) -> bool:
    """Whether two SMILES strings spell one molecule; invalid strings equal nothing.

    Example:
        >>> same_molecule("OCC", "CCO"), same_molecule("CCO", None)
        (True, False)
    """
    if second is None:
        return False
    canonical = canonical_smiles(first)
    return canonical is not None and canonical == canonical_smiles(second)


def formula(smiles: str) -> str | None:
    """Molecular formula, elements in the order C, H, N, O, F, then by name; no charge.

    This is the order of QM9's stoichiometry labels, not Hill's, which puts F before N.

    Example:
        >>> formula("NCC(F)O"), formula("[NH4+]"), formula("x")
        ('C2H6NOF', 'H4N', None)
    """
    mol = parse(smiles)
    if mol is None:
        return None
    counts: Counter[str] = Counter()
    for atom in mol.GetAtoms():
        counts[atom.GetSymbol()] += 1
        counts["H"] += atom.GetTotalNumHs()
    order = [s for s in _ELEMENT_ORDER if counts[s]]
    order += sorted(s for s in counts if counts[s] and s not in _ELEMENT_ORDER)
    return "".join(f"{s}{counts[s] if counts[s] > 1 else ''}" for s in order)


def check_smiles(smiles: str) -> str | None:
    """Why a SMILES string is unusable, in a few words; ``None`` if it is fine.

    Example:
        >>> check_smiles("CCO")
        >>> check_smiles("C(C)(C)(C)(C)C")
        'Explicit valence for atom # 0 C, 5, is greater than permitted'
        >>> check_smiles(" "), check_smiles("C😀"), check_smiles("[C+200]")
        ('empty', "it contains '😀', which SMILES has not", 'a charge of 200, more than 15')
    """
    reason = _misread(smiles)
    if reason is not None:
        return reason
    if parse(smiles) is not None:
        return None
    mol = parse(smiles, sanitize=False)
    if mol is None:
        return _syntax_reason(smiles)
    with rdBase.BlockLogs():
        problems = list(Chem.DetectChemistryProblems(mol))
    return str(problems[0].Message()) if problems else "RDKit cannot sanitise it"


def _misread(smiles: str) -> str | None:
    """Why RDKit would read something else than what stands there, or take minutes."""
    if not smiles.strip():
        return "empty"
    if len(smiles) > _LONGEST:
        return f"it has {len(smiles):,} characters, more than {_LONGEST:,}"
    for c in smiles:
        if not "!" <= c <= "~":
            what = "a space" if c.isspace() else f"{c!r}, which SMILES has not"
            return f"it contains {what}"
    if "[" in smiles:
        for what, (pattern, most) in _LARGEST.items():
            for number in pattern.findall(smiles):
                if len(number) > 4 or int(number) > most:
                    return f"{what} of {number[:20]}, more than {most}"
    return None


def _syntax_reason(smiles: str) -> str:
    """RDKit reports syntax errors only on its log, so name the usual ones ourselves."""
    if smiles.count("(") != smiles.count(")"):
        return "SMILES syntax: unbalanced parentheses"
    if smiles.count("[") != smiles.count("]"):
        return "SMILES syntax: unbalanced brackets"
    digits = re.findall(r"%\(\d+\)|%\d\d|\d", re.sub(r"\[[^\]]*\]", "", smiles))
    unclosed = sorted(label for label, n in Counter(digits).items() if n % 2)
    if unclosed:
        return f"SMILES syntax: unclosed ring {unclosed[0]}"
    return "SMILES syntax error"

"""One spelling a molecule: what is read of a SMILES string, and in which words it is written."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from symmetry_pl.molecules.chemistry import canonical_smiles, check_smiles, parse

__all__ = ["CHANGES", "Standard", "kekule_smiles", "standardise", "summarise_changes"]

CHANGES = {
    "fragments": "of several fragments, of which the largest is kept",
    "isotopes": "with isotopes, which are left out",
    "atom maps": "with atom maps, which are left out",
}
"""What ``standardise`` changes, by name, as a clause about molecules."""

_UNUSUAL = re.compile(r"[.*]|\[\d|:\d")
"""What a canonical SMILES with something to change or to refuse has; others may have it, too."""


class Standard(NamedTuple):
    """A molecule in its one spelling.

    Attributes:
        smiles: RDKit's canonical SMILES.
        changes: keys of ``CHANGES``.
    """

    smiles: str
    changes: tuple[str, ...] = ()


def standardise(smiles: str) -> Standard:
    """Read one molecule of a SMILES string, and write it as all its other spellings are written.

    ===================== ===================================================================
    what stands there     what becomes of it
    ===================== ===================================================================
    Kekulé or aromatic    one aromatic form, that of RDKit's model
    several fragments     the largest, by atoms, then by weight: salts and solvents go
    isotopes, atom maps   left out
    charges               kept: another protonation is another molecule, with other properties
    tautomers             kept, for the same reason
    stereochemistry       kept
    explicit hydrogens    implied, where they can be
    dummy atoms           refused: ``*`` is no atom
    ===================== ===================================================================

    Raises:
        ValueError: in a few words, if RDKit cannot read it, or for a dummy atom.

    Example:
        >>> standardise("C1=CC=CC=C1O") == standardise("Oc1ccccc1") == Standard("Oc1ccccc1")
        True
        >>> standardise("[Na+].[13CH3]C([O-])=O")
        Standard(smiles='CC(=O)[O-]', changes=('fragments', 'isotopes'))
    """
    canonical = canonical_smiles(smiles)
    if canonical is None:
        raise ValueError(check_smiles(smiles))
    if not _UNUSUAL.search(canonical):
        return Standard(canonical)
    return _changed(canonical)


def _changed(canonical: str) -> Standard:
    mol = parse(canonical)
    assert mol is not None
    changes = []
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise ValueError("it has a dummy atom '*', which is no atom")
    with rdBase.BlockLogs():
        if len(Chem.GetMolFrags(mol)) > 1:
            mol = rdMolStandardize.LargestFragmentChooser().choose(mol)
            changes.append("fragments")
        for name, has, clear in (
            ("isotopes", Chem.Atom.GetIsotope, Chem.Atom.SetIsotope),
            ("atom maps", Chem.Atom.GetAtomMapNum, Chem.Atom.SetAtomMapNum),
        ):
            marked = [atom for atom in mol.GetAtoms() if has(atom)]
            for atom in marked:
                clear(atom, 0)
            changes += [name] if marked else []
        text = Chem.MolToSmiles(mol)
    # read again: without its isotope a hydrogen is implied, and a centre may be none
    again = canonical_smiles(text)
    if again is None:
        raise ValueError(check_smiles(text))
    return Standard(again, tuple(changes))


@lru_cache(maxsize=65536)
def kekule_smiles(canonical: str) -> str:
    """A canonical SMILES with single and double bonds for aromatic ones.

    Which of the forms of a ring it is depends on the order of atoms, and therefore on nothing but
    the molecule if this order is the canonical one.

    Args:
        canonical: as ``standardise`` writes it.

    Example:
        >>> kekule_smiles("Cc1ccccc1O")
        'CC1=CC=CC=C1O'
    """
    if not any(c.islower() for c in canonical):
        return canonical
    mol = parse(canonical)
    if mol is None:
        raise ValueError(check_smiles(canonical))
    with rdBase.BlockLogs():
        Chem.Kekulize(mol, clearAromaticFlags=True)
        text: str = Chem.MolToSmiles(mol, kekuleSmiles=True)
    return text


def summarise_changes(changes: Counter[Any]) -> str:
    """One clause about the molecules that were changed; empty for none.

    >>> summarise_changes(Counter({"isotopes": 3, "atom maps": 1}))
    '3 molecules with isotopes, which are left out; 1 with atom maps, which are left out'
    """
    found = [f"{changes[name]} {clause}" for name, clause in CHANGES.items() if changes[name]]
    if not found:
        return ""
    count, _, clause = found[0].partition(" ")
    first = f"{count} molecule{'' if count == '1' else 's'} {clause}"
    return "; ".join([first, *found[1:]])

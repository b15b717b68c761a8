"""The descriptors that drug-likeness is made of, in one pass; SMILES without stereochemistry."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem import QED, rdMolDescriptors

from symmetry_pl.messages import quoted
from symmetry_pl.molecules.chemistry import parse

__all__ = ["DESCRIPTORS", "descriptors", "flat_smiles"]

DESCRIPTORS = {
    "logp_rdkit": "",
    "qed_rdkit": "",
    "weight_rdkit": "Da",
    "acceptors_rdkit": "",
    "donors_rdkit": "",
    "psa_rdkit": "Å²",
    "rotatable_rdkit": "",
    "aromatic_rdkit": "",
    "alerts_rdkit": "",
}
"""Names of what ``descriptors`` gives, in its order, to units."""

_ATOMS = {
    *((s, 0) for s in ["C", "N", "O", "F", "B", "Br", "Cl", "I", "P", "S"]),
    ("N", 1),
    ("O", -1),
}


def descriptors(smiles: str) -> tuple[float, ...]:
    """Nine properties of a molecule by RDKit, in the order of ``DESCRIPTORS``.

    Log P (Crippen), QED, the exact weight, and what QED is computed of besides (Bickerton et al.
    2012): hydrogen-bond acceptors and donors, polar surface, rotatable bonds, aromatic rings and
    structural alerts.

    Raises:
        ValueError: if the string is not a molecule.

    >>> found = descriptors("CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1")
    >>> [round(value, 2) for value in found]
    [5.05, 0.73, 325.15, 2.0, 1.0, 42.24, 3.0, 3.0, 0.0]
    """
    mol = parse(smiles)
    if mol is None:
        raise ValueError(f"{quoted(smiles)} is not a molecule")
    with rdBase.BlockLogs():
        of = QED.properties(mol)  # type: ignore[no-untyped-call]
        qed = QED.qed(mol, qedProperties=of)  # type: ignore[no-untyped-call]
        weight = rdMolDescriptors.CalcExactMolWt(mol)
    counts = (of.HBA, of.HBD, of.PSA, of.ROTB, of.AROM, of.ALERTS)
    return tuple(float(value) for value in (of.ALOGP, qed, weight, *counts))


def flat_smiles(smiles: str) -> str:
    """The canonical SMILES of a molecule without its stereochemistry.

    It is what FreeGress keeps of ZINC250k (Ninniri et al. 2024): one fragment, of the atoms C, N,
    O, F, B, Br, Cl, I, P, S, N⁺ and O⁻.

    Raises:
        ValueError: in a few words, for several fragments or another atom, or if RDKit cannot read
            it.

    >>> flat_smiles("C[C@H](N)/C=C/F")
    'CC(N)C=CF'
    """
    mol = parse(smiles)
    if mol is None:
        raise ValueError("RDKit cannot read it")
    if "." in smiles:
        raise ValueError("several fragments")
    for atom in mol.GetAtoms():
        if (atom.GetSymbol(), atom.GetFormalCharge()) not in _ATOMS or atom.GetIsotope():
            raise ValueError(f"an atom {atom.GetSmarts()}")
    with rdBase.BlockLogs():
        Chem.RemoveStereochemistry(mol)
        again = parse(Chem.MolToSmiles(mol))  # without its centres it may be written otherwise
        if again is None:
            raise ValueError("RDKit cannot read it without stereochemistry")
        text: str = Chem.MolToSmiles(again)
    return text

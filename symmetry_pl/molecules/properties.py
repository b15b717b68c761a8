"""Properties of a molecule that RDKit computes from its structure alone."""

from __future__ import annotations

from collections.abc import Callable

from rdkit import Chem, rdBase
from rdkit.Chem import QED, rdMolDescriptors

from symmetry_pl.messages import quoted
from symmetry_pl.molecules.chemistry import parse

__all__ = ["PROPERTIES", "logp", "qed"]


def qed(smiles: str) -> float:
    """Quantitative estimate of drug-likeness, 0 … 1, dimensionless (Bickerton et al. 2012).

    RDKit's value with its default weights. The column ``qed`` of published ZINC250k tables comes
    from other code and differs by up to some hundredths, so the two must not be mixed.

    Raises:
        ValueError: if the string is not a molecule.

    Example:
        >>> round(qed("CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"), 3)
        0.732
    """
    return _of_molecule(QED.qed, smiles)


def logp(smiles: str) -> float:
    """Octanol-water partition coefficient log P, dimensionless (Wildman and Crippen 1999).

    Raises:
        ValueError: if the string is not a molecule.

    Example:
        >>> round(logp("CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"), 4)
        5.0506
    """
    return _of_molecule(lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0], smiles)


PROPERTIES: dict[str, Callable[[str], float]] = {"qed_rdkit": qed, "logp_rdkit": logp}
"""By the name of the target; the suffix says whose value it is."""


def _of_molecule(function: Callable[[Chem.Mol], float], smiles: str) -> float:
    mol = parse(smiles)
    if mol is None:
        raise ValueError(f"{quoted(smiles)} is not a molecule")
    with rdBase.BlockLogs():
        return float(function(mol))

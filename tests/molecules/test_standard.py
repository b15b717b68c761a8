"""One spelling a molecule: five writings, one documented policy for what is no plain molecule."""

from __future__ import annotations

from collections import Counter

import pytest
from rdkit import Chem, rdBase

from symmetry_pl.molecules import REPRESENTATIONS, kekule_smiles, representation, standardise
from symmetry_pl.molecules.standard import summarise_changes

MOLECULES = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "C[C@@H](C(=O)O)c1ccc(CC(C)C)cc1",
    "O=[N+]([O-])c1ccc2[nH]ccc2c1",
    "C/C=C\\c1ncc[nH]1",
    "[NH3+][C@@H](Cc1c[nH]c2ccccc12)C(=O)[O-]",
    "Cc1ccccc1O",
    "c1ccc2cc3ccccc3cc2c1",
    "FC(F)(F)c1nnc(S)s1",
    "[2H]OC",
]


def writings(smiles):
    """The same molecule in other words: from every atom, Kekulé and aromatic, with all bonds."""
    mol = Chem.MolFromSmiles(smiles)
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    rdBase.SeedRandomNumberGenerator(7)
    for root in range(mol.GetNumAtoms()):
        yield Chem.MolToSmiles(mol, rootedAtAtom=root)
        yield Chem.MolToSmiles(mol, doRandom=True)
        yield Chem.MolToSmiles(kekule, rootedAtAtom=root, kekuleSmiles=True)
        yield Chem.MolToSmiles(mol, allBondsExplicit=True, rootedAtAtom=root)
        yield Chem.MolToSmiles(mol, allHsExplicit=True, rootedAtAtom=root)


@pytest.mark.parametrize("smiles", MOLECULES)
def test_every_writing_has_one_spelling(smiles):
    spelled = {standardise(text) for text in writings(smiles)}
    assert spelled == {standardise(smiles)}
    for name in REPRESENTATIONS:
        language = representation(name)
        assert len({tuple(language.encode(text)) for text in writings(smiles)}) == 1, name


@pytest.mark.parametrize("smiles", MOLECULES)
def test_the_spelling_is_a_fixed_point_and_its_kekule_form_is_the_molecule(smiles):
    canonical = standardise(smiles).smiles
    assert standardise(canonical) == (canonical, ())
    kekule = kekule_smiles(canonical)
    assert not any(atom in kekule for atom in "cnos")
    assert standardise(kekule).smiles == canonical


@pytest.mark.parametrize(
    ("smiles", "canonical", "changes"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]", ("fragments",)),
        ("O.O.Cl.CCN", "CCN", ("fragments",)),
        ("CCO.CCO", "CCO", ("fragments",)),
        ("[13CH3]C([2H])O", "CCO", ("isotopes",)),
        ("[CH3:1][OH:2]", "CO", ("atom maps",)),
        ("[Na+].[18O-][CH2:7]c1ccccc1", "[O-]Cc1ccccc1", ("fragments", "isotopes", "atom maps")),
        ("[13CH3][C@H](O)C", "CC(C)O", ("isotopes",)),  # no centre without its isotope
        ("C[N+](C)(C)C", "C[N+](C)(C)C", ()),
        ("[H]C([H])([H])[H]", "C", ()),
        ("CN(=O)=O", "C[N+](=O)[O-]", ()),
        ("OC=C", "C=CO", ()),  # a tautomer is a molecule of its own
    ],
)
def test_policies(smiles, canonical, changes):
    assert standardise(smiles) == (canonical, changes)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("*CC", "it has a dummy atom '*', which is no atom"),
        ("[*:1]c1ccccc1", "it has a dummy atom"),
        ("CC.*", "it has a dummy atom"),
        ("C1CC", "unclosed ring 1"),
        ("c1cccc1", "kekulize"),
        ("", "empty"),
    ],
)
def test_what_is_refused_is_named(smiles, reason):
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        standardise(smiles)


def test_changes_are_counted_in_words():
    assert summarise_changes(Counter()) == ""
    assert summarise_changes(Counter({"isotopes": 1})) == (
        "1 molecule with isotopes, which are left out"
    )

"""Molecules that come with RDKit, which no model here has seen: how many are read, and as what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, RDConfig, rdBase

import symmetry_pl

pytestmark = pytest.mark.filterwarnings("ignore")

FILE = Path(RDConfig.RDDataDir) / "NCI/first_5K.smi"


@pytest.fixture(scope="module")
def model():
    return symmetry_pl.load("zinc-token-flow")


def foreign(count):
    if not FILE.is_file():
        pytest.skip("this RDKit comes without its molecules of NCI")
    return [line.split()[0] for line in FILE.read_text().splitlines()[:count]]


def five_writings(smiles):
    """As it stands, canonical, random, random with Kekulé rings, and from its last atom."""
    mol = Chem.MolFromSmiles(smiles)
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    return (
        smiles,
        Chem.MolToSmiles(mol),
        Chem.MolToSmiles(mol, doRandom=True),
        Chem.MolToSmiles(kekule, doRandom=True, kekuleSmiles=True),
        Chem.MolToSmiles(mol, rootedAtAtom=mol.GetNumAtoms() - 1),
    )


@pytest.mark.parametrize("count", [150, pytest.param(1500, marks=pytest.mark.slow)])
def test_most_of_them_are_read(model, count):
    found = model.predict(foreign(count), on_invalid="nan")
    assert np.isfinite(found[:, 0]).mean() >= 0.94


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_five_writings_are_one_molecule(model, count):
    rdBase.SeedRandomNumberGenerator(3)
    with rdBase.BlockLogs():
        smiles = [s for s in foreign(2 * count) if Chem.MolFromSmiles(s) is not None]
        read = np.isfinite(model.predict(smiles, on_invalid="nan")[:, 0])
        molecules = [s for s, fine in zip(smiles, read, strict=True) if fine][:count]
        rows = zip(*map(five_writings, molecules), strict=True)
        codes = [model.transform(list(texts)) for texts in rows]
    assert len(codes[0]) == count
    for other in codes[1:]:
        np.testing.assert_array_equal(other, codes[0])

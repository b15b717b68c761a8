"""The named model of the isomers of QM9, on the molecules it has not seen."""

import numpy as np
import pytest
from rdkit import Chem, rdBase
from test_foreign_molecules import five_writings

import symmetry_pl
from symmetry_pl.datamodules import QM9DataModule

pytestmark = pytest.mark.filterwarnings("ignore")
COUNT = 300


@pytest.fixture(scope="module")
def model():
    return symmetry_pl.load("qm9-isomers")


@pytest.fixture(scope="module")
def held_out():
    data = QM9DataModule()
    data.prepare_data()
    data.setup("test")
    table = data._read()[0]
    smiles = dict(zip(table.rows.tolist(), table.smiles, strict=True))
    return [smiles[row] for row in data.split("test").rows.tolist()][:COUNT]


def test_five_writings_are_one_molecule(model, held_out):
    rdBase.SeedRandomNumberGenerator(3)
    rows = zip(*map(five_writings, held_out), strict=True)
    codes = [model.transform(list(texts)) for texts in rows]
    assert len(codes[0]) == COUNT
    for other in codes[1:]:
        np.testing.assert_array_equal(other, codes[0])


def test_most_are_decoded_as_they_were(model, held_out):
    decoded = model.inverse_transform(model.transform(list(held_out)))
    with rdBase.BlockLogs():
        read = [Chem.MolFromSmiles(text) if text else None for text in decoded]
    same = [
        mol is not None and Chem.MolToSmiles(mol) == Chem.CanonSmiles(text)
        for mol, text in zip(read, held_out, strict=True)
    ]
    assert np.mean(same) >= 0.97  # .987 in single precision

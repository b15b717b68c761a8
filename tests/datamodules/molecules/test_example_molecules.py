"""Molecules of ZINC as if they were one's own."""

import csv

import pytest

from symmetry_pl.datamodules import ExampleMoleculesDataModule, ZINCDataModule
from symmetry_pl.molecules.properties import logp


def ready(data):
    data.prepare_data()
    data.setup()
    return data


def test_they_are_held_out_from_zinc_with_their_own_property(small_zinc):
    smiles = [row["smiles"] for row in csv.DictReader(small_zinc.open())]
    zinc = ready(ZINCDataModule(test_size=100, val_size=20, root=str(small_zinc)))
    data = ready(ExampleMoleculesDataModule(molecules=80, root=str(small_zinc)))
    own = data.columns().columns["smiles"]
    assert len(own) == 80
    assert set(own) == {smiles[row] for row in zinc.split("test").rows.tolist()} & set(own)
    _, y, rows = data.split("test").__getitems__([0, 5])
    d = data.description
    assert d.target_names == ("logp_rdkit",)
    values = y * d.target_scale[0] + d.target_mean[0]
    expected = [[logp(own[row])] for row in rows.tolist()]
    assert values.tolist() == [pytest.approx(row, abs=1e-4) for row in expected]


def test_more_than_are_held_out():
    with pytest.raises(ValueError, match=r"data\.molecules must be at most 5000, got 5001"):
        ExampleMoleculesDataModule(molecules=5001)

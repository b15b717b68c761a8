"""DeepSMILES there and back, and what it does with nonsense."""

from __future__ import annotations

import pickle
import random

import pytest

from symmetry_pl.molecules import DeepSmiles, representation, same_molecule

DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
    "OC(=O)CCCc1ccc(cc1)N(CCCl)CCBr",
    "C1CC2CCC1CC2",
    "[NH3+]CC([O-])=O",
    "FC(F)(F)C#N",
    "C1CCCCCCCCCCC1",
    "C12C3C4C1C5C2C3C45",
]


@pytest.mark.parametrize("smiles", DRUGS)
def test_round_trip(smiles):
    language = DeepSmiles()
    symbols = language.encode(smiles)
    assert same_molecule(smiles, language.decode(symbols))
    assert language.split(language.text(symbols)) == symbols


def test_symbols_are_atoms_bonds_and_ring_sizes():
    assert DeepSmiles().encode("BrC1CCCCCCCCCC1[NH3+]")[-2:] == ["%11", "[NH3+]"]
    assert DeepSmiles().encode("ClCBr") == ["Cl", "C", "Br"]


def test_no_sequence_raises_and_none_decodes_to_an_invalid_molecule():
    language = DeepSmiles()
    alphabet = [")", "3", "5", "9", "%11", "=", "#", "C", "N", "O", "F", "[NH3+]", "c", "("]
    draw = random.Random(0)
    decoded = [
        language.decode(draw.choices(alphabet, k=draw.randrange(0, 15))) for _ in range(2000)
    ]
    valid = [s for s in decoded if s is not None]
    assert 10 < len(valid) < 2000
    assert all(same_molecule(s, s) for s in valid)


@pytest.mark.parametrize("text", ["C)O", "CC))C", "CC)))", "C5", "3", "C=", "C==C", "[NH4", "%"])
def test_sequences_that_are_not_deepsmiles(text):
    language = DeepSmiles()
    assert language.decode(language.split(text)) is None


def test_nothing_is_not_a_molecule():
    assert DeepSmiles().decode([]) is None


@pytest.mark.parametrize("bad", ["C1CC", "C(C", "[NH4"])
def test_what_is_not_smiles_is_refused(bad):
    with pytest.raises(ValueError, match="has no DeepSMILES: SMILES syntax"):
        DeepSmiles().encode(bad)


def test_by_name():
    assert isinstance(representation("deepsmiles"), DeepSmiles)
    with pytest.raises(ValueError, match="one of deepsmiles; got 'morse'"):
        representation("morse")


def test_it_can_be_sent_to_a_worker():
    language = DeepSmiles()
    language.encode("C")
    assert pickle.loads(pickle.dumps(language)).encode("CO") == ["C", "O"]

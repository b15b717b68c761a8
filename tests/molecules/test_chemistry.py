"""Validity, canonical form, formula and the report of bad rows."""

from __future__ import annotations

import pytest

from symmetry_pl.molecules import (
    canonical_smiles,
    check_smiles,
    formula,
    same_molecule,
)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("C", "CH4"),
        ("CC(C)(O)C1=CC=CO1", "C7H10O2"),
        ("c1ccccc1", "C6H6"),
        ("[NH3+]CC([O-])=O", "C2H5NO2"),
        ("ClC(F)Br", "CHFBrCl"),
        ("[2H]O[2H]", "H2O"),
        ("not smiles", None),
    ],
)
def test_formula(smiles, expected):
    assert formula(smiles) == expected


def test_same_molecule():
    assert same_molecule("C1=CC=CC=C1", "c1ccccc1")
    assert same_molecule("OCC", "C(O)C")
    assert not same_molecule("CCO", "COC")
    assert not same_molecule("C[C@H](O)F", "C[C@@H](O)F")


@pytest.mark.parametrize("bad", ["C1CC", "", "C(C)(C)(C)(C)C", "xyz"])
def test_invalid_strings_equal_nothing(bad):
    assert canonical_smiles(bad) is None
    assert not same_molecule(bad, bad)
    assert not same_molecule("C", bad)


@pytest.mark.parametrize(
    ("smiles", "words"),
    [
        ("", "empty"),
        ("C1CC", "unclosed ring 1"),
        ("C%12CC", "unclosed ring %12"),
        ("C(C", "parentheses"),
        ("[NH4+", "brackets"),
        ("C C1", "space"),
        ("CQ", "syntax"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "kekulize"),
    ],
)
def test_reasons(smiles, words):
    assert words in check_smiles(smiles).lower()


def test_rdkit_is_silent(capfd):
    for smiles in ("C1CC", "C(C)(C)(C)(C)C", "c1cccc1", "xyz"):
        check_smiles(smiles)
        canonical_smiles(smiles)
        formula(smiles)
    assert capfd.readouterr() == ("", "")

"""The grammar is SMILES', its derivations are nltk's, and there and back is the same string."""

from __future__ import annotations

import random

import pytest
from nltk import CFG, ChartParser, Nonterminal
from nltk import Production as Rule

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED
from symmetry_pl.molecules import Grammar
from symmetry_pl.molecules.grammar_parser import derive, replay
from symmetry_pl.molecules.grammar_rules import (
    PRODUCTIONS,
    START,
    Production,
    is_terminal,
    production,
)

SAMPLES = [
    "C",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@@H](N)C(=O)[O-]",
    "[13CH4]",
    "[235U+4]",
    "[NH4+:12]",
    "C%10CC%10",
    "C=1CCCC1",
    "F/C=C/1CC1",
    "[Na+].[Cl-]",
    "C(N)(=O)(#C)S",
    "C1(CC1)(C)C2CC2Br",
    "[C@TB12]",
    "[se]1cccc1",
    "[Fe++]",
    "[Sc][SH]",
    "*$*:[*]-C",
    "[HH]",
]
NOT_SMILES = [
    *(
        "",
        "(C)",
        "C(",
        "C)",
        "C()",
        "C(C",
        "=C",
        "C=",
        "C==C",
        "C.=C",
        "C(.C)C",
        "C%01C",
        "1C",
        "C.1",
        "C(1)",
        "[C",
    ),
    *("C]", "[]", "[Xx]", "[C@@@]", "[CH11]", "[C+16]", "[C:]", "[C:a]", "C%1", "%10", "C(C)1"),
    *("Q", "c ", "C(=)C", "C((C))", "[c@H+:1:2]", "[H", "Si", "C=1=", "C-(C)", "C..C", "é"),
]
"""Strings that the specification does not allow."""


def oracle(text):
    """nltk's parser of single characters, with the productions that could be of use, by name."""
    names = {}
    for name, rule in PRODUCTIONS.items():
        right = []
        for symbol in rule.right:
            right += list(symbol[1:-1]) if is_terminal(symbol) else [Nonterminal(symbol)]
        if all(s in text for s in right if isinstance(s, str)):
            names[Rule(Nonterminal(rule.left), right)] = name
    return ChartParser(CFG(Nonterminal(START), list(names))), names


def derivations(text):
    parser, names = oracle(text)
    try:
        trees = list(parser.parse(list(text)))
    except ValueError:  # a character that is in no production
        return []
    return [[names[rule] for rule in tree.productions()] for tree in trees]


@pytest.mark.parametrize("smiles", SAMPLES)
def test_the_derivation_is_the_only_one(smiles):
    assert derivations(smiles) == [derive(smiles)]


def test_derivations_of_qm9_are_nltks():
    molecules = read_csv(EMBEDDED, ["smiles"]).columns["smiles"]
    for smiles in random.Random(0).sample(molecules, 20):
        assert derivations(smiles) == [derive(smiles)]


@pytest.mark.parametrize("text", NOT_SMILES)
def test_what_is_not_smiles_has_no_derivation(text):
    assert derivations(text) == []
    with pytest.raises(ValueError, match="the SMILES grammar"):
        derive(text)


def test_garbled_strings_are_accepted_exactly_where_nltk_accepts_them():
    draw = random.Random(0)
    accepted = 0
    for _ in range(400):
        text = list(draw.choice([s for s in SAMPLES if len(s) < 18]))
        for _ in range(draw.choice([1, 1, 2])):
            place = draw.randrange(len(text))
            text[place : place + draw.randrange(2)] = draw.choice("()[]=1C+%.H@")
        smiles = "".join(text)
        expected = derivations(smiles)
        try:
            found = [derive(smiles)]
        except ValueError:
            found = []
        assert found == expected, smiles
        accepted += bool(found)
    assert 40 < accepted < 360


def test_complaints_say_where():
    with pytest.raises(ValueError, match=r"'\)' at position 4 does not fit"):
        derive("CClC)C")
    with pytest.raises(ValueError, match="ends too early"):
        derive("CC(C")


@pytest.mark.parametrize("smiles", SAMPLES)
def test_replaying_a_derivation_spells_the_string(smiles):
    assert replay(derive(smiles)) == smiles


def test_what_is_not_a_derivation_spells_nothing():
    whole = derive("CC(O)N")
    assert replay(whole) == "CC(O)N"
    for cut in range(len(whole)):
        assert replay(whole[:cut]) is None
        assert replay(whole[:cut] + whole[cut + 1 :]) is None
    assert replay([*whole, "tail->ε"]) is None
    assert replay(["", *whole]) is None
    with pytest.raises(ValueError, match="not a complete derivation"):
        Grammar().text(whole[:-1])


def test_an_unpaired_ring_label_is_grammatical_but_no_molecule():
    symbols = derive("C1CC")
    assert replay(symbols) == "C1CC"
    assert Grammar().decode(symbols) is None


def test_productions_are_named_by_their_two_sides():
    for name, rule in PRODUCTIONS.items():
        assert str(rule) == name
        assert production(rule.left, *(s.strip("'") for s in rule.right)) == name
        assert " " not in name
    assert Production("branch", ("'('", "atom", "tail", "')'")).children == ("atom", "tail")


def test_every_non_terminal_has_a_choice_and_is_reachable():
    used = {child for rule in PRODUCTIONS.values() for child in rule.children}
    defined = [rule.left for rule in PRODUCTIONS.values()]
    assert used | {START} == set(defined)
    assert {left for left in defined if defined.count(left) == 1} == {START}


def test_an_atom_of_a_chain_takes_two_productions():
    assert len(derive("CCCC")) == 1 + 2 * 4
    assert len(derive("C1CC1")) == 1 + 2 * 3 + 2
    assert len(derive("CC(C)C")) == 1 + 2 * 4 + 2

"""Every language there and back, and what each does with nonsense."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path

import pytest
import selfies

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED
from symmetry_pl.molecules import (
    REPRESENTATIONS,
    DeepSmiles,
    Selfies,
    canonical_smiles,
    representation,
    same_molecule,
)

LANGUAGES = sorted(REPRESENTATIONS)
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
    "C/C=C\\C",
    "[CH3-]",
    "O=N(=O)c1ccccc1",
    "C[S@@+]([O-])c1ccc[nH]1",
]


def zinc():
    path = Path(os.environ.get("SYMMETRY_DATA", "absent")) / "zinc250k" / "zinc250k.csv.gz"
    if not path.exists():
        pytest.skip("needs $SYMMETRY_DATA/zinc250k/zinc250k.csv.gz")
    return read_csv(path, ["smiles"]).columns["smiles"]


def changed(language, molecules):
    """Molecules that do not come back, with what does."""
    found = []
    for smiles in molecules:
        symbols = language.encode(smiles)
        assert language.split(language.text(symbols)) == symbols
        back = language.decode(symbols)
        if back is None or canonical_smiles(back) != canonical_smiles(smiles):
            found.append((smiles, back))
    return found


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("smiles", DRUGS)
def test_round_trip(name, smiles):
    language = representation(name)
    symbols = language.encode(smiles)
    assert same_molecule(smiles, language.decode(symbols))
    assert language.split(language.text(symbols)) == symbols
    assert all(s and " " not in s for s in symbols)


@pytest.mark.parametrize("name", LANGUAGES)
def test_round_trip_of_qm9(name):
    molecules = read_csv(EMBEDDED, ["smiles"]).columns["smiles"]
    ions = [s for s in molecules if "[" in s][::8]
    assert changed(representation(name), molecules[::800] + ions) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", LANGUAGES)
def test_round_trip_of_all_of_qm9(name):
    assert changed(representation(name), read_csv(EMBEDDED, ["smiles"]).columns["smiles"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", LANGUAGES)
def test_round_trip_of_zinc(name):
    assert changed(representation(name), zinc()[::20]) == []


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("C1CC", "unclosed ring 1"),
        ("C(C", "unbalanced parentheses"),
        ("[NH4", "unbalanced brackets"),
        ("", "empty"),
        ("C C", "it contains a space"),
        ("C(C)(C)(C)(C)C", "Explicit valence"),
    ],
)
def test_what_is_not_a_molecule_is_refused(name, bad, reason):
    language = representation(name)
    with pytest.raises(ValueError, match=f"has no {language.title}: .*{reason}"):
        language.encode(bad)


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_sequence_raises_and_none_decodes_to_an_invalid_molecule(name):
    language = representation(name)
    alphabet = sorted({symbol for smiles in DRUGS for symbol in language.encode(smiles)})
    draw = random.Random(0)
    decoded = [language.decode(draw.choices(alphabet, k=draw.randrange(0, 15))) for _ in range(500)]
    assert all(same_molecule(s, s) for s in decoded if s is not None)
    assert language.decode([]) is None
    assert language.decode(["nonsense"]) is None


@pytest.mark.parametrize("name", LANGUAGES)
def test_it_can_be_sent_to_a_worker(name):
    language = representation(name)
    symbols = language.encode("CO")
    assert pickle.loads(pickle.dumps(language)).encode("CO") == symbols


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("smiles", ["C%(100)CC%(100)", "F/C=C/1CCC(F)1", "C(C)1CC1", "[#6]C"])
def test_what_is_not_opensmiles_is_rewritten_as_rdkit_writes_it(name, smiles):
    language = representation(name)
    assert same_molecule(smiles, language.decode(language.encode(smiles)))


def test_by_name():
    assert isinstance(representation("deepsmiles"), DeepSmiles)
    with pytest.raises(ValueError, match=r"one of deepsmiles, .*, selfies, smiles; got 'morse'"):
        representation("morse")


def test_only_the_grammar_has_a_mask():
    symbols = ["", *representation("grammar").encode("CO")]
    assert representation("grammar").mask(symbols, 5) is not None
    assert DeepSmiles().mask(["", "C"], 5) is None


def test_versions_tell_languages_apart():
    versions = {representation(name).version for name in LANGUAGES}
    assert len(versions) == len(LANGUAGES)
    assert representation("selfies").version.startswith("selfies-2.")


# DeepSMILES


def test_symbols_are_atoms_bonds_and_ring_sizes():
    assert DeepSmiles().encode("BrC1CCCCCCCCCC1[NH3+]")[-3:] == ["C", "%11", "Br"]
    assert DeepSmiles().encode("BrCCl") == ["Cl", "C", "Br"]


@pytest.mark.parametrize("text", ["C)O", "CC))C", "CC)))", "C5", "3", "C=", "C==C", "[NH4", "%"])
def test_sequences_that_are_not_deepsmiles(text):
    language = DeepSmiles()
    assert language.decode(language.split(text)) is None


# SELFIES


def test_nearly_every_sequence_of_selfies_is_a_molecule():
    language = Selfies()
    alphabet = sorted({symbol for smiles in DRUGS[:9] for symbol in language.encode(smiles)})
    draw = random.Random(0)
    decoded = [language.decode(draw.choices(alphabet, k=12)) for _ in range(300)]
    assert sum(s is not None for s in decoded) > 290


def test_a_nitro_group_with_five_bonds_is_written_with_charges():
    assert "[N+1]" in Selfies().encode("CN(=O)=O")
    with pytest.raises(selfies.EncoderError):
        selfies.encoder("CN(=O)=O")


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("*C", r"it has a dummy atom '\*'"),
        ("FI(F)(F)(F)F", r"I with 5 bond\(s\) - a max. of 1 bond\(s\)$"),
    ],
)
def test_what_selfies_cannot_spell(smiles, reason):
    with pytest.raises(ValueError, match=f"has no SELFIES: .*{reason}") as refusal:
        Selfies().encode(smiles)
    assert "\n" not in str(refusal.value)


def test_valences_are_the_default_ones_whatever_is_in_force():
    before = Selfies().encode("CN(=O)=O")
    selfies.set_semantic_constraints("hypervalent")
    changed = selfies.get_semantic_constraints()
    try:
        assert Selfies().encode("CN(=O)=O") == before
        assert Selfies().decode(["[N]", "[=O]", "[=O]"]) == "N=O"
        assert selfies.get_semantic_constraints() == changed
    finally:
        selfies.set_semantic_constraints()

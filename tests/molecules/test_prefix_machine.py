"""The machine of SMILES prefixes against RDKit, on thousands of molecules."""

import gzip
from itertools import islice

import numpy as np
import pytest
from rdkit import Chem

from symmetry_pl.datamodules.molecules.qm9_embedded import EMBEDDED
from symmetry_pl.molecules.chemistry import parse
from symmetry_pl.molecules.descriptors import descriptors, flat_smiles
from symmetry_pl.molecules.prefix.fit import fit_additive
from symmetry_pl.molecules.prefix.kekule import complete
from symmetry_pl.molecules.prefix.machine import PrefixMachine
from symmetry_pl.molecules.prefix.reader import GrowingPrefixes, read_prefixes
from symmetry_pl.molecules.prefix.symbols import SymbolTable
from symmetry_pl.molecules.smiles import Smiles

DRUGS = [
    "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1",
    "O=c1n(CCO)c2ccccc2n1CCO",
    "CSc1ccc(C=c2sc3ncnn3c2=O)cc1",
    "N#CC1=C(SCC(=O)Nc2cccc(Cl)c2)N=C([O-])C(C#N)C12CCCCC2",
    "O=C1C(=O)N(CC[NH+]2CCOCC2)C(c2cccc([N+](=O)[O-])c2)C1=C(O)c1cccs1",
    "Cc1c(C=Nc2cc(Br)ccn2)c(O)n2c(nc3ccccc32)c1C#N",
    "C[n+]1ccccc1",
    "c1ccc2c(c1)-c1ccccc1-2",
]


@pytest.fixture(scope="module")
def molecules():
    """3,000 molecules of the package's own table, a few drugs, and their ids."""
    with gzip.open(EMBEDDED, "rt") as file:
        column = next(file).strip().split(",").index("smiles")
        smiles = [line.split(",")[column] for line in islice(file, 3000, 63_000, 40)]
    flat = []
    for text in [*DRUGS, *smiles]:
        try:
            flat.append(flat_smiles(text))
        except ValueError:
            continue
    split = [Smiles().split(text) for text in flat]
    symbols = ["", *sorted({s for text in split for s in text})]
    place = {s: i for i, s in enumerate(symbols)}
    ids = np.zeros((len(flat), max(map(len, split))), np.int64)
    for row, text in zip(ids, split, strict=True):
        row[: len(text)] = [place[s] for s in text]
    return symbols, flat, ids


def test_every_symbol_of_real_molecules_is_allowed_and_they_are_whole(molecules):
    symbols, flat, ids = molecules
    assert len(flat) > 1200
    growing = GrowingPrefixes(symbols, len(ids), keys=True)
    for column in [*ids.T, np.zeros(len(ids), np.int64)]:
        allowed = growing.machine.allowed(growing.state)
        assert allowed[np.arange(len(ids)), column].all()
        growing.step(column)
    assert complete(growing.machine, growing.state, growing.keys).all()


def test_atoms_hydrogens_rings_and_bonds_in_rings_are_those_of_rdkit(molecules):
    symbols, flat, ids = molecules
    growing = GrowingPrefixes(symbols, len(ids), keys=True)
    for column in ids.T:
        growing.step(column)
    state, machine = growing.state, growing.machine
    implied = machine.hydrogens(state.token, state.used)
    for row, text in enumerate(flat):
        mol = Chem.MolFromSmiles(text)
        count = mol.GetNumAtoms()
        assert state.count[row] == count
        assert state.closed[row] == mol.GetNumBonds() - count + 1
        atoms = [s for s in Smiles().split(text) if s[0] == "[" or s.isalpha()]
        own = [
            0 if s[0] == "[" else a.GetTotalNumHs()
            for s, a in zip(atoms, mol.GetAtoms(), strict=True)
        ]
        assert implied[row, :count].tolist() == own, text
        in_ring = sum(b.IsInRing() for b in mol.GetBonds())
        assert growing.keys.in_ring[row].sum() + state.closed[row] == in_ring, text


def test_weight_is_exact_and_log_p_nearly_so(molecules):
    symbols, flat, ids = molecules
    values = np.array([descriptors(text) for text in flat])[:, [0, 2]]
    order = np.random.default_rng(0).permutation(len(ids))
    learned, held = order[:1200], order[1200:]
    table = fit_additive(symbols, ids[learned], values[learned])
    known = np.isin(ids[held], np.unique(ids[learned])).all(1)  # their symbols have weights
    error = np.abs(read_prefixes(symbols, ids[held], table).sums[:, -1] - values[held])[known]
    assert known.sum() > 250
    assert error[:, 1].max() < 2e-3
    assert error[:, 0].mean() < 0.1 * values[:, 0].std()


def test_sums_of_a_prefix_do_not_depend_on_what_follows(molecules):
    symbols, flat, ids = molecules
    values = np.array([descriptors(text) for text in flat[:600]])[:, [0, 2]]
    table = fit_additive(symbols, ids[:600], values)
    whole = read_prefixes(symbols, ids[:50], table)
    for cut in (3, 7):
        again = read_prefixes(symbols, ids[:50, :cut], table)
        np.testing.assert_array_equal(again.sums, whole.sums[:, : cut + 1])
        np.testing.assert_array_equal(again.features, whole.features[:, : cut + 1])


def test_random_walks_that_are_whole_are_molecules_to_rdkit(molecules):
    symbols, _, ids = molecules
    follows = np.full((len(symbols), len(symbols)), 0.5)  # how often one symbol follows another
    before = np.concatenate([0 * ids[:, :1], ids[:, :-1]], 1)
    np.add.at(follows, (before, ids), 1)
    follows[:, 0] *= 0.3
    growing = GrowingPrefixes(symbols, 6000, keys=True)
    draw, written, last = np.random.default_rng(1), [], np.zeros(6000, np.int64)
    for step in range(40):
        allowed = growing.machine.allowed(growing.state)
        rate = np.where(allowed, follows[last], 0)
        score = rate / draw.exponential(size=allowed.shape)  # the largest is drawn at its rate
        last = np.where(allowed.any(1), score.argmax(1), 0)
        last[::2] = symbols.index("c1ccc"[step]) if step < 5 else last[::2]  # half are aromatic
        written.append(last)
        growing.step(last)
    whole = complete(growing.machine, growing.state, growing.keys)
    texts = ["".join(symbols[i] for i in row) for row in np.stack(written, 1)[whole]]
    assert len(set(texts)) > 300
    assert sum("c1" in t for t in set(texts)) > 20
    assert [t for t in texts if parse(t) is None] == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [("c1cccc1", False), ("c1cc[nH]c1", True), ("c1ccccc1", True), ("cc", False),
     ("Cn1cccc1", True), ("O=c1cccc1", True), ("C[NH2+]", False), ("C[NH2+]C", True)],
)  # fmt: skip
def test_rings_without_their_double_bonds_are_no_molecules(text, fits):
    split = Smiles().split(text)
    symbols = ["", *sorted(set(split))]
    growing = GrowingPrefixes(symbols, 1, keys=True)
    for symbol in [*split, ""]:
        growing.step(np.array([symbols.index(symbol)]))
    assert complete(growing.machine, growing.state, growing.keys).tolist() == [fits]


def test_a_symbol_that_is_unknown_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no symbol that the machine of SMILES prefixes knows"):
        PrefixMachine(SymbolTable.of(["", "C", "[C@@H]"]))

"""Fragments are learned and joined as by hand, and their texts alone tell how."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules.files.csv_table import read_csv
from symmetry_pl.datamodules.molecules.tokens import join_tokens, tokenise
from symmetry_pl.molecules import (
    apply_fragments,
    learn_fragments,
    representation,
    same_molecule,
)

DRUG = "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"


def draws(seed, alphabet, count=60, longest=16):
    """Sequences with many runs, where overlaps and ties abound."""
    draw = random.Random(seed)
    symbols = [chr(ord("a") + i) for i in range(alphabet)]
    return [
        [
            s
            for s in draw.choices(symbols, k=draw.randrange(longest))
            for _ in range(draw.choice((1, 1, 3)))
        ]
        for _ in range(count)
    ] + [symbols]


def learned_by_hand(sequences, symbols, count):
    """Fragments, and the sequences as they stand at the end: one merge after the other."""
    symbols = list(symbols)
    pieces = [[symbols.index(s) for s in sequence] for sequence in sequences]
    while count:
        found = Counter(pair for row in pieces for pair in pairwise(row))
        pair, most = min(found.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
        if most < 2:
            break
        pieces = [replaced(row, pair, len(symbols)) for row in pieces]
        symbols.append(" ".join(symbols[i] for i in pair))
        count -= 1
    return symbols, pieces


def replaced(row, pair, new):
    result, i = [], 0
    while i < len(row):
        whole = tuple(row[i : i + 2]) == pair
        result.append(new if whole else row[i])
        i += 2 if whole else 1
    return result


def joined_by_text(sequence, symbols):
    """What a vocabulary promises, knowing texts only: earliest fragment first, leftmost first."""
    texts = list(sequence)
    while True:
        found = [
            (symbols.index(text), i)
            for i, text in enumerate(f"{a} {b}" for a, b in pairwise(texts))
            if text in symbols
        ]
        if not found:
            return [symbols.index(text) for text in texts]
        fragment, i = min(found)
        texts[i : i + 2] = [symbols[fragment]]


def padded(rows):
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


@pytest.mark.parametrize("alphabet", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_all_ways_to_join_agree(seed, alphabet):
    sequences = draws(seed, alphabet)
    base, ids = tokenise(sequences)
    vocabulary, joined = join_tokens(base, ids, torch.arange(len(ids)), 40)
    symbols, pieces = learned_by_hand(sequences, base.symbols, 40)
    assert list(vocabulary.symbols) == symbols
    assert len(symbols) > len(base) + 3
    assert torch.equal(joined, padded(pieces))  # as they stood when learning ended
    assert torch.equal(vocabulary.encode(sequences, joined.shape[1]), joined)
    assert padded([joined_by_text(s, symbols) for s in sequences]).equal(joined.long())
    assert vocabulary.decode(joined) == sequences

    others = draws(seed + 100, alphabet)
    expected = padded([joined_by_text(s, symbols) for s in others])
    assert torch.equal(vocabulary.encode(others, expected.shape[1]), expected)
    array = apply_fragments(base.encode(others, 99).numpy(), vocabulary.merges)
    assert torch.equal(torch.from_numpy(array), expected)
    assert vocabulary.decode(expected) == others


@pytest.mark.parametrize("name", ["deepsmiles", "selfies"])
def test_molecules_come_back(small_qm9, name):
    language = representation(name)
    smiles = read_csv(small_qm9, ["smiles"]).columns["smiles"]
    sequences = [language.encode(text) for text in smiles]
    base, ids = tokenise(sequences)
    vocabulary, joined = join_tokens(base, ids, torch.arange(150), 60)
    lengths = (joined > 0).sum(1)
    assert lengths.double().mean() < 0.5 * (ids > 0).sum(1).double().mean()
    assert torch.equal(vocabulary.encode(sequences, joined.shape[1]), joined)
    assert vocabulary.decode(joined) == sequences
    back = map(language.decode, vocabulary.decode(joined[::10]))
    assert all(same_molecule(a, b) for a, b in zip(smiles[::10], back, strict=True))


def test_a_molecule_that_was_not_learned_from():
    language = representation("selfies")
    symbols = language.encode(DRUG)
    known = [language.encode("CCNC(=O)c1ccccc1"), language.encode("CCNC(=O)c1ccccc1F")]
    base, ids = tokenise([*known, symbols])
    vocabulary, _ = join_tokens(base, ids, torch.tensor([0, 1]), 30)
    found = vocabulary.encode([symbols], len(symbols))
    assert 0 < (found > 0).sum() < len(symbols)
    assert same_molecule(DRUG, language.decode(vocabulary.decode(found)[0]))


def test_every_sequence_of_fragments_of_selfies_is_a_molecule(small_qm9):
    language = representation("selfies")
    smiles = read_csv(small_qm9, ["smiles"]).columns["smiles"][50:]
    base, ids = tokenise(map(language.encode, smiles))
    vocabulary, _ = join_tokens(base, ids, torch.arange(len(ids)), 40)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(1, len(vocabulary), (200, 6), generator=generator)
    assert sum(language.decode(s) is not None for s in vocabulary.decode(drawn)) > 195


def test_learning_depends_on_the_rows_not_on_their_order():
    _, ids = tokenise(draws(0, 4))
    first = learn_fragments(ids.numpy(), 5, 20)
    assert list(first.values()) == list(range(5, 25))
    assert list(learn_fragments(ids.flip(0).numpy(), 5, 20).items()) == list(first.items())
    assert list(learn_fragments(ids.numpy(), 5, 7)) == list(first)[:7]


def test_ties_go_to_smaller_ids():
    ids = np.array([[3, 1, 0], [2, 2, 0], [3, 1, 0], [2, 2, 0]])
    assert list(learn_fragments(ids, 4, 9)) == [(2, 2), (3, 1)]


def test_it_stops_where_no_pair_occurs_twice():
    assert learn_fragments(np.array([[1, 2, 3], [3, 2, 1]]), 4, 9) == {}
    assert learn_fragments(np.zeros((3, 4), np.uint8), 4, 9) == {}
    assert learn_fragments(np.array([[1, 1]] * 2), 2, 0) == {}


def test_rows_do_not_join_each_other():
    ids = np.array([[1, 2], [1, 2], [2, 0], [1, 0]])
    assert apply_fragments(ids, {(2, 1): 3, (2, 2): 4}).tolist() == ids.tolist()
    assert apply_fragments(np.zeros((2, 3), np.uint8), {(1, 1): 2}).shape == (2, 0)


def test_rows_are_joined_in_parts_without_a_seam(monkeypatch):
    base, ids = tokenise(draws(1, 3))
    merges = learn_fragments(ids.numpy(), len(base), 20)
    whole = apply_fragments(ids.numpy(), merges)
    monkeypatch.setattr("symmetry_pl.molecules.fragments._CHUNK", 100)
    assert np.array_equal(apply_fragments(ids.numpy(), merges), whole)


@pytest.mark.parametrize(("first", "count"), [(32_700, 68), (5, -1)])
def test_more_than_16_bits_are_refused(first, count):
    with pytest.raises(ValueError, match=rf"leave room for 0 to \d+ fragments, got {count}$"):
        learn_fragments(np.array([[1, 1]]), first, count)


def test_ids_are_as_small_as_they_can_be():
    sequences = draws(2, 20, count=400)
    base, ids = tokenise(sequences)
    rows = torch.arange(len(ids))
    for count, dtype in ((235, torch.uint8), (236, torch.int16)):
        vocabulary, joined = join_tokens(base, ids, rows, count)
        assert len(vocabulary) == 21 + count
        assert joined.dtype == vocabulary.dtype == dtype
        encoded = vocabulary.encode(sequences, joined.shape[1])
        assert encoded.dtype == dtype
        assert torch.equal(encoded, joined)
        assert vocabulary.decode(joined) == sequences

"""Ids there and back, and one sentence for what does not fit."""

from __future__ import annotations

import json

import pytest
import torch

from symmetry_pl.molecules import Vocabulary

SEQUENCES = [["C", "[NH3+]", "O"], [], ["=", "C", "C", "C"]]


@pytest.fixture
def vocabulary():
    return Vocabulary.from_sequences(SEQUENCES)


def test_symbols_do_not_depend_on_the_order_of_the_data(vocabulary):
    assert Vocabulary.from_sequences(SEQUENCES[::-1]) == vocabulary
    assert vocabulary.symbols == ("", "=", "C", "O", "[NH3+]")


def test_round_trip(vocabulary):
    ids = vocabulary.encode(SEQUENCES, 5)
    assert (ids.dtype, ids.shape) == (torch.uint8, (3, 5))
    assert vocabulary.decode(ids) == SEQUENCES
    assert vocabulary.decode(ids.long()) == SEQUENCES


def test_a_full_row_has_no_padding(vocabulary):
    assert vocabulary.decode(vocabulary.encode([["C"] * 4], 4)) == [["C"] * 4]


def test_decoding_stops_at_the_first_padding(vocabulary):
    assert vocabulary.decode(torch.tensor([[2, 0, 3, 0]])) == [["C"]]


def test_it_survives_json(vocabulary):
    assert Vocabulary(json.loads(json.dumps(list(vocabulary.symbols)))) == vocabulary


def test_no_sequences(vocabulary):
    assert vocabulary.encode([], 4).shape == (0, 4)
    assert vocabulary.decode(torch.zeros(0, 4)) == []


def test_too_long_names_the_row(vocabulary):
    with pytest.raises(ValueError, match=r"^row 7 \('=CCC'\) has 4 symbols, more than .*=3$"):
        vocabulary.encode(SEQUENCES, 3, rows=[3, 5, 7])


def test_unknown_symbol_names_the_row(vocabulary):
    with pytest.raises(ValueError, match=r"^row 1 \('CF'\) has the symbol 'F'"):
        vocabulary.encode([["C"], ["C", "F"]], 3)


@pytest.mark.parametrize("ids", [[[5]], [[-1]]])
def test_foreign_ids_are_refused(vocabulary, ids):
    with pytest.raises(ValueError, match=r"0 … 4"):
        vocabulary.decode(torch.tensor(ids))


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (["", "C", "C"], "'C' occurs twice"),
        ([""], "2 to 255"),
        ([str(i) for i in range(256)], "2 to 255"),
    ],
)
def test_bad_vocabularies(symbols, words):
    with pytest.raises(ValueError, match=words):
        Vocabulary(symbols)


def test_255_symbols_fit():
    symbols = [str(i) for i in range(255)]
    big = Vocabulary(symbols)
    assert big.decode(big.encode([["254", "1"]], 3)) == [["254", "1"]]

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
        ([""], "2 to 32767"),
        ([str(i) for i in range(32_768)], "2 to 32767"),
        (["", "C", "O", "C O C"], "'C O C' .* is not two earlier symbols joined"),
        (["", "C", "O", "C O C", "C O"], "'C O C' .* is not two earlier symbols joined"),
        (["", "C", "O", "C C", "C N"], "'C N' .* is not two earlier"),
        (["", "C", "O", "C C", "N"], "'N' .* is not two earlier"),
        (["", "C", "O", "C "], "'C ' .* is not two earlier"),
        (["", "C", "C C", "C C C C C"], "'C C C C C' .* is not two"),
    ],
)
def test_bad_vocabularies(symbols, words):
    with pytest.raises(ValueError, match=words):
        Vocabulary(symbols)


@pytest.mark.parametrize(
    ("count", "dtype"),
    [(255, torch.uint8), (256, torch.uint8), (257, torch.int16), (32_767, torch.int16)],
)
def test_ids_are_as_small_as_they_can_be(count, dtype):
    big = Vocabulary([str(i) for i in range(count)])
    ids = big.encode([[str(count - 1), "1"]], 3)
    assert ids.dtype == big.dtype == dtype
    assert big.encode([], 3).dtype == dtype
    assert big.decode(ids) == [[str(count - 1), "1"]]


# fragments


@pytest.fixture
def joining():
    return Vocabulary(["", "=", "C", "O", "C C", "= C", "C C O", "C C C C"])


def test_the_earliest_fragment_comes_first(joining):
    assert joining.merges == {(2, 2): 4, (1, 2): 5, (4, 3): 6, (4, 4): 7}
    ids = joining.encode([["=", "C", "C", "O"], ["C"] * 7, ["=", "C", "=", "C"], []], 4)
    assert ids.tolist() == [[1, 6, 0, 0], [7, 4, 2, 0], [5, 5, 0, 0], [0, 0, 0, 0]]
    assert joining.decode(ids) == [["=", "C", "C", "O"], ["C"] * 7, ["=", "C"] * 2, []]


def test_fragments_survive_json(joining):
    again = Vocabulary(json.loads(json.dumps(list(joining.symbols))))
    assert again == joining
    assert again.merges == joining.merges
    assert Vocabulary(joining.symbols[:4]).with_fragments(joining.merges) == joining


def test_lengths_count_after_joining(joining):
    assert joining.encode([["C"] * 8], 2).tolist() == [[7, 7]]
    with pytest.raises(
        ValueError, match=r"^row 0 \('CCCO'\) has 3 symbols after joining, more .*=2$"
    ):
        joining.encode([["C", "C", "C", "O"]], 2)
    with pytest.raises(ValueError, match=r"has the symbol 'N', which the vocabulary lacks"):
        joining.encode([["C", "C", "N"]], 9)
    with pytest.raises(ValueError, match=r"has the symbol 'C C', which the vocabulary lacks"):
        joining.encode([["C C"]], 9)  # sequences are of base symbols

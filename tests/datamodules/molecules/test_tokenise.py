"""Tokens in one pass are those of the vocabulary in two."""

from __future__ import annotations

import random

import pytest
import torch

from symmetry_pl.datamodules.molecules.tokens import known_tokens, tokenise
from symmetry_pl.molecules import Vocabulary


def test_it_agrees_with_the_vocabulary():
    draw = random.Random(0)
    alphabet = [f"s{i}" for i in range(200)]
    sequences = [draw.choices(alphabet, k=draw.randrange(12)) for _ in range(300)] + [[]]
    vocabulary, ids = tokenise(iter(sequences))
    assert vocabulary == Vocabulary.from_sequences(sequences)
    assert ids.dtype == torch.uint8
    assert torch.equal(ids, vocabulary.encode(sequences, 11))


@pytest.mark.parametrize("count", [40, 400])
def test_known_tokens_are_those_of_some_rows(count):
    draw = random.Random(0)
    alphabet = [f"s{i}" for i in range(count)]
    sequences = [draw.choices(alphabet, k=draw.randrange(1, 12)) for _ in range(count)]
    rows = torch.arange(0, count, 9)
    vocabulary, ids, strange = known_tokens(*tokenise(sequences), rows)
    expected = Vocabulary.from_sequences([sequences[i] for i in rows.tolist()])
    everything = Vocabulary.from_sequences(sequences)
    assert vocabulary == expected
    assert ids.dtype == vocabulary.dtype
    for i, sequence in enumerate(sequences):
        new = [symbol for symbol in sequence if symbol not in expected.symbols]
        assert everything.symbols[strange[i]] == (new[0] if new else "")
        if not new:
            assert torch.equal(ids[[i]], expected.encode([sequence], ids.shape[1]))


@pytest.mark.parametrize(("count", "dtype"), [(256, torch.uint8), (257, torch.int16)])
def test_ids_are_as_small_as_they_can_be(count, dtype):
    symbols = [str(i) for i in range(1, count)]
    vocabulary, ids = tokenise([symbols])
    assert ids.dtype == vocabulary.dtype == dtype
    assert vocabulary.decode(ids) == [symbols]


def test_32767_symbols_and_no_more():
    with pytest.raises(ValueError, match="a vocabulary holds 2 to 32767 symbols"):
        tokenise([[str(i) for i in range(32_767)]])

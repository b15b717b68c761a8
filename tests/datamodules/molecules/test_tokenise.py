"""Tokens in one pass are those of the vocabulary in two."""

from __future__ import annotations

import random

import pytest
import torch

from symmetry_pl.datamodules.molecules.tokens import tokenise
from symmetry_pl.molecules import Vocabulary


def test_it_agrees_with_the_vocabulary():
    draw = random.Random(0)
    alphabet = [f"s{i}" for i in range(200)]
    sequences = [draw.choices(alphabet, k=draw.randrange(12)) for _ in range(300)] + [[]]
    for length in (None, 11, 20):
        vocabulary, ids = tokenise(iter(sequences), length)
        assert vocabulary == Vocabulary.from_sequences(sequences)
        assert ids.dtype == torch.uint8
        assert torch.equal(ids, vocabulary.encode(sequences, length or 11))


@pytest.mark.parametrize(("count", "dtype"), [(256, torch.uint8), (257, torch.int16)])
def test_ids_are_as_small_as_they_can_be(count, dtype):
    symbols = [str(i) for i in range(1, count)]
    vocabulary, ids = tokenise([symbols])
    assert ids.dtype == vocabulary.dtype == dtype
    assert vocabulary.decode(ids) == [symbols]


def test_32767_symbols_and_no_more():
    with pytest.raises(ValueError, match="a vocabulary holds 2 to 32767 symbols"):
        tokenise([[str(i) for i in range(32_767)]])

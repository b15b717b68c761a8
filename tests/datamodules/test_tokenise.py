"""Tokens in one pass are those of the vocabulary in two."""

from __future__ import annotations

import random

import pytest
import torch

from datamodules.molecules import tokenise
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


def test_255_symbols_and_no_more():
    symbols = [str(i) for i in range(255)]
    vocabulary, ids = tokenise([symbols[:254]])
    assert vocabulary.decode(ids) == [symbols[:254]]
    with pytest.raises(ValueError, match="a vocabulary holds 2 to 255 symbols"):
        tokenise([symbols])

"""Figures of merit of decoded molecules, on cases small enough to count by hand."""

from __future__ import annotations

import pytest
import torch

from symmetry_pl.metrics.molecules import SmilesAccuracy, TokenAccuracy, Validity
from symmetry_pl.molecules import DeepSmiles, Vocabulary

LANGUAGE = DeepSmiles()
SMILES = ["CCO", "C1CC1", "CC(C)O", "C"]
SEQUENCES = [LANGUAGE.encode(s) for s in SMILES]
VOCABULARY = Vocabulary.from_sequences([*SEQUENCES, ["F", "=", "5"]])


def ids(*sequences):
    return VOCABULARY.encode([LANGUAGE.split(s) for s in sequences], 8).long()


TARGET = ids(*map(LANGUAGE.text, SEQUENCES))


def test_perfect_decoding_scores_one():
    for metric in (
        TokenAccuracy(),
        SmilesAccuracy(VOCABULARY, LANGUAGE),
        Validity(VOCABULARY, LANGUAGE),
    ):
        metric.update(TARGET, TARGET)
        assert metric.compute() == 1.0


def test_smiles_accuracy_counts_molecules_not_strings():
    # another spelling; a ring that does not close; another molecule; too many bonds
    decoded = ids("OCC", "CC5", "CCCO", "C=F")
    accuracy = SmilesAccuracy(VOCABULARY, LANGUAGE)
    accuracy.update(decoded, TARGET)
    assert accuracy.compute() == 0.25
    validity = Validity(VOCABULARY, LANGUAGE)
    validity.update(decoded)
    assert validity.compute() == 0.5


def test_batches_add_up():
    decoded = ids("OCC", "CC5", "CCCO", "C")
    whole, parts = (SmilesAccuracy(VOCABULARY, LANGUAGE) for _ in range(2))
    whole.update(decoded, TARGET)
    for i in range(4):
        parts.update(decoded[i : i + 1], TARGET[i : i + 1])
    assert whole.compute() == parts.compute() == 0.5


def test_nothing_decoded_is_not_a_molecule():
    empty = torch.zeros(2, 8, dtype=torch.int64)
    metric = Validity(VOCABULARY, LANGUAGE)
    metric.update(empty)
    assert metric.compute() == 0.0


def test_token_accuracy_counts_up_to_the_first_padding():
    target = torch.tensor([[1, 2, 0, 0, 0], [1, 1, 1, 1, 1]])
    preds = torch.tensor([[1, 3, 0, 4, 4], [1, 1, 1, 1, 2]])
    metric = TokenAccuracy()
    metric.update(preds, target)
    assert metric.compute() == pytest.approx((2 + 4) / (3 + 5))


def test_token_accuracy_notices_a_missed_end():
    metric = TokenAccuracy()
    metric.update(torch.tensor([[1, 2, 2]]), torch.tensor([[1, 2, 0]]))
    assert metric.compute() == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", [TokenAccuracy(), SmilesAccuracy(VOCABULARY, LANGUAGE)])
def test_shapes_are_checked(metric):
    with pytest.raises(ValueError, match=r"\(B, L\)"):
        metric.update(torch.zeros(2, 3, 4), torch.zeros(2, 3))


def test_states_are_sums_over_processes():
    metric = SmilesAccuracy(VOCABULARY, LANGUAGE)
    assert set(metric._reductions) == {"passed", "total"}
    assert {f.__name__ for f in metric._reductions.values()} == {"dim_zero_sum"}

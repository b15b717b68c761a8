"""A property that adds up over runs of symbols, found in closed form."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from symmetry_pl.nn.tokens import additive
from symmetry_pl.nn.tokens.additive import AdditiveTerm

SYMBOLS = ("", "a", "b", "c", "a b", "c c a")


def sequences(count, length=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(1, len(SYMBOLS), (count, length), generator=generator)
    lengths = torch.randint(0, length + 1, (count, 1), generator=generator)
    return x * (torch.arange(length) < lengths)


def spelled(row):
    return [part for i in row.tolist() if i for part in SYMBOLS[i].split()]


def runs_of(row, k):
    """Runs of k symbols, by their texts, those that start before the first symbol among them."""
    text = ["<"] * (k - 1) + spelled(row) + [">"]
    return [tuple(text[i : i + k]) for i in range(len(text) - k + 1)]


def test_two_runs_have_one_weight_where_their_texts_agree():
    x = sequences(60)
    term = AdditiveTerm(SYMBOLS, 1, order=3)
    runs = term.runs(x)
    for k in range(3):
        place = {}
        for row, found in zip(x, runs[:, k], strict=True):
            texts, here = runs_of(row, k + 1), found[found >= 0].tolist()
            assert len(texts) == len(here)
            for text, number in zip(texts, here, strict=True):
                assert place.setdefault(text, number) == number
        assert len(set(place.values())) == len(place)  # no collision among so few


def test_the_weights_are_those_of_a_ridge_regression_on_counts(monkeypatch):
    monkeypatch.setattr(additive, "_SEEN", 1)
    monkeypatch.setattr(additive, "_PENALTIES", np.array([0.7]))
    x = sequences(80)
    y = torch.randn(80, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    term = AdditiveTerm(SYMBOLS, 2, order=2).double()
    term.measure(x, y)
    columns = []
    for k in (1, 2):
        texts = sorted({run for row in x for run in runs_of(row, k)})
        counts = np.array([[runs_of(row, k).count(t) for t in texts] for row in x], float)
        deviation = counts.std(0)
        kept = counts[:, deviation > 1e-6] / deviation[deviation > 1e-6] ** 0.5
        columns.append(kept / kept.std(0).__pow__(2).sum() ** 0.5 / 2**0.5)
    features = np.concatenate(columns, 1)
    expected = Ridge(alpha=0.7).fit(features, y.numpy()).predict(features)
    np.testing.assert_allclose(term(x).numpy(), expected, atol=2e-5)


def test_a_sum_over_runs_is_found_on_rows_it_never_saw():
    x = sequences(1200)
    values = {("a", "b"): 2.0, ("c",): -1.0, ("b", ">"): 0.5}
    y = torch.tensor(
        [[sum(values.get(r, 0.0) for k in (1, 2) for r in runs_of(row, k))] for row in x]
    )
    term = AdditiveTerm(SYMBOLS, 1, order=2)
    assert term.measure(x[:900], y[:900]) > 0.99
    assert (term(x[900:]) - y[900:]).abs().mean() < 0.02 * y.std()
    fresh = AdditiveTerm(SYMBOLS, 1, order=1)
    assert fresh.measure(x[:900], y[:900]) < 0.95  # pairs are more than their symbols


def test_weights_do_not_depend_on_the_vocabulary():
    x = sequences(200)
    y = torch.tensor([[float(spelled(row).count("a"))] for row in x])
    term = AdditiveTerm(SYMBOLS, 1, order=3)
    term.measure(x, y)
    other = AdditiveTerm(("", "c", "a", "b"), 1, order=3)
    other.load_state_dict(term.state_dict())
    one = torch.tensor([[4, 3, 1, 0]])  # a b c a, with a fragment
    same = torch.tensor([[2, 3, 1, 2]])
    assert torch.equal(term(one), other(same))


def test_few_rows_choose_nothing():
    term = AdditiveTerm(SYMBOLS, 1, order=2)
    term.weight.fill_(1.0)
    assert term.measure(sequences(9), torch.randn(9, 1)) is None
    assert not term(sequences(5)).any()


def test_a_run_has_a_symbol():
    with pytest.raises(ValueError, match="at least one symbol"):
        AdditiveTerm(SYMBOLS, 1, order=0)

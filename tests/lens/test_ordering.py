"""Known orders are found from shuffled ones."""

import itertools

import numpy as np
import pytest

from symmetry_pl.lens.ordering import improve_order


def _score(affinity, order, closed):
    following = np.roll(order, -1) if closed else order[1:]
    return affinity[order[: len(following)], following].sum()


@pytest.mark.parametrize("closed", [False, True])
def test_a_hidden_line_or_ring_is_found(closed):
    n = 15
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    lag = np.minimum(lag, n - lag) if closed else lag
    rng = np.random.default_rng(0)
    for _ in range(5):
        hidden = rng.permutation(n)
        affinity = np.exp(-lag / 2.0)[np.ix_(hidden, hidden)]
        found = hidden[improve_order(affinity, rng.permutation(n), closed)]
        steps = np.abs(np.diff(np.append(found, found[0]) if closed else found))
        assert set(steps.tolist()) <= ({1, n - 1} if closed else {1})


@pytest.mark.parametrize("closed", [False, True])
def test_never_worse_and_often_the_best_of_all(closed):
    rng = np.random.default_rng(1)
    reached = 0
    for _ in range(20):
        affinity = rng.random((6, 6))
        affinity += affinity.T
        start = rng.permutation(6)
        found = improve_order(affinity, start, closed)
        assert sorted(found.tolist()) == list(range(6))
        best = max(_score(affinity, np.array(p), closed) for p in itertools.permutations(range(6)))
        score = _score(affinity, found, closed)
        assert _score(affinity, start, closed) - 1e-12 <= score <= best + 1e-12
        reached += score == pytest.approx(best)
    assert reached >= 12


def test_a_reversed_stretch_is_turned_back():
    lag = np.abs(np.subtract.outer(np.arange(10), np.arange(10)))
    affinity = np.where(lag > 0, 0.5**lag, 0.0)
    broken = np.array([0, 1, 6, 5, 4, 3, 2, 7, 8, 9])
    assert improve_order(affinity, broken).tolist() == list(range(10))


def test_a_closed_order_begins_where_it_began():
    lag = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    affinity = -np.minimum(lag, 5 - lag).astype(float)
    assert improve_order(affinity, np.array([3, 0, 1, 4, 2]), closed=True)[0] == 3


def _affinities(kind, n, rng):
    """Affinities on which moves gain nothing but rounding."""
    if kind == "constant":
        return np.full((n, n), rng.random())
    if kind == "tied":
        return rng.integers(0, 3, (n, n)) / 3.0
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    even = np.exp(-lag / 2.0) if kind == "line" else 0.3 * rng.random((n, n))
    even = 0.5 * (even + even.T)
    return even + 3e-8 * rng.standard_normal((n, n))  # as a float32 product has


@pytest.mark.timeout(60)
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("kind", ["constant", "tied", "line", "random"])
def test_the_search_ends_where_gains_are_rounding(kind, closed):
    rng = np.random.default_rng(0)
    for n in (3, 4, 7, 21):
        for _ in range(10):
            affinity = _affinities(kind, n, rng)
            start = rng.permutation(n)
            found = improve_order(affinity, start, closed)
            assert sorted(found.tolist()) == list(range(n))
            even = affinity + affinity.T
            assert _score(even, found, closed) >= _score(even, start, closed) - 1e-12


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_affinities_that_are_not_finite_are_refused(bad):
    affinity = np.ones((5, 5))
    affinity[1, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinite"):
        improve_order(affinity, np.arange(5))

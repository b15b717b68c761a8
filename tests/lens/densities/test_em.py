"""EM against scikit-learn and against mixtures that are known."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from symmetry_pl.lens.densities.em import OnlineMixture, fit_mixture
from symmetry_pl.lens.densities.mixture import LIMIT


def _sample(n, seed=0):
    rng = np.random.default_rng(seed)
    component = rng.random((n, 2)) < np.array([0.3, 0.6])
    narrow = rng.normal([-2.0, 0.5], [0.3, 0.2], (n, 2))
    wide = rng.normal([1.0, 3.0], [0.8, 0.5], (n, 2))
    return np.where(component, narrow, wide)


def test_a_known_mixture_is_found():
    y = torch.from_numpy(_sample(20_000))
    fitted = fit_mixture(y, components=2, iterations=100)
    order = fitted.means.argsort(0)
    torch.testing.assert_close(
        fitted.means.gather(0, order), torch.tensor([[-2.0, 0.5], [1.0, 3.0]]).double(), atol=0.03,
        rtol=0,
    )  # fmt: skip
    torch.testing.assert_close(
        fitted.weights.gather(0, order), torch.tensor([[0.3, 0.6], [0.7, 0.4]]).double(), atol=0.02,
        rtol=0,
    )  # fmt: skip


def test_likelihood_is_that_of_scikit_learn():
    y = _sample(3000, seed=1)
    fitted = fit_mixture(torch.from_numpy(y), components=2, iterations=200)
    ours = fitted.log_density(torch.from_numpy(y)).mean(0).numpy()
    for i in range(2):
        theirs = GaussianMixture(2, random_state=0, tol=1e-8, max_iter=500).fit(y[:, i : i + 1])
        assert ours[i] == pytest.approx(theirs.score(y[:, i : i + 1]), abs=1e-3)


def test_variances_keep_to_their_range():
    y = torch.zeros(100, 1, dtype=torch.float64)
    y[50:] = 1.0
    fitted = fit_mixture(y, components=2)
    assert fitted.log_variances.min() == pytest.approx(-LIMIT)
    wide = fit_mixture(1e3 * y, components=2, iterations=1)
    assert wide.log_variances.max() <= LIMIT
    assert torch.isfinite(fitted.log_density(y)).all()


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="a mixture of 4 components needs more than 3 samples"):
        fit_mixture(torch.zeros(3, 2))


def test_online_steps_end_where_all_at_once_does():
    y = torch.from_numpy(_sample(4000, seed=2))
    whole = fit_mixture(y, components=2, iterations=300)
    online = OnlineMixture(2, components=2, rate=0.05).double()
    assert not online.started
    online.start(fit_mixture(y[:200], components=2, iterations=3))
    assert online.started
    for step in range(600):
        online.follow(y[torch.arange(400) + 400 * (step % 10)])
    ours, best = (m.log_density(y).mean(0) for m in (online.mixture, whole))
    torch.testing.assert_close(ours, best, atol=2e-3, rtol=0)


def test_two_processes_follow_as_one():
    y = torch.from_numpy(_sample(400, seed=3))
    start = fit_mixture(y, components=2, iterations=3)
    one, two = (OnlineMixture(2, components=2).double() for _ in range(2))
    one.start(start)
    two.start(start)
    one.follow(y)
    sums = []

    def gather(part):
        sums.append(part.clone())
        return part

    two.follow(y[::2], gather)
    two.start(start)
    two.follow(y[1::2], lambda part: part + sums[0])
    torch.testing.assert_close(two.statistics, one.statistics, atol=1e-12, rtol=0)

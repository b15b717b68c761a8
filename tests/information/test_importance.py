"""Importance-weighted bounds against exact likelihoods."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from symmetry_pl.information.importance import importance_bound

LOADING, NOISE, POSTERIOR = 0.8, 0.5, 1.3


def log_weights(x, z, mean, scale):
    """z ~ N(0, 1), x ~ N(0.8 z, 0.5²), and q(z | x) = N(mean, scale²)."""
    normal = torch.distributions.Normal
    weight = normal(LOADING * z, NOISE).log_prob(x) + normal(0.0, 1.0).log_prob(z)
    return weight - normal(mean, scale).log_prob(z)


def truth(x):
    return torch.distributions.Normal(0.0, math.hypot(LOADING, NOISE)).log_prob(x)


def draws(x, factor, generator):
    """Draws of a posterior that is ``factor`` times as wide as the true one."""
    precision = 1 + LOADING**2 / NOISE**2
    mean, scale = x * LOADING / NOISE**2 / precision, factor / precision**0.5

    def draw(number, count):
        noise = torch.randn(count, len(x), generator=generator, dtype=x.dtype)
        return log_weights(x, mean + scale * noise, mean, scale)

    return draw


X = torch.tensor([-2.0, 0.1, 1.0], dtype=torch.float64)


def test_the_true_posterior_gives_the_likelihood_with_one_draw():
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(importance_bound(draws(X, 1.0, generator), 1, 1), truth(X))


def test_many_draws_of_another_posterior_give_the_likelihood_to_three_standard_errors():
    generator = torch.Generator().manual_seed(1)
    draw, count = draws(X, POSTERIOR, generator), 20_000
    weights = draw(0, count)
    bound = importance_bound(lambda i, n: weights[3000 * i : 3000 * i + n], count, 3000)
    ratio = (weights - truth(X)).exp()
    error = ratio.std(0) / count**0.5
    assert bool((error > 1e-4).all())
    assert bool(((bound - truth(X)).abs() < 3 * error).all())


def test_the_bound_grows_with_the_number_of_draws():
    generator = torch.Generator().manual_seed(2)
    x = X.repeat(4000)
    means = [
        importance_bound(draws(x, 2.0, generator), samples, 7).mean() for samples in (1, 3, 10, 50)
    ]
    assert means == sorted(means)
    assert means[0] < means[-1] - 0.1
    assert means[-1] < truth(x).mean() + 0.01


def test_chunks_change_nothing_and_infinite_weights_are_zeros():
    weights = torch.randn(11, 2, 3, dtype=torch.float64)
    weights[4] = -math.inf
    whole = torch.logsumexp(weights, 0) - math.log(11)
    for chunk in (1, 4, 11, 20):
        found = importance_bound(
            lambda i, n, chunk=chunk: weights[chunk * i : chunk * i + n], 11, chunk
        )
        assert torch.allclose(found, whole)


def test_single_precision_is_summed_in_double():
    weights = torch.full((30_000, 1), 1000.0)
    weights[1:] -= 20.0  # each would be lost beside the first
    found = importance_bound(lambda i, n: weights[7 * i : 7 * i + n], len(weights), 7)
    exact = 1000 + math.log1p(29_999 * math.exp(-20)) - math.log(30_000)
    assert found.item() == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(("samples", "chunk"), [(0, 1), (1, 0)])
def test_what_makes_no_bound_is_refused(samples, chunk):
    with pytest.raises(ValueError, match="samples and chunk must be at least 1"):
        importance_bound(lambda i, n: torch.zeros(n, 1), samples, chunk)


def test_several_dimensions_are_one_integral():
    """Against the exact density of a Gaussian factor model."""
    generator = torch.Generator().manual_seed(3)
    loading = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    eye = torch.eye(4, dtype=torch.float64)
    exact = MultivariateNormal(eye.new_zeros(4), loading @ loading.T + 0.25 * eye)
    x = exact.sample((1,))

    def draw(number, count):
        z = torch.randn(count, 2, generator=generator, dtype=torch.float64)  # q is the prior
        error = (x - z @ loading.T) / 0.5
        density = -0.5 * error.square().sum(1) - 4 * math.log(0.5 * math.sqrt(2 * math.pi))
        return density[:, None]

    weights = draw(0, 50_000)
    bound = importance_bound(lambda i, n: weights[:n], len(weights), len(weights))
    ratio = (weights - exact.log_prob(x)).exp()
    assert (bound - exact.log_prob(x)).abs().item() < 3 * ratio.std().item() / len(weights) ** 0.5

import math

import numpy as np
import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.generator import (
    cosine,
    filter_locality,
    generator_cosine,
    generator_cosines,
    generator_scores,
    ideal_generator,
    lifting_error,
    lifting_scores,
    matched_axes,
    minimality,
    nearest_generator,
    nearest_lifting,
    stationarity_residual,
)

F64 = torch.float64


def basis(dim, seed=0):
    """A random orthonormal basis."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(dim, dim, dtype=F64, generator=generator))[0]


@pytest.mark.parametrize("dim", [3, 7, 8, 33])
def test_the_ideal_moves_hidden_positions_by_one(dim):
    q = basis(dim)
    chain, ring = ideal_generator(q), ideal_generator(q, "ring")
    assert torch.allclose(chain @ q[:-1].T, q[1:].T)
    assert torch.allclose(chain @ q[-1], torch.zeros(dim, dtype=F64))
    assert torch.allclose(ring @ q.T, q.roll(-1, 0).T)
    by_sum = sum(torch.outer(q[k + 1], q[k]) for k in range(dim - 1))
    assert torch.allclose(chain, by_sum)


@pytest.mark.parametrize("dim", [5, 7, 15])
def test_powers_on_an_odd_ring_form_a_group(dim):
    q = basis(dim)
    power = {p: ideal_generator(q, "ring", p) for p in (-1, 0.5, 1, 2, 0.25, 3)}
    assert torch.allclose(power[0.5] @ power[0.5], power[1])
    assert torch.allclose(torch.linalg.matrix_power(power[0.25], 4), power[1])
    assert torch.allclose(power[1] @ power[2], power[3])
    assert torch.allclose(power[1].T, power[-1])
    assert torch.allclose(power[0.5] @ power[0.5].T, torch.eye(dim, dtype=F64))


def test_the_half_shift_of_a_chain_is_that_of_a_wide_ring():
    wide = ideal_generator(torch.eye(2001, dtype=F64), "ring", 0.5)[900:907, 900:907]
    assert torch.allclose(wide, ideal_generator(torch.eye(7, dtype=F64), power=0.5), atol=1e-5)


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_cosine_of_ideal_reversed_and_scaled_is_one(topology):
    q = basis(9)
    ideal = ideal_generator(q, topology)
    for g in (ideal, ideal.T, 3 * ideal, ideal.float()):
        assert generator_cosine(g, q, topology) == pytest.approx(1, abs=1e-6)
    # no search over the sign, as published
    assert generator_cosine(-ideal, q, topology) < 0.3
    assert generator_cosine(ideal, q.tolist(), topology) == pytest.approx(1)


def test_cosines_with_closed_forms():
    q = torch.eye(7, dtype=F64)
    chain, ring = ideal_generator(q), ideal_generator(q, "ring")
    assert generator_cosine(chain, q, "ring") == pytest.approx(math.sqrt(6 / 7))
    assert generator_cosine(ring, q, "chain") == pytest.approx(math.sqrt(6 / 7))
    assert generator_cosine(torch.eye(7), q) == 0
    # shift and identity are orthogonal and as long
    mixed = math.cos(0.3) * ring + math.sin(0.3) * torch.eye(7, dtype=F64)
    assert generator_cosine(mixed, q, "ring") == pytest.approx(math.cos(0.3))
    noise = torch.ones(7, 7, dtype=F64)
    assert generator_cosine(noise, q) == pytest.approx(6 / (7 * math.sqrt(6)))


def test_the_nearest_generator_has_the_learned_direction():
    q = basis(6)
    ideal = ideal_generator(q)
    noise = 0.02 * torch.randn(6, 6, dtype=F64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(nearest_generator(ideal + noise, q), ideal)
    assert torch.equal(nearest_generator(ideal.T + noise, q), ideal.T)


@pytest.mark.parametrize("topology", ["chain", "ring"])
@pytest.mark.parametrize("power", [1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0])
def test_powers_and_roots_are_recognised(topology, power):
    q = basis(11)
    found = minimality(ideal_generator(q, topology, power), q, topology)
    assert found.power == power
    assert found.cosine == pytest.approx(1)
    assert found.cosines[-power] < 0.7


def test_powers_that_are_the_same_count_as_the_smallest():
    q = basis(3)
    assert minimality(ideal_generator(q, "ring", 2), q, "ring").power == -1.0
    assert minimality(ideal_generator(q), q).cosines[3.0] == 0.0


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_liftings_are_compared_up_to_order_and_sign(topology):
    q = basis(7)
    for ideal in (q, -q, q.flip(0), -q.flip(0)):
        assert lifting_error(ideal, q, topology) == pytest.approx(0, abs=1e-7)
        assert torch.equal(nearest_lifting(ideal + 0.01, q, topology), ideal)
    moved = [q.roll(2, 0), -q.flip(0).roll(3, 0)]
    for ideal in moved:
        error = lifting_error(ideal, q, topology)
        assert (error < 1e-7) == (topology == "ring")
    shuffled = q[torch.tensor([3, 1, 0, 6, 2, 5, 4])]
    assert lifting_error(shuffled, q, topology) > 0.8


def test_lifting_error_with_closed_forms():
    q = basis(5)
    assert lifting_error(1.1 * q, q) == pytest.approx(0.1)
    assert lifting_error(0 * q, q) == pytest.approx(1)
    one_wrong = q.clone()
    one_wrong[2] *= -1
    assert lifting_error(one_wrong, q) == pytest.approx(2 / math.sqrt(5))


def test_locality_counts_positions():
    q = basis(10)
    assert filter_locality(-3 * q[4], q) == pytest.approx(1)
    assert filter_locality(q[2] + q[7], q) == pytest.approx(1 / 2)
    assert filter_locality(q.sum(0), q) == pytest.approx(1 / 10)
    assert filter_locality(2 * q[0] + q[1], q) == pytest.approx(17 / 25)
    wide = torch.eye(999, dtype=F64)
    halfway = ideal_generator(wide, power=0.5)[:, 500]
    assert filter_locality(halfway, wide) == pytest.approx(1 / 3, rel=1e-3)
    random = torch.randn(999, dtype=F64, generator=torch.Generator().manual_seed(0))
    assert filter_locality(random, wide) == pytest.approx(3 / 999, rel=0.2)


def test_stationarity_of_toeplitz_and_circulant_covariances():
    lag = (torch.arange(6)[:, None] - torch.arange(6)).abs()
    toeplitz = 0.8 ** lag.double()
    circulant = 0.8 ** torch.minimum(lag, 6 - lag).double()
    assert stationarity_residual(toeplitz) == pytest.approx(0, abs=1e-15)
    assert stationarity_residual(circulant) == pytest.approx(0, abs=1e-15)
    assert stationarity_residual(circulant, "ring") == pytest.approx(0, abs=1e-15)
    assert stationarity_residual(toeplitz, "ring") > 0.02
    # variances 1, 2, 3: mean 2, so 2 of 14
    assert stationarity_residual(torch.diag(torch.tensor([1.0, 2.0, 3.0]))) == pytest.approx(1 / 7)
    permuted = toeplitz[[3, 0, 5, 1, 4, 2]][:, [3, 0, 5, 1, 4, 2]]
    assert 0.01 < stationarity_residual(permuted) < 1


def test_stationarity_of_a_sample_of_independent_numbers():
    y = np.random.default_rng(0).normal(size=(2000, 20))
    residual = stationarity_residual(torch.from_numpy(np.cov(y.T)))
    assert residual == pytest.approx(20 / 2000, rel=0.2)


def test_scores_have_the_names_that_are_logged():
    q = basis(7)
    scores = generator_scores(ideal_generator(q).T[None], q.tolist())
    scores |= lifting_scores(-q.flip(0), q[3], q.tolist())
    expected = {"generator_cosine": 1, "generator_power": -1, "filter_locality": 1}
    assert {k: v for k, v in scores.items() if k != "lifting_error"} == pytest.approx(expected)
    assert scores["lifting_error"] == pytest.approx(0, abs=1e-7)


def test_parameters_need_no_detaching():
    q = basis(5)
    g = ideal_generator(q).requires_grad_()
    assert not generator_cosine(g, q).requires_grad
    assert not filter_locality(q[0].clone().requires_grad_(), q).requires_grad


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: generator_cosine(torch.eye(9), q), r"\(9, 9\), but .*\(5, 5\): crop padded"),
        (lambda q: minimality(torch.eye(9), q), "crop padded"),
        (lambda q: lifting_error(torch.eye(9), q), "lifting has shape"),
        (lambda q: generator_cosine(torch.ones(5, 4), q), "generator must be a finite square"),
        (lambda q: generator_cosine(torch.full((5, 5), torch.nan), q), "finite square"),
        (lambda q: generator_cosine(torch.eye(5), 2 * q), "orthonormal rows"),
        (lambda q: generator_cosine(torch.eye(5), q, "torus"), "chain or ring, got 'torus'"),
        (lambda q: filter_locality(torch.ones(4), q), r"must be \(5,\) and not 0"),
        (lambda q: filter_locality(torch.zeros(5), q), "not 0"),
        (lambda q: stationarity_residual(torch.ones(5)), "covariance must be"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(basis(5))


def test_generators_of_a_product_are_each_compared_with_their_own_axis():
    q, domain = basis(12), Domain(((3, "chain"), (4, "ring")))
    first, second = (ideal_generator(q, domain, axis=axis) for axis in (0, 1))
    learned = torch.stack([second.T, first + 0.1 * second])
    assert matched_axes(learned, q, domain) == {0: 1, 1: 0}
    scores = generator_scores(learned, q, domain)
    nearly = float(cosine(learned[1], first))
    assert scores["generator_cosine"] == pytest.approx((1 + nearly) / 2)
    assert scores["generator_power"] == 1  # of the one that is less similar
    alone = generator_scores(learned[:1], q, domain)
    assert alone["generator_cosine"] == pytest.approx(0.5)  # nothing is left for the other axis
    three = generator_scores(torch.cat([torch.eye(12, dtype=F64)[None], learned]), q, domain)
    assert three["generator_cosine"] == pytest.approx(scores["generator_cosine"])


def test_liftings_of_a_product_are_compared_up_to_each_axis():
    q, domain = basis(12), Domain(((3, "chain"), (4, "ring")))
    grid = q.view(3, 4, 12)
    for same in (grid.flip(0), grid.flip(1), -grid.roll(2, 1), grid.flip(0, 1).roll(1, 1)):
        assert lifting_error(same.reshape(12, 12), q, domain) == pytest.approx(0, abs=1e-7)
    assert lifting_error(grid.roll(1, 0).reshape(12, 12), q, domain) > 0.5


def test_what_leaves_a_chain_does_not_count_inside():
    """A closed shift is the open one on all positions but the last, where it has √((d − 1)/d)."""
    grid = Domain(((3, "chain"), (4, "chain")))
    basis = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0))).Q
    closed = Domain(((3, "ring"), (4, "ring")))
    moves = torch.stack([ideal_generator(basis, closed, axis=axis, like=basis) for axis in (1, 0)])
    whole = generator_cosines(moves, basis, grid)
    assert whole == pytest.approx([(2 / 3) ** 0.5, (3 / 4) ** 0.5], abs=1e-5)
    assert generator_cosines(moves, basis, grid, inside=True) == pytest.approx([1, 1], abs=1e-5)
    assert generator_cosines(moves[:1], basis, grid, inside=True)[0] == 0.0

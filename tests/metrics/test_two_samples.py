"""Distances of two samples: closed forms, circles, and the level of the test."""

from __future__ import annotations

import math

import pytest
import torch

from symmetry_pl.metrics.two_samples import energy_distance, factor_distance, two_sample_test

TURN = 2 * math.pi


def test_total_variation_of_two_histograms():
    drawn = torch.tensor([0.1, 0.1, 0.6, 0.9, 1.0])  # .4, .2, .4
    true = torch.tensor([0.1, 0.6, 0.6, 0.6])  # .25, .75, 0
    found = factor_distance(drawn, true, [0.0, 0.5, 0.7, 1.0])
    assert found == pytest.approx((0.15 + 0.55 + 0.4) / 2)


def test_total_variation_is_one_for_disjoint_samples_and_zero_for_equal_ones():
    sample = torch.linspace(0, 1, 50)
    edges = torch.linspace(0, 1, 11)
    assert factor_distance(sample, sample.flip(0), edges) == 0
    assert factor_distance(sample[:25], sample[25:], edges) == pytest.approx(1)
    assert factor_distance(sample + 5, sample, edges) == 1
    assert factor_distance(sample + 5, sample - 5, edges) == 1
    assert factor_distance(torch.tensor([3, 4]), torch.tensor([3, 3]), [2.5, 3.5, 4.5]) == 0.5


def test_total_variation_on_a_circle_ignores_turns():
    edges = torch.linspace(-math.pi, math.pi, 9)
    angle = torch.linspace(-3.1, 3.1, 100)
    assert factor_distance(angle + TURN, angle, edges, TURN) == 0
    assert factor_distance(angle - 3 * TURN, angle, edges, TURN) == 0
    assert factor_distance(angle + TURN, angle, edges) == 1


def test_total_variation_of_finite_samples_has_the_stated_size():
    generator = torch.Generator().manual_seed(0)
    sizes = 200, 300
    values = [
        factor_distance(*(torch.rand(n, generator=generator) for n in sizes), [0.0, 0.2, 0.7, 1.0])
        for _ in range(400)
    ]
    shares = torch.tensor([0.2, 0.5, 0.3])
    expected = (shares * (1 - shares) * (1 / 200 + 1 / 300) / TURN).sqrt().sum().item()
    assert torch.stack(values).mean() == pytest.approx(expected, rel=0.05)


def test_energy_distance_of_two_points_and_of_normals():
    # Measured by the pooled standard deviation of {0, 0, 2, 2}, which is 1.
    assert energy_distance(torch.zeros(2, 1), 2 + torch.zeros(2, 1)) == pytest.approx(4)
    torch.manual_seed(0)
    x, y = torch.randn(2, 2000, 1).double()
    y = y + 1
    spread = torch.cat([x, y]).std(correction=0)

    def mean_distance(shift):  # E|N(shift, 2)|
        density = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4)
        return density + shift * math.erf(shift / 2)

    expected = (2 * mean_distance(1.0) - 2 * mean_distance(0.0)) / spread
    assert energy_distance(x, y) == pytest.approx(expected.item(), rel=0.1)


def test_energy_distance_does_not_depend_on_units_or_turns():
    torch.manual_seed(0)
    x, y = torch.randn(2, 100, 2).double()
    expected = energy_distance(x, y + 0.5, [None, 3.0])
    moved = torch.tensor([1000.0, 1.0]).double()
    shift = torch.tensor([7.0, 9.0]).double()
    found = energy_distance(moved * x + shift, moved * (y + 0.5) - shift * 0 + shift, [None, 3.0])
    torch.testing.assert_close(found, expected)
    constant = torch.ones(5, 1)
    assert energy_distance(constant, constant) == 0


def test_permutations_find_a_shift_and_no_false_one():
    torch.manual_seed(0)
    x, y = torch.randn(200, 3), torch.randn(150, 3)
    moved = two_sample_test(x, y + torch.tensor([0.0, 0.6, 0.0]))
    assert moved.p_value == 1 / 200
    assert moved.distance > 2 * moved.null95
    same = two_sample_test(x, y)
    assert same.distance < same.null95
    assert same.distance == pytest.approx(energy_distance(x, y).item())


def test_dependence_is_seen_where_marginals_are_equal():
    torch.manual_seed(0)
    angle = TURN * torch.rand(300, 1)
    together = torch.cat([angle, angle + 0.1 * torch.randn(300, 1)], 1)
    apart = TURN * torch.rand(300, 2)
    found = two_sample_test(together, apart, [TURN, TURN], permutations=39)
    assert found.p_value == 1 / 40


def test_level_of_the_test():
    generator = torch.Generator().manual_seed(1)
    rejected = 0
    for seed in range(100):
        x, y = torch.randn(2, 40, 2, generator=generator)
        rejected += two_sample_test(x, y, permutations=39, seed=seed).p_value <= 0.05
    assert rejected <= 12  # binomial(100, .05): 12 or more with probability .004


def test_subsamples_are_the_same_every_time():
    x, y = torch.randn(300, 1), torch.randn(300, 1)
    state = torch.get_rng_state()
    found = [two_sample_test(x, y, max_points=50) for _ in range(2)]
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_distance(torch.zeros(0), torch.zeros(3), [0.0, 1.0]), "drawn must be"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3, 1), [0.0, 1.0]), "true must be"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3), [1.0, 0.0]), "increasing"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3), [0.0, 1.0], 2.0), "period 2"),
        (lambda: energy_distance(torch.zeros(3, 2), torch.zeros(3, 1)), r"\(M, d\)"),
        (lambda: energy_distance(torch.zeros(0, 2), torch.zeros(3, 2)), r"\(N, d\)"),
        (lambda: energy_distance(torch.zeros(3, 2), torch.zeros(3, 2), [1.0]), "1 periods"),
        (lambda: energy_distance(torch.zeros(3, 2), torch.full((3, 2), math.nan)), "finite"),
        (lambda: two_sample_test(torch.zeros(3, 2), torch.zeros(3, 2), None, 5), "at least 19"),
    ],
)
def test_odd_inputs_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Distances of two samples: closed forms and circles."""

from __future__ import annotations

import math

import pytest
import torch

from symmetry_pl.metrics.two_samples import factor_distance

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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_distance(torch.zeros(0), torch.zeros(3), [0.0, 1.0]), "drawn must be"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3, 1), [0.0, 1.0]), "true must be"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3), [1.0, 0.0]), "increasing"),
        (lambda: factor_distance(torch.zeros(3), torch.zeros(3), [0.0, 1.0], 2.0), "period 2"),
    ],
)
def test_odd_inputs_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

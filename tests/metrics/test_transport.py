"""Distances from groups by optimal transport."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from symmetry_pl.groups import axial, cyclic, icosahedral
from symmetry_pl.groups.rotations import random_rotations, rotation_angle, rotation_of
from symmetry_pl.metrics.few_places import cost_to_few
from symmetry_pl.metrics.transport import transport_score
from symmetry_pl.metrics.transport_distance import transport_distance
from symmetry_pl.metrics.transport_floor import circle_distance, transport_floor


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dim", [2, 3])
def test_it_is_the_best_of_all_matchings(dim):
    one, two = random_rotations(5, dim, draws()), random_rotations(5, dim, draws(1))
    cost = (
        rotation_angle(one[:, None], two)
        if dim == 3
        else (one[:, None] - two).square().sum((2, 3)).sqrt()
    )
    best = min(cost[range(5), list(p)].mean() for p in itertools.permutations(range(5)))
    assert transport_distance(one, two) == pytest.approx(float(best))
    assert transport_distance(one, one.flip(0)) < 1e-7


def test_a_turn_of_all_elements_costs_its_angle():
    group = axial().sample(50, generator=draws())
    tilted = rotation_of(torch.tensor([[0.2, 0.0, 0.0]], dtype=torch.float64)) @ group
    assert transport_distance(tilted, group) == pytest.approx(0.2)


@pytest.mark.parametrize(("group", "dim"), [(icosahedral(), 3), (cyclic(4, None), 2)])
def test_elements_of_a_group_are_at_the_floor(group, dim):
    score = transport_score(group.sample(400, generator=draws(5)), group)
    assert score.distance == pytest.approx(score.floor, abs=0.08)
    assert score.relative > 0.4  # 400 elements: the floor itself is at .55
    chance = transport_score(random_rotations(400, dim, draws(6)), group)
    assert abs(chance.relative) < 0.15


@pytest.mark.parametrize("group", [cyclic(4, None), icosahedral(), axial((0.0, 0.6, 0.8))])
def test_the_floor_is_the_distance_of_two_samples(group):
    """The short ways agree with the matching of whole samples."""
    generator, count = draws(7), 60
    pairs = [[group.sample(count, generator=generator) for _ in range(2)] for _ in range(60)]
    whole = torch.tensor([transport_distance(*pair) for pair in pairs])
    found = transport_floor(group, count, draws(8), pairs=400)
    error = float(whole.std()) * (1 / 60 + 1 / 400) ** 0.5
    assert found == pytest.approx(float(whole.mean()), abs=4 * error)


@pytest.mark.parametrize("group", [cyclic(4, None), cyclic(7), icosahedral()])
@pytest.mark.parametrize("spread", [0.05, 0.5, 3.0])
def test_chains_of_moves_are_the_best_matching(group, spread):
    dim = group.elements.shape[-1]
    vectors = torch.randn(200, 2 * dim - 3, generator=draws(), dtype=torch.float64)
    found = rotation_of(spread * vectors)
    true = group.sample(200, generator=draws(1))
    if dim == 2:
        cost = (found[:, None] - true).flatten(2).norm(dim=2)
    else:
        cost = rotation_angle(found[:, None], true)
    rows, columns = linear_sum_assignment(cost.numpy())
    best = float(cost[rows, columns].mean())
    assert transport_distance(found, true) == pytest.approx(best, abs=1e-7)


def test_places_hold_as_many_points_as_there_are():
    with pytest.raises(ValueError, match=r"3 points need as much room, got \[1, 1\]"):
        cost_to_few(torch.rand(3, 2, generator=draws()).double().numpy(), np.array([1, 1]))


def test_a_matching_on_a_circle_is_its_closed_form():
    turns = 2 * math.pi * torch.rand(2, 80, generator=draws(), dtype=torch.float64)
    turns[1] = 0.3 * turns[1] + 6  # crowded, and around 0
    one, two = (rotation_of(torch.nn.functional.pad(t[:, None], (2, 0))) for t in turns)
    assert circle_distance(*turns) == pytest.approx(transport_distance(one, two))


def test_a_group_without_a_short_way_has_a_floor():
    assert 0.1 < transport_floor(axial(flips=True), 50, draws()) < 1
    with pytest.raises(ValueError, match="pairs must be at least 1, got 0"):
        transport_floor(cyclic(4), 10, draws(), pairs=0)


def test_each_draw_meets_its_own():
    group = cyclic(4, None)
    found = torch.stack([group.sample(40, generator=draws(k)) for k in range(2)])
    both = transport_score(found, group, repeats=2)
    generator = draws(0)
    fresh = [group.sample(40, generator=generator) for _ in range(2)]
    each = [transport_distance(one, two) for one, two in zip(found, fresh, strict=True)]
    assert both.distance == pytest.approx(sum(each) / 2)


def test_wrong_samples_are_one_sentence():
    eye = torch.eye(3).repeat(4, 1, 1)
    with pytest.raises(ValueError, match=r"of one size, got \(4, 3, 3\) and \(3, 3, 3\)"):
        transport_distance(eye, eye[:3])
    with pytest.raises(ValueError, match="finite"):
        transport_distance(eye * math.nan, eye)
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        transport_score(eye, cyclic(4), repeats=0)

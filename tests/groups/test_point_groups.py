"""Finite subgroups of the rotations and rotations about an axis: orders, closure, distances."""

import math

import pytest
import torch

from symmetry_pl.groups import axial, cyclic, dihedral, icosahedral, octahedral, tetrahedral
from symmetry_pl.groups.rotations import random_rotations, rotation_angle, rotation_of

AXIS = (0.0, 0.5, -(0.75**0.5))
FINITE = [
    *[(cyclic(n, AXIS), n) for n in (1, 2, 3, 4, 5, 12)],
    *[(dihedral(n, AXIS), 2 * n) for n in (2, 3, 6)],
    *[(cyclic(n, None), n) for n in (1, 4, 7)],
    *[(dihedral(n, None, (1.0, 2.0)), 2 * n) for n in (1, 3)],
    (tetrahedral(), 12),
    (octahedral(random_rotations(1, 3, torch.Generator().manual_seed(0))[0]), 24),
    (icosahedral(random_rotations(1, 3, torch.Generator().manual_seed(1))[0]), 60),
]


@pytest.mark.parametrize(("group", "order"), FINITE, ids=lambda g: getattr(g, "name", ""))
def test_finite_groups_are_closed_and_have_their_order(group, order):
    one = group.elements
    d = one.shape[-1]
    assert len(one) == group.order == order
    torch.testing.assert_close(one[0], torch.eye(d).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(one @ one.mT, torch.eye(d).double().expand_as(one))
    apart = (one[:, None] - one).square().sum((2, 3)) + 9 * torch.eye(order)
    assert apart.min() > 0.1
    products = (one[:, None] @ one).flatten(0, 1)
    assert group.distance(products).max() < 1e-7
    assert group.distance(one.mT).max() < 1e-7


def test_angles_of_polyhedra_are_those_of_their_axes():
    counts = {}
    for group in (tetrahedral(), octahedral(), icosahedral()):
        angle = rotation_angle(group.elements, torch.eye(3).double())
        turns = (angle * 180 / math.pi).round().long().tolist()
        counts[group.name] = {turn: turns.count(turn) for turn in set(turns)}
    assert counts["T"] == {0: 1, 120: 8, 180: 3}
    assert counts["O"] == {0: 1, 90: 6, 120: 8, 180: 9}
    assert counts["I"] == {0: 1, 72: 12, 120: 20, 144: 12, 180: 15}


@pytest.mark.parametrize("flips", [False, True])
def test_rotations_about_an_axis_keep_it(flips):
    group = axial(AXIS, flips)
    drawn = group.sample(400, generator=torch.Generator().manual_seed(0))
    axis = torch.tensor(AXIS, dtype=torch.float64)
    kept = drawn @ axis @ axis
    torch.testing.assert_close(kept.abs(), torch.ones(400).double())
    assert abs((kept < 0).double().mean() - 0.5 * flips) < 0.1
    assert group.distance(drawn).max() < 1e-7
    off = rotation_of(0.1 * torch.tensor([[1.0, 0.0, 0.0]]).double())
    torch.testing.assert_close(group.distance(off), torch.tensor([0.1]).double())
    assert group.order == math.inf


def test_draws_are_uniform_and_mirror_images_are_far():
    group = dihedral(3, None)
    drawn = group.sample(6000, generator=torch.Generator().manual_seed(0))
    counts = ((drawn[:, None] - group.elements).abs().sum((2, 3)) < 1e-9).sum(0)
    assert counts.sum() == 6000
    assert counts.min() > 850
    mirror = torch.diag(torch.tensor([1.0, -1.0])).double()[None]
    assert cyclic(4, None).distance(mirror) == math.pi
    assert group.distance(mirror) == 0


def test_wrong_axes_are_one_sentence():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        cyclic(0)
    with pytest.raises(ValueError, match="axis must be 2 or 3 finite numbers that are not all 0"):
        cyclic(3, (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="without its part along the axis"):
        dihedral(3, (0.0, 0.0, 1.0), (0.0, 0.0, 2.0))

"""Shifts and turns as a group of their own."""

import math

import pytest
import torch

from symmetry_pl.groups import AffineGroup, build_group
from symmetry_pl.testing import assert_group

THREE = [0.25, 0.25, math.pi]


def test_it_is_a_group():
    assert_group(AffineGroup(THREE, "rigid"), dtype=torch.float64)


def test_it_is_the_polar_chart_without_stretch():
    group, polar = AffineGroup(THREE, "rigid"), AffineGroup([*THREE, 0, 0, 0], "polar")
    eta = torch.randn(20, 3, dtype=torch.float64)
    longer = torch.cat([eta, torch.zeros_like(eta)], 1)
    assert torch.equal(group.element(eta), polar.element(longer))
    again = group.coordinates(group.element(eta))
    assert torch.allclose(again[:, :2], eta[:, :2])
    turn = torch.remainder(again[:, 2] - eta[:, 2] + 1, 2 * math.pi)
    assert torch.allclose(turn, torch.ones_like(turn))


def test_what_it_cannot_name_is_refused():
    group = AffineGroup(THREE, "rigid")
    with pytest.raises(ValueError, match="stretches or mirrors"):
        group.coordinates(torch.diag(torch.tensor([1.1, 1.0, 1.0]))[None])
    with pytest.raises(ValueError, match="stretches or mirrors"):
        group.coordinates(torch.diag(torch.tensor([-1.0, 1.0, 1.0]))[None])
    with pytest.raises(ValueError, match="needs 3 bounds"):
        build_group("affine", bounds=[0.1] * 6, chart="rigid")

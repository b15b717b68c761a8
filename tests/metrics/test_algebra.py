"""Angles between spaces of generators, and whether they close."""

import math

import pytest
import torch
from scipy.linalg import subspace_angles

from symmetry_pl.metrics.algebra import (
    algebra_scores,
    algebra_shares,
    closure_residual,
    principal_angle,
    random_angle,
)


def turns():
    """The three generators of SO(3)."""
    full = torch.zeros(3, 3, 3, dtype=torch.float64)
    for k, (a, b) in enumerate(((1, 2), (2, 0), (0, 1))):
        full[k, b, a], full[k, a, b] = 1.0, -1.0
    return full


def test_angle_is_scipys():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
    expected = math.degrees(subspace_angles(a.flatten(1).T.numpy(), b.flatten(1).T.numpy()).max())
    assert float(principal_angle(a, b)) == pytest.approx(expected, abs=1e-9)


def test_angle_does_not_depend_on_the_basis():
    mixed = torch.einsum(
        "jk,kab->jab", torch.tensor([[1.0, 2, 0], [0, 1, 3], [1, 0, 1]]).double(), turns()
    )
    assert float(principal_angle(mixed, turns())) == pytest.approx(0, abs=1e-6)


def test_spaces_of_other_dimensions_are_apart():
    assert float(principal_angle(turns()[:2], turns())) == 90
    assert float(principal_angle(turns()[:0], turns()[:0])) == 0


def test_a_lie_algebra_closes_and_a_part_of_it_does_not():
    assert float(closure_residual(turns())) == pytest.approx(0, abs=1e-12)
    assert float(closure_residual(turns()[:2])) == pytest.approx(0.5)


def test_a_random_space_is_far():
    assert 70 < random_angle(1, 4) < random_angle(3, 4) < 90


def test_scores_without_symmetry_have_no_angle():
    assert algebra_scores(turns()[:0], []) == {"generators_right": 1.0}
    assert algebra_scores(turns()[:1], []) == {"generators_right": 0.0}
    assert algebra_scores(turns(), turns().tolist())["generator_angle"] == pytest.approx(
        0, abs=1e-6
    )


def test_algebras_are_compared_as_spans():
    generator = torch.Generator().manual_seed(0)
    units = torch.linalg.qr(torch.randn(9, 9, generator=generator, dtype=torch.float64))[0].view(
        9, 3, 3
    )
    truth = units[:3]
    mixed = torch.einsum(
        "ij,jkl->ikl", torch.randn(3, 3, generator=generator, dtype=torch.float64), truth
    )
    assert algebra_shares(mixed, truth) == pytest.approx(
        {"algebra_cosine": 1, "algebra_coverage": 1}
    )
    part = algebra_shares(units[[0, 5]], truth)
    assert part == pytest.approx({"algebra_cosine": 0.5, "algebra_coverage": math.sqrt(1 / 3)})
    one, other = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
    known = float((one * other).sum().abs() / one.norm() / other.norm())
    both = algebra_shares(one[None], other[None])
    assert both == pytest.approx({"algebra_cosine": known, "algebra_coverage": known})

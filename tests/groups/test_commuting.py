"""Commuting rotations: group laws for any planes and angles, and the shifts of a torus."""

import pytest
import torch

from symmetry_pl.groups.commuting import CommutingSubgroup, cayley, torus
from symmetry_pl.groups.subgroup import cycle_logarithm


def subgroup(size, count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    planes = torch.linalg.qr(torch.randn(size, size, generator=generator).double()).Q
    return CommutingSubgroup(planes, torch.randn(count, size // 2, generator=generator).double())


@pytest.mark.parametrize("size", [6, 7])
def test_generators_are_rotations_that_commute_and_have_these_logarithms(size):
    group = subgroup(size)
    first, second = group.generators()
    eye = torch.eye(size, dtype=torch.float64)
    torch.testing.assert_close(first @ first.T, eye)
    assert torch.linalg.det(second) == pytest.approx(1.0)
    torch.testing.assert_close(first @ second, second @ first)
    logarithms = group.logarithms()
    torch.testing.assert_close(logarithms, -logarithms.mT)
    torch.testing.assert_close(torch.matrix_exp(logarithms), group.generators())


def test_powers_compose_and_orbits_and_moves_are_of_the_same_element():
    group = subgroup(7)
    t, u = torch.tensor([0.3, -1.2]).double(), torch.tensor([1.5, 0.4]).double()
    torch.testing.assert_close(group.element(t) @ group.element(u), group.element(t + u))
    torch.testing.assert_close(group.element(torch.zeros(2).double()), torch.eye(7).double())
    steps = torch.tensor([2.0, -1.0]).double()
    first, second = group.generators()
    torch.testing.assert_close(group.element(steps), first @ first @ second.T)
    vector = torch.arange(7.0).double()
    torch.testing.assert_close(group.orbit(vector, t[None])[0], vector @ group.element(t))
    torch.testing.assert_close(group.transform(vector[None], t)[0], group.element(t) @ vector)
    each = group.transform(vector.expand(2, -1), torch.stack([t, u]))
    torch.testing.assert_close(each[1], group.element(u) @ vector)


@pytest.mark.parametrize("lengths", [(5,), (4,), (3, 5), (4, 5), (4, 6)])
def test_torus_has_the_logarithms_of_its_cycles(lengths):
    group = CommutingSubgroup(*torus(lengths))
    for axis, found in enumerate(group.logarithms()):
        expected = torch.ones(1, 1, dtype=torch.float64)
        for k, length in enumerate(lengths):
            one = torch.eye(length, dtype=torch.float64)
            other = cycle_logarithm(length, torch.float64)
            expected = torch.kron(expected, other if k == axis else one)
        torch.testing.assert_close(found, expected)


def test_a_larger_space_rests_but_for_the_torus():
    group = CommutingSubgroup(*torus((3, 3), 12))
    beyond = torch.eye(12, dtype=torch.float64)[9:]
    torch.testing.assert_close(beyond @ group.generators()[1], beyond)
    with pytest.raises(ValueError, match="a grid of 12 positions has no room in 11"):
        torus((3, 4), 11)


def test_a_cayley_transform_is_a_rotation_near_an_exponential():
    matrix = torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).double()
    turn = cayley(10 * matrix)
    torch.testing.assert_close(turn @ turn.T, torch.eye(6).double())
    near = torch.matrix_exp((0.01 * matrix - 0.01 * matrix.T) / 2)
    torch.testing.assert_close(cayley(0.01 * matrix), near, rtol=0, atol=1e-5)
    assert torch.autograd.gradcheck(cayley, (matrix.requires_grad_(),))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"planes \(N, N\) need angles"):
        CommutingSubgroup(torch.eye(4), torch.zeros(2, 3))

"""Exponentials and logarithms against scipy and finite differences."""

import math

import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from symmetry_pl.groups import affine_exponential, affine_logarithm, plane_logarithm
from symmetry_pl.groups.matrices import affine_inverse, has_logarithm, multiply

SHEAR = [[1.0, 0.7], [0.0, 1.0]]


def algebra(count, scale, seed=0):
    generator = torch.Generator().manual_seed(seed)
    matrices = scale * torch.randn(count, 3, 3, generator=generator, dtype=torch.float64)
    matrices[:, 2] = 0
    return matrices


def rotation(angle, scale=1.0):
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return [[c, -s], [s, c]]


def by_scipy(function, matrices):
    return torch.stack([torch.from_numpy(function(m.numpy()).real) for m in matrices])


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e-6, 1e-2, 0.4, 1.2, 3.0])
def test_exponential_is_scipys(scale):
    matrices = algebra(40, scale)
    ours, theirs = affine_exponential(matrices), by_scipy(scipy.linalg.expm, matrices)
    size = theirs.abs().amax((1, 2), keepdim=True)
    torch.testing.assert_close(ours / size, theirs / size, rtol=0, atol=5e-12)


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e-3, 0.3, 0.8])
def test_logarithm_is_scipys_and_undoes_the_exponential(scale):
    elements = affine_exponential(algebra(40, scale))
    ours = affine_logarithm(elements)
    torch.testing.assert_close(ours, by_scipy(scipy.linalg.logm, elements), rtol=0, atol=1e-12)
    torch.testing.assert_close(affine_exponential(ours), elements, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logarithm_keeps_its_digits_up_to_a_half_turn(dtype):
    angles = [sign * (math.pi - gap) for gap in (1.0, 1e-2, 1e-4) for sign in (1, -1)]
    turns = torch.tensor([rotation(angle, 1.3) for angle in angles], dtype=dtype)
    got = plane_logarithm(turns)
    expected = torch.tensor(
        [[[math.log(1.3), -a], [a, math.log(1.3)]] for a in angles], dtype=dtype
    )
    torch.testing.assert_close(got, expected, rtol=0, atol=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize(
    "matrix",
    [rotation(0.0), rotation(1e-9), rotation(2.0, 0.8), rotation(-3.1), SHEAR,
     [[2.0, 0.0], [0.0, 0.4]], [[5.0, 0.3], [0.3, 5.0]]],
)  # fmt: skip
def test_logarithm_has_the_right_gradient_at_turns_stretches_and_the_identity(matrix):
    linear = torch.tensor(matrix, dtype=torch.float64).requires_grad_()
    assert gradcheck(plane_logarithm, (linear,))
    affine = torch.eye(3, dtype=torch.float64)
    affine[:2, :2] = linear.detach()
    affine[:2, 2] = torch.tensor([0.3, -0.2])
    assert gradcheck(affine_logarithm, (affine.requires_grad_(),))


@pytest.mark.parametrize("scale", [0.0, 1e-7, 0.5, 2.0])
def test_exponential_has_the_right_gradient_and_second_derivative(scale):
    top = algebra(2, scale)[:, :2].requires_grad_()

    def exponential(rows):
        return affine_exponential(torch.nn.functional.pad(rows, (0, 0, 0, 1)))

    assert gradcheck(exponential, (top,))
    assert torch.autograd.gradgradcheck(exponential, (top,))


@pytest.mark.parametrize(
    ("matrix", "exists"),
    [(rotation(0.0), True), (rotation(3.14), True), (SHEAR, True), ([[2.0, 0], [0, 3]], True),
     ([[-1.0, -1e-16], [0.0, -1.0]], False), ([[-1.0, 0], [0, -1.0]], False),
     ([[-2.0, 0], [0, -1.0]], False), ([[-1.0, 0], [0, 1]], False), ([[1.0, 0], [0, 0]], False),
     ([[-1.0, 1], [0, -1.0]], False)],
)  # fmt: skip
def test_which_matrices_have_a_principal_logarithm(matrix, exists):
    linear = torch.tensor(matrix, dtype=torch.float64)
    assert bool(has_logarithm(linear)) is exists
    if exists:
        assert plane_logarithm(linear).isfinite().all()


def test_inverse_and_product():
    a, b = affine_exponential(algebra(20, 0.7)), affine_exponential(algebra(20, 0.7, seed=1))
    torch.testing.assert_close(affine_inverse(a), torch.linalg.inv(a), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(multiply(a, b), a @ b)
    assert multiply(a.float(), b).dtype == torch.float64
    assert multiply(a.bfloat16(), b.half()).dtype == torch.float32
    assert affine_inverse(a[0]).shape == (3, 3)
    assert affine_logarithm(torch.empty(0, 4, 3, 3)).shape == (0, 4, 3, 3)

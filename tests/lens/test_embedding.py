"""A basis becomes a generator and a filter whose lifting matrix is that basis."""

import pytest
import torch

from symmetry_pl.groups.subgroup import OneParameterSubgroup, crop, lift_matrix, pad, ring_logarithm
from symmetry_pl.lens.embedding import embed, positions, room


def _basis(dim):
    generator = torch.Generator().manual_seed(dim)
    return torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64, generator=generator)).Q


@pytest.mark.parametrize(
    ("dim", "padding", "topology"),
    [(7, 7, "chain"), (8, 8, "chain"), (5, 2, "chain"), (7, None, "ring"), (8, None, "ring")],
)
def test_lifting_matrix_is_the_basis(dim, padding, topology):
    basis = _basis(dim)
    parameter, resolving = embed(basis, room(dim, topology, padding), topology)
    subgroup = OneParameterSubgroup(parameter)
    lift = lift_matrix(subgroup, resolving, positions(dim).double())
    torch.testing.assert_close(lift, basis, atol=1e-12, rtol=0)
    # rows move up: q_kᵀ G = q_{k+1}ᵀ
    expected = basis[:-1].T @ basis[1:]
    if topology == "ring":
        expected += torch.outer(basis[-1], basis[0])
    torch.testing.assert_close(crop(subgroup.generator(), dim), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("dim", [4, 6, 10])
def test_an_even_ring_turns_by_interpolation(dim):
    subgroup = OneParameterSubgroup(ring_logarithm(dim, torch.float64))
    eye = torch.eye(dim, dtype=torch.float64)
    shift = crop(subgroup.generator(), dim)
    torch.testing.assert_close(shift, eye.roll(-1, 0), atol=1e-12, rtol=0)
    assert torch.linalg.det(shift) == pytest.approx(-1)
    assert torch.linalg.det(subgroup.generator()) == pytest.approx(1)
    # half a step is what the Fourier transform has: the highest wave is cos(pi/2) of itself
    wave = torch.arange(dim // 2 + 1, dtype=torch.float64)
    x = torch.randn(3, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turn = torch.exp(2j * torch.pi * wave / dim * 0.5).clone()
    turn[-1] = float(turn[-1].real)
    expected = torch.fft.irfft(torch.fft.rfft(x) * turn, n=dim)
    moved = subgroup.transform(pad(x, 1), 0.5)[:, 1:-1]
    torch.testing.assert_close(moved, expected, atol=1e-12, rtol=0)

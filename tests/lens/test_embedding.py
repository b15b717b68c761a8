"""A basis becomes a generator and a filter whose lifting matrix is that basis."""

import pytest
import torch

from symmetry_pl.groups.subgroup import OneParameterSubgroup, crop, lift_matrix
from symmetry_pl.lens.embedding import embed, positions


def _basis(dim):
    generator = torch.Generator().manual_seed(dim)
    return torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64, generator=generator)).Q


@pytest.mark.parametrize(("dim", "padding"), [(7, 7), (8, 8), (5, 2), (7, 0)])
def test_lifting_matrix_is_the_basis(dim, padding):
    basis = _basis(dim)
    parameter, resolving = embed(basis, padding)
    subgroup = OneParameterSubgroup(parameter)
    lift = lift_matrix(subgroup, resolving, positions(dim).double())
    torch.testing.assert_close(lift, basis, atol=1e-12, rtol=0)
    # rows move up: q_kᵀ G = q_{k+1}ᵀ
    expected = basis[:-1].T @ basis[1:]
    if padding == 0:
        expected += torch.outer(basis[-1], basis[0])
    torch.testing.assert_close(crop(subgroup.generator(), dim), expected, atol=1e-12, rtol=0)


def test_an_even_ring_is_refused():
    with pytest.raises(ValueError, match="ring of 6 positions has determinant -1"):
        embed(torch.eye(6), 0)

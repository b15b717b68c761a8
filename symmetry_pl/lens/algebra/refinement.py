"""A loss of generators that further functions and samples lower."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.lens.algebra.equations import inverse_root, mean_equations, residuals
from symmetry_pl.lens.algebra.moment_functions import FunctionBank

__all__ = ["orthonormal", "violation_loss"]


def orthonormal(matrices: Tensor) -> Tensor:
    """An orthonormal basis of the span of ``(g, d, d)`` matrices, of the same shape."""
    basis: Tensor = torch.linalg.qr(matrices.flatten(1).T)[0].T.reshape(matrices.shape)
    return basis


def violation_loss(bank: FunctionBank, z: Tensor, matrices: Tensor) -> Tensor:
    r"""How much the span of matrices X breaks the law of ``(n, d)`` samples, without bias.

    .. math:: \sum_j \langle R\, \bar r'_j, R\, \bar r''_j \rangle

    with the mean equations r' and r'' of the two halves of the samples, whose noise is independent.
    A scalar, 0 in expectation for a symmetry; differentiable in the ``(g, d, d)`` matrices.
    """
    if not len(matrices):
        return matrices.sum()
    basis = orthonormal(matrices)
    with torch.no_grad():
        noise = residuals(bank, z, basis)
        flat = (noise - noise.mean(0)).permute(0, 2, 1).flatten(0, 1)
        root = inverse_root(flat.T @ flat / len(flat))
        first, second = (root @ mean_equations(bank, half) for half in (z[::2], z[1::2]))
    columns = basis.flatten(1).T
    return ((first @ columns) * (second @ columns)).sum()

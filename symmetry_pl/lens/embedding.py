"""From an orthonormal basis of hidden positions to the parameters of SymmetryLens."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.subgroup import cycle_logarithm
from symmetry_pl.lens.requirements import check_ring


def positions(dim: int) -> Tensor:
    """Powers of the generator in the rows of the lifting matrix: −⌊(d−1)/2⌋ … ⌊d/2⌋, ``(d,)``.

    For odd d these are the paper's. Its half-integers for even d would ask the filter to lie
    between two pixels; whole numbers serve any d.

    >>> positions(3).tolist(), positions(4).tolist()
    ([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0, 2.0])
    """
    return torch.arange(dim, dtype=torch.get_default_dtype()) - (dim - 1) // 2


def embed(basis: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    r"""Generator parameter A and filter φ whose lifting matrix is a given basis, exactly.

    .. math:: A = B^\top S_\mathrm{cycle} B, \quad B = \mathrm{diag}(I_p, Q, I_p), \quad
        \varphi = q_{\lfloor (d-1)/2 \rfloor}

    The padded line is closed to a cycle, whose shift has an exact real logarithm.

    Args:
        basis: Q, ``(d, d)``, orthogonal; row k is the direction of hidden position k.
        padding: p zeros on both sides; 0 makes the d positions a ring.

    Returns:
        A ``(d + 2p, d + 2p)``, antisymmetric, and φ ``(d,)``, of the dtype of the basis.

    Raises:
        ValueError: for a ring of even d: its shift has determinant −1 and is no rotation.
    """
    d = len(basis)
    if padding == 0:
        check_ring(d)
    whole = torch.eye(d + 2 * padding, dtype=basis.dtype, device=basis.device)
    whole[padding : padding + d, padding : padding + d] = basis
    logarithm = cycle_logarithm(len(whole), basis.dtype, basis.device)
    return whole.T @ logarithm @ whole, basis[(d - 1) // 2].clone()

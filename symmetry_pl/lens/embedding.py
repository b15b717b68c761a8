"""From an orthonormal basis of hidden positions to the parameters of SymmetryLens."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Topology
from symmetry_pl.groups.subgroup import cycle_logarithm, ring_logarithm


def positions(dim: int) -> Tensor:
    """Powers of the generator in the rows of the lifting matrix: −⌊(d−1)/2⌋ … ⌊d/2⌋, ``(d,)``.

    For odd d these are the paper's. Its half-integers for even d would ask the filter to lie
    between two pixels; whole numbers serve any d.

    >>> positions(3).tolist(), positions(4).tolist()
    ([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0, 2.0])
    """
    return torch.arange(dim, dtype=torch.get_default_dtype()) - (dim - 1) // 2


def room(dim: int, topology: Topology, padding: int | None) -> int:
    """Zeros on either side of a filter: those asked for, or d, on a chain; 0 or 1 on a ring.

    An even ring has one, as its shift is a rotation only in more dimensions; see
    ``ring_logarithm``.

    >>> room(6, "chain", None), room(6, "ring", None), room(7, "ring", None)
    (6, 1, 0)
    """
    if topology == "ring":
        return 1 - dim % 2
    return dim if padding is None else padding


def embed(basis: Tensor, padding: int, topology: Topology = "chain") -> tuple[Tensor, Tensor]:
    r"""Generator parameter A and filter φ whose lifting matrix is a given basis, exactly.

    .. math:: A = B^\top S B, \quad B = \mathrm{diag}(I_p, Q, I_p), \quad
        \varphi = q_{\lfloor (d-1)/2 \rfloor}

    S is the exact real logarithm of the shift on the padded line, closed to a cycle, or on the
    ring.

    Args:
        basis: Q, ``(d, d)``, orthogonal; row k is the direction of hidden position k.
        padding: p zeros on both sides, as many as ``room`` gives.
        topology: whether the d positions are a ``chain`` or a ``ring``.

    Returns:
        A ``(d + 2p, d + 2p)``, antisymmetric, and φ ``(d,)``, of the dtype of the basis.
    """
    d = len(basis)
    whole = torch.eye(d + 2 * padding, dtype=basis.dtype, device=basis.device)
    whole[padding : padding + d, padding : padding + d] = basis
    if topology == "ring":
        logarithm = ring_logarithm(d, basis.dtype, basis.device)
    else:
        logarithm = cycle_logarithm(len(whole), basis.dtype, basis.device)
    return whole.T @ logarithm @ whole, basis[(d - 1) // 2].clone()

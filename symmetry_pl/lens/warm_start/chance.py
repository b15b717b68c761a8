"""How often second moments alone let two halves of the data agree so well."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.smooth import basis_cosine

__all__ = ["chance_of_agreement"]

_SURROGATES = 999
_ALL = 10  # positions up to which all signs are gone through
_ROUNDING = 1e-6


def chance_of_agreement(
    bases: tuple[Tensor, Tensor], eigenvectors: Tensor, lattice: Lattice, generator: torch.Generator
) -> float:
    r"""p-value that two halves agree by their second moments alone.

    .. math:: p = P(a(Q_1, Q_1 U D U^\top) \ge a(Q_1, Q_2)), \quad D_{jj} = \pm 1

    with U the eigenvectors of the covariance, on whose signs D stationarity of the second moments
    does not depend. Each D is as likely; up to ten positions all are gone through, of more 999 are
    drawn. The agreement a is the cosine of the generators on a chain. On a ring, whose generator
    each pair of equal eigenvalues gives up to a direction, it is that of the positions,

    .. math:: a(Q, Q') = \max_{\sigma} \frac1d \Big|\sum_k q_{\sigma(k)} \cdot q'_k\Big|

    over turns and reflections σ of the ring.

    Args:
        bases: Q of each half, ``(d, d)``.
        eigenvectors: U of the first half, ``(d, d)``, one a column.
        lattice: chain or ring.
        generator: draws signs.

    Returns:
        At least 1/1000, and at least the share of signs that only reflect the positions: 1/32 at
        seven of them.
    """
    turn, dim = bases[0] @ eigenvectors, lattice.dim
    if dim <= _ALL:
        signs = 1.0 - 2 * ((torch.arange(2**dim)[:, None] >> torch.arange(dim)) & 1).double()
    else:
        signs = torch.randint(0, 2, (_SURROGATES, dim), generator=generator).double() * 2 - 1
    if lattice.topology == "chain":
        chance, seen = _of_generators(turn, signs, lattice), basis_cosine(*bases, lattice)
    else:
        orders = torch.stack(list(Domain.line(dim, "ring").orders()))
        chance = torch.stack([_of_positions((turn * row) @ turn.T, orders) for row in signs])
        seen = float(_of_positions(bases[0] @ bases[1].T, orders))
    reached = int((chance >= seen - _ROUNDING).sum())
    return reached / len(signs) if dim <= _ALL else (1 + reached) / (1 + len(signs))


def _of_generators(turn: Tensor, signs: Tensor, lattice: Lattice) -> Tensor:
    one = turn.T @ lattice.shift() @ turn
    overlap = [torch.einsum("nj,jk,nk->n", signs, one * other, signs) for other in (one, one.T)]
    return torch.stack(overlap).amax(0) / lattice.shift().square().sum()


def _of_positions(overlap: Tensor, orders: Tensor) -> Tensor:
    """Best agreement of positions whose overlaps are ``(d, d)``."""
    return overlap[orders, torch.arange(len(overlap))].mean(1).abs().amax()

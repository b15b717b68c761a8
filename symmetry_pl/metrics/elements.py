"""How close learned group elements and Lie algebras come to the true ones."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology, as_domain
from symmetry_pl.metrics.generator import Matrix, ideal_generator

__all__ = [
    "Nearest",
    "invariant_form",
    "nearest_on_subgroup",
    "nearest_power",
    "orthogonal_ceiling",
    "power_floor",
    "subgroup_floor",
]

_REACH = 4 * math.pi  # largest |t| ‖L‖: two turns of the fastest plane to either side
_GRID = 1601
_ZOOM = 33
_ROUNDS = 3
_DRAWS = 1000  # of a floor of powers
_FEW_DRAWS = 50  # of a floor of subgroups, each with a search of its own


class Nearest(NamedTuple):
    """The member of a family that is next to a matrix.

    Args:
        cosine: with it, ⟨A, B⟩ / (‖A‖ ‖B‖).
        at: which; a time t, or a power s.
    """

    cosine: float
    at: float


def nearest_on_subgroup(algebra: Tensor, target: Tensor) -> Nearest:
    r"""The element of a one-parameter subgroup next to a matrix.

    .. math:: \max_{|t|\, \|L\|_2 \le 4 \pi} \cos(e^{tL}, S)

    The cosine oscillates in t: a grid of 1601 times, then three rounds of zoom around the best. A
    longer reach would come closer to any target, as frequencies of L have no common period.

    Args:
        algebra: L, ``(n, n)``.
        target: S, ``(n, n)``.

    >>> turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    >>> found = nearest_on_subgroup(0.1 * turn, turn)  # a quarter turn either way round
    >>> round(found.cosine, 6), round(abs(found.at) * 0.1 % (2 * math.pi), 3) in (1.571, 4.712)
    (1.0, True)
    """
    one, ideal = algebra.detach().double().cpu(), target.detach().double().cpu()
    size = float(torch.linalg.matrix_norm(one, 2))
    if not size:
        return Nearest(float(_cosines(torch.eye(len(one)).double()[None], ideal)[0]), 0.0)
    times = torch.linspace(-_REACH, _REACH, _GRID, dtype=torch.float64) / size
    for _ in range(_ROUNDS + 1):
        values = _cosines(torch.matrix_exp(times[:, None, None] * one), ideal)
        best = int(values.argmax())
        found = Nearest(float(values[best]), float(times[best]))
        step = float(times[1] - times[0])
        times = found.at + torch.linspace(-step, step, _ZOOM, dtype=torch.float64)
    return found


def nearest_power(
    element: Tensor, ideal_basis: Matrix, domain: Domain | Topology = "ring", moving: bool = False
) -> Nearest:
    r"""The whole power of the unit shift next to an element, s = −⌊(d−1)/2⌋ … ⌊d/2⌋ on a line.

    .. math:: \max_s \cos(Q, S^s)

    The identity s = 0 is a symmetry of everything; the comparison of the SymmetryLens paper counts
    it, so that a method that learns nothing scores 1.

    Args:
        element: Q, ``(d, d)``.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction of hidden position k.
        domain: of the positions, one line of them.
        moving: leave the identity out.
    """
    wide = element.detach().double().cpu()
    powers, ideals = _powers(ideal_basis, as_domain(domain, len(wide)), moving)
    values = _cosines(ideals, wide)
    best = int(values.argmax())
    return Nearest(float(values[best]), float(powers[best]))


def orthogonal_ceiling(ideal: Tensor) -> float:
    r"""The largest cosine that a rotation can have with a matrix S, ``(n, n)``.

    .. math:: \max_{Q \in SO(n)} \cos(Q, S) = \sum_i \sigma_i / (\sqrt{n}\, \|S\|)

    with the least singular value σ counted negative where det S < 0 (orthogonal Procrustes).

    >>> round(orthogonal_ceiling(torch.diag(torch.ones(6), -1)), 4)  # a chain of 7: √(6/7)
    0.9258
    """
    wide = ideal.detach().double().cpu()
    sigma = torch.linalg.svdvals(wide)
    total = sigma.sum() - (2 * sigma[-1] if torch.det(wide) < 0 else 0)
    return float(total / (math.sqrt(len(wide)) * wide.norm()))


@lru_cache
def power_floor(size: int, topology: Topology, moving: bool = False) -> float:
    """Mean cosine of a random rotation with the power next to it, over 1000 draws.

    Args:
        size: d.
        topology: of the line.
        moving: as of ``nearest_power``.
    """
    _, ideals = _powers(torch.eye(size), Domain.line(size, topology), moving)
    normal = torch.randn(
        _DRAWS, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]  # of the uniform law on O(d)
    q[:, :, 0] *= torch.det(q)[:, None].sign()
    cosines = torch.einsum("nij,pij->np", q, ideals / ideals.flatten(1).norm(dim=1)[:, None, None])
    return float(cosines.max(1).values.mean()) / math.sqrt(size)


@lru_cache
def subgroup_floor(size: int, topology: Topology) -> float:
    """Mean of ``nearest_on_subgroup`` for normal matrices and the unit shift, over 50 draws."""
    ideal = Domain.line(size, topology).shift()
    normal = torch.randn(
        _FEW_DRAWS, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    return sum(nearest_on_subgroup(one, ideal).cosine for one in normal) / len(normal)


def invariant_form(algebra: Tensor) -> Tensor:
    r"""The quadratic form that Lie algebra generators leave alone, best of all unit matrices.

    .. math:: J = \arg\min_{\|J\| = 1,\, J = J^\top} \sum_c \|L_c^\top J + J L_c\|^2

    (LieGAN, section 3.4: for the Lorentz group the metric tensor.)

    Args:
        algebra: ``(c, n, n)``.

    Returns:
        ``(n, n)``, float64, up to sign.
    """
    wide = algebra.detach().double().cpu()
    wide = wide / wide.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None]
    n = wide.shape[-1]
    units = torch.eye(n * n, dtype=torch.float64).view(n * n, n, n)
    symmetric = (units + units.mT)[[i * n + j for i in range(n) for j in range(i, n)]]
    symmetric = symmetric / symmetric.flatten(1).norm(dim=1)[:, None, None]
    change = wide.mT[:, None] @ symmetric + symmetric @ wide[:, None]
    rows = change.permute(0, 2, 3, 1).reshape(-1, len(symmetric))
    least = torch.linalg.svd(rows)[2][-1]
    form: Tensor = torch.einsum("k,kij->ij", least, symmetric)
    return form


def _cosines(many: Tensor, one: Tensor) -> Tensor:
    """Cosines of ``(N, n, n)`` with ``(n, n)``; −1 where an exponential has overflowed."""
    norms = many.flatten(1).norm(dim=1) * one.norm()
    cosines: Tensor = (many * one).sum((1, 2)) / norms
    return cosines.nan_to_num(-1.0, -1.0, -1.0)


def _powers(basis: Matrix, domain: Domain, moving: bool) -> tuple[list[int], Tensor]:
    """Whole powers of the shift along a line, and their matrices ``(p, d, d)``."""
    if domain.dimensions != 1:
        raise ValueError(f"powers are those of one shift, and the domain has {domain.dimensions}")
    d = domain.size
    powers = [s for s in range(-((d - 1) // 2), d // 2 + 1) if s or not moving]
    like = torch.empty(0, dtype=torch.float64)
    return powers, torch.stack([ideal_generator(basis, domain, s, like) for s in powers])

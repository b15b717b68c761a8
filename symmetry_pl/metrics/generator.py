"""How close a learned one-parameter symmetry comes to the true one, where that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "Minimality",
    "cosine",
    "filter_locality",
    "generator_cosine",
    "generator_scores",
    "ideal_generator",
    "lifting_error",
    "minimality",
    "nearest_generator",
    "nearest_lifting",
    "stationarity_residual",
]

Matrix = Tensor | Sequence[Sequence[float]]
"""A matrix as a tensor or, as in a DataDescription, as a nested list."""

POWERS = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0)
"""Powers of the unit shift that a generator is compared with, the nearest to the unit first."""
_TIE = 1e-9  # cosines that differ by less are equal: on a ring of 3, two steps are one step back


class Minimality(NamedTuple):
    """Which power of the unit shift a generator is.

    Args:
        power: the one of the largest cosine; ±1 if the generator is minimal.
        cosine: with that power.
        cosines: with each power.
    """

    power: float
    cosine: float
    cosines: dict[float, float]


def cosine(a: Tensor, b: Tensor) -> Tensor:
    r"""Cosine of two matrices, ⟨A, B⟩ / (‖A‖ ‖B‖) with Frobenius norms; a scalar, −1 … 1."""
    value: Tensor = (a * b).sum() / (a.norm() * b.norm())
    return value


def ideal_generator(
    ideal_basis: Matrix, topology: str = "chain", power: float = 1.0, like: Tensor | None = None
) -> Tensor:
    r"""Matrix that moves a signal by ``power`` hidden positions.

    .. math:: \sum_{jk} \kappa(j - k - p)\; q_j q_k^\top, \quad \kappa(r) =
        \mathrm{sinc}(r) \text{ or, on a ring, } \frac{1}{d} \sum_\omega \cos(2 \pi \omega r / d)

    which for a whole number p is Σ_k q_{k+p} q_kᵀ, and for a fraction is band-limited
    interpolation; ω are the d frequencies nearest to 0. On a chain what would leave it is lost.

    Args:
        ideal_basis: ``(d, d)``, orthonormal, row k the direction q_k of hidden position k.
        topology: ``"chain"`` or ``"ring"``.
        power: p, in positions.
        like: a tensor whose dtype and device the result has.

    Returns:
        ``(d, d)``.

    Raises:
        ValueError: for another topology or a basis that is not orthonormal.

    >>> ideal_generator([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    tensor([[0., 0., 0.],
            [1., 0., 0.],
            [0., 1., 0.]])
    """
    q = _basis(ideal_basis, like)
    position = torch.arange(len(q), dtype=torch.float64, device=q.device)
    r = torch.cat([position.flip(0)[:-1].neg(), position]) - power
    if _is_ring(topology):
        frequency = position - (len(q) - 1) // 2
        kernel = torch.cos(2 * torch.pi / len(q) * torch.outer(r, frequency)).mean(1)
    else:
        kernel = torch.sinc(r)
    if power == round(power):
        kernel = kernel.round()
    lag = (position[:, None] - position).long() + len(q) - 1
    return q.T @ kernel[lag].to(q) @ q


def nearest_generator(generator: Matrix, ideal_basis: Matrix, topology: str = "chain") -> Tensor:
    """The unit shift of hidden positions, in that of its two directions that is nearer, (d, d)."""
    g = _square("generator", generator)
    forth = ideal_generator(ideal_basis, topology, like=g)
    _same_size("generator", g, forth)
    return max(forth, forth.T, key=lambda ideal: float(cosine(g, ideal)))


def generator_cosine(generator: Matrix, ideal_basis: Matrix, topology: str = "chain") -> Tensor:
    r"""Cosine of a generator with the unit shift, the larger of its two directions.

    .. math:: \max_\pm \frac{\langle G, S^{\pm 1} \rangle}{\|G\| \|S\|}, \quad
        S = \sum_k q_{k+1} q_k^\top

    The figure of SymmetryLens, Table 1. A generator on padded space is cropped by the caller. A
    crop that is a chain's shift reaches at most √((d−1)/d) on a ring.

    Args:
        generator: G, ``(d, d)``.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction q_k of hidden position k.
        topology: ``"chain"``, or ``"ring"`` where q_d is q_0.

    Returns:
        A scalar, 1 at best.

    Raises:
        ValueError: if a matrix is not square, finite, orthonormal or of the same size.
    """
    ideal = nearest_generator(generator, ideal_basis, topology)
    return cosine(_square("generator", generator), ideal)


def minimality(generator: Matrix, ideal_basis: Matrix, topology: str = "chain") -> Minimality:
    """Whether a generator is the unit shift, or one of its powers or roots.

    Data that are symmetric under a shift by one are symmetric under a shift by two as well; the
    minimal generator is the one that generates the others (SymmetryLens, section 5.1).

    Args:
        generator: ``(d, d)``, cropped by the caller.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction of hidden position k.
        topology: ``"chain"`` or ``"ring"``.
    """
    g = _square("generator", generator)
    cosines = {}
    for power in POWERS:
        ideal = ideal_generator(ideal_basis, topology, power, g)
        _same_size("generator", g, ideal)
        # a chain of three has no shift by three
        cosines[power] = float(cosine(g, ideal)) if ideal.any() else 0.0
    highest = max(cosines.values())
    best = next(p for p, value in cosines.items() if value >= highest - _TIE)
    return Minimality(best, cosines[best], cosines)


def nearest_lifting(lifting: Matrix, ideal_basis: Matrix, topology: str = "chain") -> Tensor:
    """The ideal lifting map nearest to the learned one, ``(d, d)``.

    Ideal is the basis itself, which undoes the transform that hid the positions, with its rows in
    either order, times either sign, and on a ring beginning anywhere.
    """
    learned = _square("lifting", lifting)
    q = _basis(ideal_basis, learned)
    _same_size("lifting", learned, q)
    products = [(float((learned * ideal).sum()), ideal) for ideal in _orders(q, topology)]
    product, ideal = max(products, key=lambda pair: abs(pair[0]))
    return ideal if product >= 0 else -ideal


def lifting_error(lifting: Matrix, ideal_basis: Matrix, topology: str = "chain") -> Tensor:
    r"""Distance of the lifting map from the inverse of the transform that hid the positions.

    .. math:: \min_{s, P} \|L - s P Q\| / \|Q\|

    over signs s and orders P that keep neighbours: as it is, reversed, on a ring also rotated
    (SymmetryLens, Figs. 7b-10b, in a number).

    Args:
        lifting: L, ``(d, d)``, row k giving lifted position k.
        ideal_basis: Q, ``(d, d)``, orthonormal, row k the direction of hidden position k.
        topology: ``"chain"`` or ``"ring"``.

    Returns:
        A scalar: 0 at best, √2 for an unrelated orthogonal map.
    """
    ideal = nearest_lifting(lifting, ideal_basis, topology)
    error: Tensor = (_square("lifting", lifting) - ideal).norm() / ideal.norm()
    return error


def filter_locality(resolving_filter: Tensor | Sequence[float], ideal_basis: Matrix) -> Tensor:
    r"""Inverse participation ratio of the resolving filter along the hidden positions.

    .. math:: \sum_k c_k^4 \Big/ \Bigl(\sum_k c_k^2\Bigr)^2, \quad c_k = q_k^\top \varphi

    Its inverse counts the positions the filter looks at: 1 for a filter on one position, 1/m for
    m equal ones, about 1/3 halfway between two (the ideal where d is even), 3/d for a random one.

    Args:
        resolving_filter: φ, ``(d,)``, of any length but 0.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction q_k of hidden position k.

    Returns:
        A scalar, 1/d … 1.
    """
    phi = torch.as_tensor(resolving_filter).detach()
    q = _basis(ideal_basis, phi)
    if phi.shape != q.shape[:1] or not phi.any():
        raise ValueError(f"resolving_filter must be ({len(q)},) and not 0, got {tuple(phi.shape)}")
    energy = (q @ phi).square()
    return energy.square().sum() / energy.sum().square()


def stationarity_residual(covariance: Matrix, topology: str = "chain") -> Tensor:
    r"""Share of a covariance that depends on more than how far apart two positions are.

    .. math:: \|C - \bar C\|^2 / \|C\|^2

    with C̄ the nearest Toeplitz matrix (on a ring, circulant): means along diagonals. No truth is
    needed. N samples alone leave about d/N where neighbours are independent.

    Args:
        covariance: C, ``(d, d)``, of lifted signals.
        topology: ``"chain"`` or ``"ring"``.

    Returns:
        A scalar, 0 … 1.
    """
    c = _square("covariance", covariance)
    position = torch.arange(len(c), device=c.device)
    lag = position[:, None] - position
    lag = lag % len(c) if _is_ring(topology) else lag + len(c) - 1
    sums = c.new_zeros(2 * len(c)).index_add(0, lag.flatten(), c.flatten())
    counts = c.new_zeros(2 * len(c)).index_add(0, lag.flatten(), torch.ones_like(c).flatten())
    return (c - sums[lag] / counts[lag]).square().sum() / c.square().sum()


def generator_scores(
    generator: Matrix,
    lifting: Matrix,
    resolving_filter: Tensor | Sequence[float],
    ideal_basis: Matrix,
    topology: str = "chain",
) -> dict[str, float]:
    """All figures that need the truth, by the names they are logged under.

    Args:
        generator: ``(d, d)``, cropped by the caller.
        lifting: ``(d, d)``.
        resolving_filter: ``(d,)``.
        ideal_basis: ``(d, d)``, as of ``DataDescription.extra["ideal_basis"]``.
        topology: ``"chain"`` or ``"ring"``.

    Returns:
        ``generator_cosine``, ``generator_power``, ``lifting_error`` and ``filter_locality``.
    """
    return {
        "generator_cosine": float(generator_cosine(generator, ideal_basis, topology)),
        "generator_power": minimality(generator, ideal_basis, topology).power,
        "lifting_error": float(lifting_error(lifting, ideal_basis, topology)),
        "filter_locality": float(filter_locality(resolving_filter, ideal_basis)),
    }


def _orders(q: Tensor, topology: str) -> Iterator[Tensor]:
    """The orders of the rows that keep neighbours."""
    for start in range(len(q) if _is_ring(topology) else 1):
        yield q.roll(start, 0)
        yield q.flip(0).roll(start, 0)


def _is_ring(topology: str) -> bool:
    if topology not in ("chain", "ring"):
        raise ValueError(f"topology must be 'chain' or 'ring', got {topology!r}")
    return topology == "ring"


def _square(name: str, matrix: Matrix, like: Tensor | None = None) -> Tensor:
    m = torch.as_tensor(matrix).detach()
    if like is not None:
        m = m.to(like)
    if m.ndim != 2 or m.shape[0] != m.shape[1] or not m.numel() or not m.isfinite().all():
        raise ValueError(f"{name} must be a finite square matrix, got shape {tuple(m.shape)}")
    return m


def _basis(basis: Matrix, like: Tensor | None) -> Tensor:
    q = _square("ideal_basis", basis, like)
    if not torch.allclose(q @ q.T, torch.eye(len(q)).to(q), atol=1e-4):
        raise ValueError("ideal_basis must have orthonormal rows, the directions of positions")
    return q


def _same_size(name: str, matrix: Tensor, ideal: Tensor) -> None:
    if matrix.shape != ideal.shape:
        raise ValueError(
            f"{name} has shape {tuple(matrix.shape)}, but the true symmetry has "
            f"{tuple(ideal.shape)}: crop padded matrices first"
        )

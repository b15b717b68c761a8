"""How close a learned one-parameter symmetry comes to the true one, where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology, as_domain

__all__ = [
    "Minimality",
    "cosine",
    "filter_locality",
    "generator_cosine",
    "generator_cosines",
    "generator_scores",
    "ideal_generator",
    "lifting_error",
    "lifting_scores",
    "matched_axes",
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
    ideal_basis: Matrix,
    domain: Domain | Topology = "chain",
    power: float = 1.0,
    like: Tensor | None = None,
    axis: int = 0,
) -> Tensor:
    r"""Matrix that moves a signal by ``power`` hidden positions along an axis.

    .. math:: \sum_{jk} S_{jk}\; q_j q_k^\top

    with S of ``Domain.shift``, which for a whole number p on a line is Σ_k q_{k+p} q_kᵀ.

    Args:
        ideal_basis: ``(d, d)``, orthonormal, row k the direction q_k of hidden position k.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.
        power: p, in positions.
        like: a tensor whose dtype and device the result has.
        axis: of the domain.

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
    return q.T @ as_domain(domain, len(q)).shift(axis, power).to(q) @ q


def nearest_generator(
    generator: Matrix, ideal_basis: Matrix, domain: Domain | Topology = "chain", axis: int = 0
) -> Tensor:
    """The unit shift along an axis, in that of its two directions that is nearer, (d, d)."""
    g = _square("generator", generator)
    forth = ideal_generator(ideal_basis, domain, like=g, axis=axis)
    _same_size("generator", g, forth)
    return max(forth, forth.T, key=lambda ideal: float(cosine(g, ideal)))


def generator_cosine(
    generator: Matrix, ideal_basis: Matrix, domain: Domain | Topology = "chain", axis: int = 0
) -> Tensor:
    r"""Cosine of a generator with the unit shift, the larger of its two directions.

    .. math:: \max_\pm \frac{\langle G, S^{\pm 1} \rangle}{\|G\| \|S\|}, \quad
        S = \sum_k q_{k+1} q_k^\top

    The figure of SymmetryLens, Table 1. A generator on padded space is cropped by the caller. A
    crop that is a chain's shift reaches at most √((d−1)/d) on a ring.

    Args:
        generator: G, ``(d, d)``.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction q_k of hidden position k.
        domain: of the positions; ``"chain"``, or ``"ring"`` where q_d is q_0, for one line.
        axis: of the domain.

    Returns:
        A scalar, 1 at best.

    Raises:
        ValueError: if a matrix is not square, finite, orthonormal or of the same size.
    """
    ideal = nearest_generator(generator, ideal_basis, domain, axis)
    return cosine(_square("generator", generator), ideal)


def minimality(
    generator: Matrix, ideal_basis: Matrix, domain: Domain | Topology = "chain", axis: int = 0
) -> Minimality:
    """Whether a generator is the unit shift, or one of its powers or roots.

    Data that are symmetric under a shift by one are symmetric under a shift by two as well; the
    minimal generator is the one that generates the others (SymmetryLens, section 5.1).

    Args:
        generator: ``(d, d)``, cropped by the caller.
        ideal_basis: ``(d, d)``, orthonormal, row k the direction of hidden position k.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.
        axis: of the domain.
    """
    g = _square("generator", generator)
    cosines = {}
    for power in POWERS:
        ideal = ideal_generator(ideal_basis, domain, power, g, axis)
        _same_size("generator", g, ideal)
        # a chain of three has no shift by three
        cosines[power] = float(cosine(g, ideal)) if ideal.any() else 0.0
    highest = max(cosines.values())
    best = next(p for p, value in cosines.items() if value >= highest - _TIE)
    return Minimality(best, cosines[best], cosines)


def nearest_lifting(
    lifting: Matrix, ideal_basis: Matrix, domain: Domain | Topology = "chain"
) -> Tensor:
    """The ideal lifting map nearest to the learned one, ``(d, d)``.

    Ideal is the basis itself, which undoes the transform that hid the positions, with its rows in
    either order along each axis, times either sign, and on a ring beginning anywhere.
    """
    learned = _square("lifting", lifting)
    q = _basis(ideal_basis, learned)
    _same_size("lifting", learned, q)
    ideals = (q[order.to(q.device)] for order in as_domain(domain, len(q)).orders())
    products = [(float((learned * ideal).sum()), ideal) for ideal in ideals]
    product, ideal = max(products, key=lambda pair: abs(pair[0]))
    return ideal if product >= 0 else -ideal


def lifting_error(
    lifting: Matrix, ideal_basis: Matrix, domain: Domain | Topology = "chain"
) -> Tensor:
    r"""Distance of the lifting map from the inverse of the transform that hid the positions.

    .. math:: \min_{s, P} \|L - s P Q\| / \|Q\|

    over signs s and orders P that keep neighbours: as it is, reversed, on a ring also rotated
    (SymmetryLens, Figs. 7b-10b, in a number).

    Args:
        lifting: L, ``(d, d)``, row k giving lifted position k.
        ideal_basis: Q, ``(d, d)``, orthonormal, row k the direction of hidden position k.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.

    Returns:
        A scalar: 0 at best, √2 for an unrelated orthogonal map.
    """
    ideal = nearest_lifting(lifting, ideal_basis, domain)
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


def stationarity_residual(covariance: Matrix, domain: Domain | Topology = "chain") -> Tensor:
    r"""Share of a covariance that depends on more than how far apart two positions are.

    .. math:: \|C - \bar C\|^2 / \|C\|^2

    with C̄ the nearest Toeplitz matrix (on a ring, circulant): means over equal displacements. No
    truth is needed. N samples alone leave about d/N where neighbours are independent.

    Args:
        covariance: C, ``(d, d)``, of lifted signals.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.

    Returns:
        A scalar, 0 … 1.
    """
    c = _square("covariance", covariance)
    lag = as_domain(domain, len(c)).displacements().to(c.device)
    kinds = int(lag.max()) + 1
    sums = c.new_zeros(kinds).index_add(0, lag.flatten(), c.flatten())
    counts = c.new_zeros(kinds).index_add(0, lag.flatten(), torch.ones_like(c).flatten())
    return (c - sums[lag] / counts[lag]).square().sum() / c.square().sum()


def generator_scores(
    generators: Tensor, ideal_basis: Matrix, domain: Domain | Topology = "chain"
) -> dict[str, float]:
    """How close generators come to the unit shifts, by the names this is logged under.

    Each generator is compared with one axis of the domain, in the assignment of the largest
    cosines; an axis that no generator is left for counts 0.

    Args:
        generators: ``(g, d, d)``, cropped by the caller.
        ideal_basis: ``(d, d)``, as of ``DataDescription.extra["ideal_basis"]``.
        domain: of the positions; ``"chain"`` or ``"ring"`` for one line of them.

    Returns:
        ``generator_cosine``, the mean over axes, and ``generator_power``, that of the generator
        of the smallest cosine.
    """
    size = as_domain(domain, generators.shape[-1]).dimensions
    found = {
        k: (axis, float(generator_cosine(generators[k], ideal_basis, domain, axis)))
        for k, axis in matched_axes(generators, ideal_basis, domain).items()
    }
    worst = min(found, key=lambda k: found[k][1])
    return {
        "generator_cosine": sum(value for _, value in found.values()) / size,
        "generator_power": minimality(
            generators[worst], ideal_basis, domain, found[worst][0]
        ).power,
    }


def generator_cosines(
    generators: Tensor,
    ideal_basis: Matrix,
    domain: Domain | Topology = "chain",
    inside: bool = False,
) -> list[float]:
    """Cosine of the unit shift along each axis with the generator that it is compared with.

    Args:
        generators: as of ``generator_scores``.
        ideal_basis: as of ``generator_scores``.
        domain: as of ``generator_scores``.
        inside: compare what a generator does to positions that stay, whatever becomes of those
            that leave a chain; 1 for a generator that closes it too.

    Returns:
        One an axis; 0 where no generator is left.
    """
    cosines = [0.0] * as_domain(domain, generators.shape[-1]).dimensions
    for k, axis in matched_axes(generators, ideal_basis, domain).items():
        found = _square("generator", generators[k])
        ideal = nearest_generator(found, ideal_basis, domain, axis)
        stay = ideal.T @ ideal
        cosines[axis] = float(cosine(found @ stay if inside else found, ideal))
    return cosines


def matched_axes(
    generators: Tensor, ideal_basis: Matrix, domain: Domain | Topology = "chain"
) -> dict[int, int]:
    """The axis whose unit shift each of ``(g, d, d)`` generators is compared with.

    Every axis has one generator at most, so that their cosines sum to the most.
    """
    axes = range(as_domain(domain, generators.shape[-1]).dimensions)
    cosines = [
        [float(generator_cosine(one, ideal_basis, domain, axis)) for axis in axes]
        for one in generators
    ]
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def lifting_scores(
    lifting: Matrix,
    resolving_filter: Tensor | Sequence[float],
    ideal_basis: Matrix,
    domain: Domain | Topology = "chain",
) -> dict[str, float]:
    """``lifting_error`` and ``filter_locality`` by these names."""
    return {
        "lifting_error": float(lifting_error(lifting, ideal_basis, domain)),
        "filter_locality": float(filter_locality(resolving_filter, ideal_basis)),
    }


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

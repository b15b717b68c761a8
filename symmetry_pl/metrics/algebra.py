"""How close a space of generators comes to the true Lie algebra, where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "algebra_scores",
    "algebra_shares",
    "closure_residual",
    "principal_angle",
    "random_angle",
]

_DRAWS = 200


def principal_angle(found: Tensor, truth: Tensor) -> Tensor:
    r"""Largest principal angle between the spans of two sets of matrices, in degrees; a scalar.

    .. math:: \arcsin\, \|(1 - P)\, Q\|

    with P the projector on the one and Q an orthonormal basis of the other. Spaces of different
    dimension are 90 degrees apart: the larger one has a direction orthogonal to the smaller.

    Args:
        found: ``(g, d, d)``, linearly independent.
        truth: ``(h, d, d)``, linearly independent.

    >>> a = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
    >>> b = torch.tensor([[[0.0, -1.0], [0.0, 0.0]]])
    >>> round(float(principal_angle(a, b)), 3)
    45.0
    """
    if len(found) != len(truth):
        return truth.new_tensor(90.0)
    if not len(truth):
        return truth.new_tensor(0.0)
    p, q = (torch.linalg.qr(m.flatten(1).T)[0] for m in (found, truth))
    sine = torch.linalg.matrix_norm(q - p @ (p.T @ q), 2)
    return torch.rad2deg(torch.asin(sine.clamp(max=1)))


def random_angle(generators: int, dim: int) -> float:
    """Mean of the largest principal angle to a random space of as many (dim, dim) matrices."""
    generator = torch.Generator().manual_seed(0)
    shape = (generators, dim, dim)
    draws = torch.randn(_DRAWS, *shape, generator=generator, dtype=torch.float64)
    first = torch.eye(dim**2, dtype=torch.float64)[:generators].reshape(shape)
    return float(torch.stack([principal_angle(draw, first) for draw in draws]).mean())


def closure_residual(generators: Tensor) -> Tensor:
    r"""How far commutators lead out of the span of ``(g, d, d)`` matrices; a scalar, 0 if closed.

    .. math:: \max_{i<j} \frac{\|(1 - P)\,[X_i, X_j]\|}{\sqrt 2\, \|X_i\| \|X_j\|}

    which is at most 1 (Böttcher and Wenzel, 2008). The span is closed if it is a Lie algebra.

    >>> j = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ...                   [[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
    >>> round(float(closure_residual(j)), 3)  # their commutator is the third rotation
    0.5
    """
    basis = torch.linalg.qr(generators.flatten(1).T)[0]
    x = basis.T.reshape(generators.shape)
    i, j = torch.triu_indices(len(x), len(x), 1)
    brackets = (x[i] @ x[j] - x[j] @ x[i]).flatten(1)
    outside = brackets - brackets @ basis @ basis.T
    largest: Tensor = outside.norm(dim=1).amax() / 2**0.5
    return largest


def algebra_shares(found: Tensor, truth: Tensor) -> dict[str, float]:
    r"""How far learned generators lie in the true Lie algebra, and how much of it they span.

    .. math:: \frac{1}{c} \sum_c \|P_T L_c\| / \|L_c\|, \qquad
        \Bigl( \frac{1}{k} \|P_T P_L\|^2 \Bigr)^{1/2}

    with P_T and P_L the projections on the spans of the truth and of what was found. For one of
    each both are the modulus of their cosine.

    Args:
        found: ``(c, n, n)``.
        truth: ``(k, n, n)``, linearly independent.

    Returns:
        ``algebra_cosine`` and ``algebra_coverage``, 0 … 1.
    """
    learned, true = (m.detach().double().cpu().flatten(1) for m in (found, truth))
    basis = torch.linalg.qr(true.T)[0]
    norms = learned.norm(dim=1)
    shares = (learned @ basis).norm(dim=1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    left, sigma, _ = torch.linalg.svd((learned / norms.clamp(min=1e-30)[:, None]).T, False)
    span = left[:, sigma > 1e-3 * sigma[0]]
    covered = (basis.T @ span).square().sum() / len(true)
    return {"algebra_cosine": float(shares.mean()), "algebra_coverage": float(covered.sqrt())}


def algebra_scores(found: Tensor, truth: Tensor | Sequence[Any]) -> dict[str, float]:
    """Figures of a space of generators by the names that they are logged under.

    Args:
        found: ``(g, d, d)``.
        truth: ``(h, d, d)``, as of ``DataDescription.extra["algebra"]``.

    Returns:
        ``generators_right``, 1 if g = h and 0 otherwise; where h > 0 also ``generator_angle`` in
        degrees, and ``generator_angle_random``, that of a random space of h.
    """
    ideal = torch.as_tensor(truth, dtype=found.dtype).reshape(-1, *found.shape[1:])
    scores = {"generators_right": float(len(found) == len(ideal))}
    if len(ideal):
        scores["generator_angle"] = float(principal_angle(found, ideal))
        scores["generator_angle_random"] = random_angle(len(ideal), found.shape[-1])
    return scores

"""Symmetric FastICA: the rotation whose outputs are as non-Gaussian as possible."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

__all__ = ["Contrast", "fast_ica"]

Contrast: TypeAlias = Literal["tanh", "gauss", "cube"]

_ROWS = 4096  # rows a block, so that a block of outputs stays in the cache


def fast_ica(
    z: Tensor,
    *,
    contrast: Contrast = "tanh",
    generator: torch.Generator | None = None,
    start: Tensor | None = None,
    max_iter: int = 200,
    tolerance: float = 1e-5,
) -> Tensor:
    """The rotation R ``(d, d)`` whose outputs y = R z are mutually independent.

    The symmetric fixed point R ← orth(E[g(y) zᵀ] − diag(E[g'(y)]) R) with orth(W) = (W Wᵀ)^{-1/2} W
    (Hyvärinen 1999, eq. 20 and 45), from a random rotation. Contrasts: "tanh" g = tanh y, "gauss"
    g = y exp(−y²/2), "cube" g = y³.

    Args:
        z: white vectors, ``(n, d)``: zero mean and identity covariance.
        contrast: the non-linearity g.
        generator: draws the first rotation; ``None`` uses the global generator.
        start: A first rotation ``(d, d)`` instead of a random one.
        max_iter: largest number of iterations, as a fixed point need not be reached.
        tolerance: stops when no row turns by more than this, as 1 − |cos|.

    Returns:
        An orthogonal matrix in float64, its rows in arbitrary order and sign.
    """
    dim = z.shape[1]
    if start is None:
        start = torch.randn(dim, dim, dtype=torch.float64, generator=generator)
    rotation = nearest_rotation(start.double())
    for _ in range(max_iter):
        update = nearest_rotation(_fixed_point(z, rotation.to(z.dtype), contrast))
        turned = 1 - (update * rotation).sum(1).abs().amin()
        rotation = update
        if turned < tolerance:
            break
    return rotation


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The orthogonal matrix nearest to ``matrix``, (W Wᵀ)^{-1/2} W, by its polar form."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest: Tensor = left @ right
    return nearest


def _fixed_point(z: Tensor, rotation: Tensor, contrast: Contrast) -> Tensor:
    """E[g(y) zᵀ] − diag(E[g'(y)]) R in float64."""
    dim = len(rotation)
    moment = torch.zeros(dim, dim, dtype=torch.float64)
    slope = torch.zeros(dim, dtype=torch.float64)
    for rows in torch.split(z, _ROWS):
        y = rows @ rotation.T
        if contrast == "tanh":
            g = y.tanh()
            slope += len(rows) - g.square().sum(0)
        elif contrast == "gauss":
            squared = y.square()
            bell = squared.mul(-0.5).exp_()
            g = y * bell
            slope += ((1 - squared) * bell).sum(0)
        else:
            squared = y.square()
            g = y * squared
            slope += 3 * squared.sum(0)
        moment += g.T @ rows
    return (moment - slope[:, None] * rotation) / len(z)

"""A rotation undone: independent components of skewed data are the pixels, up to order and sign."""

from __future__ import annotations

import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from torch import Tensor

from symmetry_pl.lens.domains.affinity import affinity
from symmetry_pl.lens.domains.moments import correlation_of
from symmetry_pl.lens.warm_start.ica import nearest_rotation

__all__ = ["same_signs", "unmixed"]

_ROWS = 4096
_ITERATIONS = 40
_STILL = 1e-4
_RIDGE = 1e-3
_EDGES = 1.5  # weights of a tree: above 1, as 0 is no edge


def unmixed(x: Tensor, start: Tensor | None = None, seed: int = 0) -> Tensor:
    r"""The orthogonal basis whose white coordinates are as skewed as possible, ``(d, d)``.

    .. math:: W \leftarrow \mathrm{orth}\, E[(W z)^2 z^\top], \quad z = C^{-1/2} (x - \bar x)

    FastICA with g(y) = y² (Hyvärinen 1999), all rows at once. The symmetric root keeps axes: where
    local waveforms have one sign, rows of W are the pixels of x itself.

    Args:
        x: samples, ``(n, d)``.
        start: first rotation; drawn at random if null.
        seed: of the random one.

    Returns:
        W, float64; order and signs of its rows are arbitrary, signs such that coordinates are
        skewed to the right.

    Raises:
        ValueError: if the covariance is singular.
    """
    mean = x.mean(0)
    covariance = (x - mean).double().T.cov(correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    if not float(values[0]) > 1e-10 * float(values[-1]):
        raise ValueError(
            "some combination of the inputs never changes, and a rotation of it cannot be undone: "
            "leave such inputs out, or add noise"
        )
    root = (vectors / values.sqrt()) @ vectors.T
    z = ((x - mean).double() @ root).to(torch.float32)
    rotation = nearest_rotation(_start(x.shape[1], seed) if start is None else start)
    for _ in range(_ITERATIONS):
        turned = nearest_rotation(_skew(z, rotation))
        moved = 1 - (turned * rotation).sum(1).abs().amin()
        rotation = turned
        if moved < _STILL:
            break
    return rotation


def _start(dim: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(dim, dim, dtype=torch.float64, generator=draw)


def _skew(z: Tensor, rotation: Tensor) -> Tensor:
    """E[(W z)² zᵀ]; the rows of a fixed point have E(w·z)³ > 0."""
    total = torch.zeros_like(rotation)
    turn = rotation.T.to(z.dtype)
    for rows in torch.split(z, _ROWS):
        total += ((rows @ turn).square().T @ rows).double()
    return total / len(z)


def same_signs(covariance: Tensor) -> Tensor:
    """Signs ``(d,)`` with which neighbours are tied positively, along the strongest ties.

    Args:
        covariance: of the components, ``(d, d)``.
    """
    strength = affinity(correlation_of(covariance), _RIDGE).strength
    weights = torch.triu(_EDGES - strength.abs(), 1).numpy()
    tree = minimum_spanning_tree(csr_matrix(weights))
    order, before = breadth_first_order(tree, 0, directed=False)
    signs = torch.ones(len(covariance), dtype=torch.float64)
    for node in order[1:].tolist():
        parent = int(before[node])
        signs[node] = signs[parent] * torch.sign(strength[node, parent])
    return signs

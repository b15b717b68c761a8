"""Coordinates in which the samples of a law have equal spread in all directions."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["shell", "whitening"]

_ROUNDS = 20
_TOLERANCE = 1e-10  # of the largest eigenvalue


def whitening(x: Tensor, by_direction: bool = False) -> Tensor:
    r"""W ``(d, d)``, symmetric, with E z zᵀ = 1 for z = W x; nothing is subtracted.

    A linear group that leaves a law with finite second moments alone is a group of rotations there.

    Args:
        x: ``(n, d)``, float64.
        by_direction: E z zᵀ / ‖z‖² = 1/d instead (Tyler, 1987), and a median of ‖z‖² of d. A law
            that a group of scalings or boosts leaves alone where one looks has tails without end.

    Raises:
        ValueError: if some direction has no samples.
    """
    d = x.shape[1]
    x = x[x.any(1)]
    covariance = _second_moments(x)
    for _ in range(_ROUNDS if by_direction else 0):
        distance = ((x @ torch.linalg.inv(covariance)) * x).sum(1)
        covariance = d * _second_moments(x / distance.sqrt()[:, None])
        covariance = covariance * d / covariance.trace()
    values, vectors = torch.linalg.eigh(covariance)
    white: Tensor = (vectors / values.sqrt()) @ vectors.T
    if by_direction:
        white *= (d / (x @ white).square().sum(1).median()).sqrt()
    return white


def _second_moments(x: Tensor) -> Tensor:
    moments = x.T @ x / max(len(x), 1)
    values = torch.linalg.eigvalsh(moments)
    if not values[0] > _TOLERANCE * values[-1]:
        raise ValueError(
            "some combination of columns is 0 in all samples, and any matrix may move it: leave "
            "out columns that follow from others (or reduce the data to principal components)"
        )
    return moments


def shell(z: Tensor, shares: tuple[float, float]) -> Tensor:
    """The logarithms of ‖z‖ that these shares of the samples lie below, ``(2,)``."""
    norms = z.square().sum(1).sort().values
    places = [round(share * (len(norms) - 1)) for share in shares]
    low: Tensor = norms[places].log() / 2
    return low

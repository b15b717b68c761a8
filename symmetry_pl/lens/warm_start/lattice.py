"""Chains and rings of positions, and the stationary covariances on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain, Topology

__all__ = ["Lattice", "chain_generator"]

_GRID = 4  # frequencies a position on which the symbol of a chain is integrated
_LARGEST_LOG = 40.0


class Lattice:
    r"""The d positions, and covariances that depend on distance only.

    A stationary covariance is given by its symbol, the power at each frequency,

    .. math:: T_{kl} = \frac1\pi\int_0^\pi s(\omega)\cos((k-l)\omega)\,d\omega, \quad
        \log s(\omega) = \sum_j a_j \cos j\omega,

    which is positive definite whatever the coefficients a: d of them on a chain (T is Toeplitz),
    ⌊d/2⌋ + 1 on a ring, whose integral is a sum over its d frequencies (T is circulant).

    Attributes:
        features: coordinates of the positions, ``(d, 1)`` on a chain, ``(d, 2)`` on a ring (a
            circle of circumference d), centred.
        sites: their squared norms, ``(d,)``.
        lag: |k − l|, ``(d, d)``.
    """

    def __init__(self, dim: int, topology: Topology = "chain") -> None:
        self.dim, self.topology = dim, topology
        place = torch.arange(dim, dtype=torch.float64) - (dim - 1) / 2
        if topology == "chain":
            grid, terms = _GRID * dim, dim
            self.omega = (torch.arange(grid, dtype=torch.float64) + 0.5) * math.pi / grid
            self.features = place[:, None]
        else:
            grid, terms = dim, dim // 2 + 1
            self.omega = torch.arange(grid, dtype=torch.float64) * 2 * math.pi / dim
            angle = place * 2 * math.pi / dim
            self.features = torch.stack([angle.cos(), angle.sin()], 1) * dim / (2 * math.pi)
        self.sites = self.features.square().sum(1)
        self.harmonics = torch.cos(self.omega[:, None] * torch.arange(terms))
        self.integral = torch.cos(self.omega[:, None] * torch.arange(dim)) / grid
        index = torch.arange(dim)
        self.lag = (index[:, None] - index).abs()
        self._shift = Domain.line(dim, topology).shift()

    @property
    def terms(self) -> int:
        """Number of coefficients of the log symbol."""
        return self.harmonics.shape[1]

    def symbol(self, coefficients: Tensor) -> Tensor:
        """The symbol s at the frequencies ``omega``, ``(..., grid)``."""
        return (coefficients @ self.harmonics.T).clamp(-_LARGEST_LOG, _LARGEST_LOG).exp()

    def covariance(self, coefficients: Tensor) -> Tensor:
        """T, ``(..., d, d)``."""
        stationary: Tensor = (self.symbol(coefficients) @ self.integral)[..., self.lag]
        return stationary

    def coefficients(self, symbol: Tensor) -> Tensor:
        """The a whose symbol fits positive values at ``omega`` best in log, ``(..., terms)``."""
        inverse: Tensor = torch.linalg.pinv(self.harmonics)
        return symbol.log() @ inverse.T

    def sum_over_lags(self, matrices: Tensor) -> Tensor:
        """The sums of ``(..., d, d)`` over entries of equal |k − l|, ``(..., d)``."""
        sums = matrices.new_zeros(*matrices.shape[:-2], self.dim)
        sums.index_add_(-1, self.lag.flatten(), matrices.flatten(-2))
        return sums

    def shift(self) -> Tensor:
        """The matrix that moves position k to k + 1, off the end of a chain."""
        return self._shift


def chain_generator(basis: Tensor, topology: Topology = "chain") -> Tensor:
    """G = Σ_k q_{k+1} q_kᵀ for the rows q_k of ``basis``; on a ring k + 1 is modulo d."""
    return basis.T @ Lattice(len(basis), topology).shift().to(basis) @ basis

"""Which frequency each eigenvalue of a stationary covariance belongs to."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice

__all__ = ["Branches", "ChainBranches"]

_CHUNK = 256  # candidates an eigendecomposition; bounds memory at d = 99


class Branches(ABC):
    """The discrete choices that second moments leave open, and the places that settle them.

    C = U diag(λ) Uᵀ is known. Were the symbol s known as well, with T(s) = V diag(λ) Vᵀ, the basis
    were Q = V D Uᵀ with signs D, on a ring also turns of pairs. A symbol with one peak is a choice,
    for every level but the highest, of the side of the peak on which its frequency lies. Choices
    are judged without D by how well measured and true places agree.

    Attributes:
        lattice: chain or ring.
        levels: number of different eigenvalues in principle: d on a chain, ⌊d/2⌋ + 1 on a ring.
    """

    lattice: Lattice
    levels: int

    @abstractmethod
    def agreement(self, low: Tensor) -> Tensor:
        """The cosine of the absolute measured and true places for each choice, ``(S,)``."""

    @abstractmethod
    def start(self, low: Tensor) -> tuple[Tensor, Tensor]:
        """W = Q U ``(d, d)`` with the best D, and the log symbol, for one choice."""

    def grid(self) -> Tensor:
        """Starting choices, ``(S, levels)`` of bool: the first j levels share out evenly.

        True is the side of low frequencies. j runs from 1 to levels − 1 in even ratios, the share
        of the low side from 0.1 to 0.9.
        """
        even = torch.logspace(0, math.log10(self.levels - 1), 22).round().tolist()
        counts = torch.tensor(sorted(set(even)))
        shares = torch.linspace(0.1, 0.9, 9)
        k = torch.arange(self.levels)
        steps = ((k + 1) * shares[:, None]).floor() - (k * shares[:, None]).floor() > 0
        low = (steps[None] & (k < counts[:, None, None])).flatten(0, 1)
        low[:, 0] = False  # the peak itself: either side is the same
        return torch.stack([torch.tensor(row) for row in sorted(set(map(tuple, low.tolist())))])

    def climb(self, low: Tensor, agreement: Tensor, sweeps: int = 60) -> tuple[Tensor, Tensor]:
        """One choice ``(levels,)`` and its agreement after at most ``sweeps`` ascents.

        A step changes the side of one level, or exchanges two that are at most two apart.
        """
        flips = torch.eye(self.levels, dtype=torch.bool)
        for _ in range(sweeps):
            moves = [flips[1:] ^ low]
            for apart in (1, 2):
                at = (low[1:-apart] != low[1 + apart :]).nonzero().flatten() + 1
                moves.append((flips[at] | flips[at + apart]) ^ low)
            neighbours = torch.cat(moves)
            values = self.agreement(neighbours)
            best = int(values.argmax())
            if values[best] <= agreement + 1e-9:
                break
            low, agreement = neighbours[best], values[best]
        return low, agreement

    @staticmethod
    def frequencies(low: Tensor) -> Tensor:
        """The number of the frequency of each level, from the lowest, ``(S, levels)``."""
        count = low.sum(1, keepdim=True)
        return torch.where(low, count - low.cumsum(1), count + (~low).cumsum(1) - 1)


class ChainBranches(Branches):
    r"""Branches of a Toeplitz covariance.

    The eigenvalues are taken for the values of the symbol at π j/(d + 1), and places compared as
    the cosine of |UᵀXU| and |VᵀPV| with P = diag(k − (d−1)/2).

    Args:
        eigenvalues: λ, falling, ``(d,)``.
        places: UᵀXU, the measured places in the eigenbasis of C, ``(1, d, d)``.
        lattice: A chain.
    """

    def __init__(self, eigenvalues: Tensor, places: Tensor, lattice: Lattice) -> None:
        self.lattice, self.levels = lattice, lattice.dim
        self.places = places[0]
        self.log_values = eigenvalues.log()
        self.size = self.places.abs() / self.places.norm()
        frequency = torch.arange(1, lattice.dim + 1, dtype=torch.float64) * math.pi
        frequency = frequency / (lattice.dim + 1)
        harmonics = torch.cos(frequency[:, None] * torch.arange(lattice.dim))
        self.to_coefficients: Tensor = torch.linalg.inv(harmonics).T

    def agreement(self, low: Tensor) -> Tensor:
        """The cosine of |UᵀXU| and |VᵀPV| for each choice, ``(S,)``."""
        found = []
        for part in torch.split(low, _CHUNK):
            size = self._positions(self._coefficients(part))[1].abs()
            found.append((size * self.size).sum((1, 2)) / size.norm(dim=(1, 2)))
        return torch.cat(found)

    def start(self, low: Tensor) -> tuple[Tensor, Tensor]:
        """W = V D ``(d, d)`` and the log symbol ``(d,)``.

        The signs D start as those of the top eigenvector of (UᵀXU) ∘ (VᵀPV), flipped one by one,
        4 d times at most.
        """
        coefficients = self._coefficients(low[None])
        vectors, positions = self._positions(coefficients)
        match = self.places * positions[0]
        match = match - torch.diag(match.diagonal())
        signs = torch.where(torch.linalg.eigh(match)[1][:, -1] >= 0, 1.0, -1.0).double()
        for _ in range(4 * self.lattice.dim):
            support = signs * (match @ signs)
            worst = int(support.argmin())
            if support[worst] >= 0:
                break
            signs[worst] *= -1
        return vectors[0] * signs, coefficients[0]

    def _coefficients(self, low: Tensor) -> Tensor:
        values = self.log_values.expand(len(low), -1)
        at_frequency = torch.empty_like(values).scatter_(1, self.frequencies(low), values)
        return at_frequency @ self.to_coefficients

    def _positions(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """V, by falling eigenvalue, and VᵀPV of stationary covariances."""
        vectors: Tensor = torch.linalg.eigh(self.lattice.covariance(coefficients))[1].flip(-1)
        return vectors, (vectors.mT * self.lattice.features[:, 0]) @ vectors

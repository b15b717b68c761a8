"""Which frequency each eigenvalue of a stationary covariance belongs to."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice

__all__ = ["Branches"]

_CHUNK = 256  # candidates an eigendecomposition; bounds memory at d = 99


class Branches:
    r"""The discrete choices that second moments leave open on a chain, and the places that settle them.

    C = U diag(λ) Uᵀ is known. Were the symbol s known as well, with T(s) = V diag(λ) Vᵀ, the basis
    were Q = V D Uᵀ with signs D. A symbol with one peak is a choice, for every eigenvalue but the
    largest, of the side of the peak on which its frequency lies. The choice is judged without signs
    by how well places agree, the cosine of |UᵀXU| and |VᵀPV| with P = diag(k − (d−1)/2).

    Args:
        eigenvalues: λ, falling, `(d,)`.
        places: UᵀXU, the measured places in the eigenbasis of C, `(d, d)`.
        lattice: A chain.
    """

    def __init__(self, eigenvalues: Tensor, places: Tensor, lattice: Lattice) -> None:
        self.lattice, self.places = lattice, places
        self.log_values = eigenvalues.log()
        self.size = places.abs() / places.norm()
        dim = lattice.dim
        frequency = torch.arange(1, dim + 1, dtype=torch.float64) * math.pi / (dim + 1)
        harmonics = torch.cos(frequency[:, None] * torch.arange(dim))
        self.to_coefficients = torch.linalg.inv(harmonics).T

    def grid(self) -> Tensor:
        """Return starting choices, `(S, d)` of bool: the first j eigenvalues share out evenly.

        True is the side of low frequencies. j runs from 1 to d − 1 in even ratios, the share
        of the low side from 0.1 to 0.9.
        """
        dim = self.lattice.dim
        counts = torch.logspace(0, math.log10(dim - 1), 22).round().unique()
        shares = torch.linspace(0.1, 0.9, 9)
        k = torch.arange(dim)
        steps = ((k + 1) * shares[:, None]).floor() - (k * shares[:, None]).floor() > 0
        low = steps[None] & (k < counts[:, None, None])
        low = low.flatten(0, 1)
        low[:, 0] = False  # the peak itself: either side is the same
        return low.unique(dim=0)

    def coefficients(self, low: Tensor) -> Tensor:
        """Return the log symbols `(S, d)` that take the eigenvalues at the frequencies π j/(d + 1)."""
        count = low.sum(1, keepdim=True)
        place = torch.where(low, count - low.cumsum(1), count + (~low).cumsum(1) - 1)
        values = self.log_values.expand(len(low), -1)
        return torch.empty_like(values).scatter_(1, place, values) @ self.to_coefficients

    def agreement(self, low: Tensor) -> Tensor:
        """Return the cosine of |UᵀXU| and |VᵀPV| for each choice, `(S,)`."""
        found = []
        for part in low.split(_CHUNK):
            size = self._positions(self.coefficients(part))[1].abs()
            found.append((size * self.size).sum((1, 2)) / size.norm(dim=(1, 2)))
        return torch.cat(found)

    def climb(self, low: Tensor, agreement: Tensor, sweeps: int = 60) -> tuple[Tensor, Tensor]:
        """Return one choice `(d,)` and its agreement after steepest ascent.

        A step changes the side of one eigenvalue, or exchanges two that are at most two apart.
        """
        dim = self.lattice.dim
        flips = torch.eye(dim, dtype=torch.bool)
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

    def turn(self, coefficients: Tensor) -> Tensor:
        """Return W = V D `(d, d)` with the signs D for which the signed places agree best.

        They start as those of the top eigenvector of (UᵀXU) ∘ (VᵀPV) and are flipped one by one.
        """
        vectors, positions = self._positions(coefficients[None])
        match = self.places * positions[0]
        match = match - torch.diag(match.diagonal())
        signs = torch.where(torch.linalg.eigh(match)[1][:, -1] >= 0, 1.0, -1.0).double()
        for _ in range(4 * self.lattice.dim):
            support = signs * (match @ signs)
            worst = int(support.argmin())
            if support[worst] >= 0:
                break
            signs[worst] *= -1
        return vectors[0] * signs

    def _positions(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Return V, by falling eigenvalue, and VᵀPV of stationary covariances."""
        vectors = torch.linalg.eigh(self.lattice.covariance(coefficients))[1].flip(-1)
        return vectors, (vectors.mT * self.lattice.features[:, 0]) @ vectors

"""The frequencies of the eigenvalue pairs of a circulant covariance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.branches import Branches
from symmetry_pl.lens.warm_start.ica import nearest_rotation
from symmetry_pl.lens.warm_start.lattice import Lattice

__all__ = ["RingBranches"]


class RingBranches(Branches):
    r"""Branches of a circulant covariance, whose eigenvectors are the real Fourier basis.

    All frequencies but 0 (and d/2 if d is even) have two eigenvectors, which the covariance does
    not tell apart: places are compared by the norms of blocks, and D holds a turn for every pair.

    Args:
        eigenvalues: λ, falling, ``(d,)``.
        places: UᵀX_fU for the two coordinates f on the circle, ``(2, d, d)``.
        lattice: A ring.
    """

    def __init__(self, eigenvalues: Tensor, places: Tensor, lattice: Lattice) -> None:
        self.lattice, self.places = lattice, places
        self.levels = lattice.dim // 2 + 1
        self.log_values = eigenvalues.log()
        self.fourier = self._fourier()
        self.true = torch.einsum("ki,kf,kj->fij", self.fourier, lattice.features, self.fourier)
        self.square, self.true_square = places.square().sum(0), self.true.square().sum(0)

    def agreement(self, low: Tensor) -> Tensor:
        """The cosine of the block norms of measured and true places, ``(S,)``."""
        found = []
        for frequency in self.frequencies(low):
            ordered = torch.cat([self._columns(f) for f in frequency.tolist()])
            level = torch.cat(
                [torch.full((len(self._columns(f)),), i) for i, f in enumerate(frequency.tolist())]
            )
            member = torch.nn.functional.one_hot(level, self.levels).double()
            measured = (member.T @ self.square @ member).sqrt()
            true = (member.T @ self.true_square[ordered][:, ordered] @ member).sqrt()
            found.append((measured * true).sum() / (measured.norm() * true.norm()))
        return torch.stack(found)

    def start(self, low: Tensor) -> tuple[Tensor, Tensor]:
        """W = V D ``(d, d)`` and the log symbol ``(levels,)``.

        D is found block by block from frequency 0 up, each the rotation that best matches the
        places relative to the blocks found before, and then refined in turn five times.
        """
        frequency = self.frequencies(low[None])[0].tolist()
        blocks: dict[int, Tensor] = {}  # eigenvectors of C for each frequency
        taken = 0
        for f in frequency:
            width = len(self._columns(f))
            blocks[f] = torch.arange(taken, taken + width)
            taken += width
        turn = torch.zeros(self.lattice.dim, self.lattice.dim, dtype=torch.float64)
        turn[self._columns(0), blocks[0]] = 1
        for sweep in range(6):
            for f in range(self.levels):
                if sweep == 0 and f == 0:
                    continue
                rows = self._columns(f)
                turn[rows] = 0
                pull = torch.einsum(
                    "fim,mj,flj->il", self.true[:, rows], turn, self.places[:, blocks[f]]
                )
                turn[rows[:, None], blocks[f]] = nearest_rotation(pull)
        symbol = torch.stack([self.log_values[blocks[f]].mean().exp() for f in range(self.levels)])
        number = torch.arange(self.lattice.dim)
        whole = symbol[torch.minimum(number, self.lattice.dim - number)]
        return self.fourier @ turn, self.lattice.coefficients(whole)

    def _columns(self, frequency: int) -> Tensor:
        """The columns of the Fourier basis that hold a frequency."""
        if frequency == 0:
            return torch.tensor([0])
        first = 2 * frequency - 1
        return torch.arange(first, min(first + 2, self.lattice.dim))

    def _fourier(self) -> Tensor:
        """1, cos θ, sin θ, cos 2θ, ... at the positions, orthonormal columns ``(d, d)``."""
        dim = self.lattice.dim
        place = torch.arange(dim, dtype=torch.float64) - (dim - 1) / 2
        columns = [torch.ones_like(place)]
        for f in range(1, self.levels):
            angle = 2 * math.pi * f / dim * (place + (0.5 if dim % 2 == 0 else 0.0))
            columns += [angle.cos(), angle.sin()]
        basis: Tensor = torch.stack(columns[:dim], 1)
        basis = basis / torch.linalg.vector_norm(basis, dim=0)
        return basis

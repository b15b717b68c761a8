"""The layer that SymmetryLens learns: a generator and a filter, and what they make of a sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_pl.groups.domain import Topology
from symmetry_pl.groups.subgroup import OneParameterSubgroup, crop, lift_matrix, pad
from symmetry_pl.lens.embedding import embed, positions, room


class Lift(nn.Module):
    """y = L x of raw samples scaled by one mean and one deviation, which leaves symmetries alone.

    A subclass has a ``filter`` and says what matrix L it lifts by.
    """

    filter: nn.Parameter

    def __init__(self) -> None:
        super().__init__()
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def lift(self, noise: Tensor | None = None) -> Tensor:
        """L, ``(P, d)``; noise of its length is added to the filter."""
        raise NotImplementedError

    def direction(self, noise: Tensor | None = None) -> Tensor:
        """φ of length 1 after noise is added to it."""
        direction = self.filter if noise is None else self.filter + noise
        return nn.functional.normalize(direction, dim=0, eps=1e-7)

    @torch.no_grad()
    def measure(self, x: Tensor) -> Tensor:
        """Take mean and deviation from raw samples ``(n, d)``, which are returned scaled."""
        self.shift.copy_(x.double().mean())
        self.scale.copy_(x.double().std(correction=0))
        return self.scaled(x)

    def scaled(self, x: Tensor) -> Tensor:
        """Raw samples ``(B, d)`` in the units of the representation."""
        return (x - self.shift) / self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Symmetry-based representation ``(B, P)`` of raw samples, in which symmetries shift."""
        return self.scaled(x) @ self.lift().T


class GroupConvolution(Lift):
    r"""y = L x with the orbit of a filter as rows, L_k = crop(pad(φ)ᵀ G^{p_k}) (eq. 11).

    Raw samples are first scaled by one mean and one deviation over all of their numbers, which
    leaves symmetries alone.

    Args:
        dim: d, the length of a sample.
        padding: zeros on either side of the filter of a chain; d if null. A ring decides itself.
        init_scale: standard deviation of the random start of A; φ starts at 0 (section 4.3.1).
        topology: whether the hidden positions are a ``chain`` or a ``ring``.
    """

    def __init__(
        self,
        dim: int,
        padding: int | None,
        init_scale: float = 1e-3,
        topology: Topology = "chain",
    ) -> None:
        super().__init__()
        self.dim, self.topology = dim, topology
        self.padding = room(dim, topology, padding)
        size = dim + 2 * self.padding
        self.parameter = nn.Parameter(init_scale * torch.randn(size, size))
        self.filter = nn.Parameter(torch.zeros(dim))
        self.positions: Tensor
        self.register_buffer("positions", positions(dim), persistent=False)

    def subgroup(self) -> OneParameterSubgroup:
        """The rotations G^t of the padded space."""
        return OneParameterSubgroup(self.parameter)

    def generator(self) -> Tensor:
        """G cropped to the samples' space, ``(d, d)``: a sample x moves to G x."""
        return crop(self.subgroup().generator(), self.dim)

    def lift(self, noise: Tensor | None = None) -> Tensor:
        """The group convolution matrix L, ``(d, d)``; noise ``(d,)`` is added to the filter."""
        return lift_matrix(self.subgroup(), self.direction(noise), self.positions)

    def transform(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Samples ``(B, d)`` moved by real amounts ``t`` along the symmetry, one or ``(B,)``.

        What leaves a chain at one end leaves the sample; a ring closes. Second moments of the law
        stay as they are on a ring for every t, and inside a chain; of other moments a t between
        whole numbers keeps what interpolation by sines keeps (docs/lens.md measures it).
        """
        moved = self.subgroup().transform(pad(x, self.padding), t)
        return moved[:, self.padding : self.padding + self.dim]

    @torch.no_grad()
    def adopt(self, basis: Tensor, direction: Tensor | None = None) -> None:
        """Set G to the shift of an orthonormal basis ``(d, d)``, and φ to its middle row.

        L is then that basis; with another ``direction`` ``(d,)`` for φ it is what that sees.
        """
        parameter, middle = embed(basis.to(self.filter), self.padding, self.topology)
        self.parameter.copy_(parameter)
        self.filter.copy_(middle if direction is None else direction)

    @torch.no_grad()
    def learned(self) -> dict[str, Tensor]:
        """Generator, its logarithm (on the padded space too), filter and lifting matrix."""
        logarithm = self.subgroup().logarithm()
        return {
            "generator": self.generator(),
            "logarithm": crop(logarithm, self.dim),
            "padded_logarithm": logarithm,
            "filter": self.direction(),
            "lifting_matrix": self.lift(),
        }

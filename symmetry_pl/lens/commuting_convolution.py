"""The layer of a hidden grid: commuting generators and a filter, and what they make of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from symmetry_pl.groups.commuting import CommutingSubgroup, cayley, torus
from symmetry_pl.lens.embedding import positions
from symmetry_pl.lens.group_convolution import Lift

__all__ = ["CommutingConvolution", "least_padding"]


def least_padding(shape: Sequence[int]) -> int:
    """Zeros behind a sample that let it leave a grid at one end and not come in at the other.

    One position more along each axis does.

    >>> least_padding([7]), least_padding([8, 8])
    (1, 17)
    """
    return prod(n + 1 for n in shape) - prod(shape)


class CommutingConvolution(Lift):
    r"""y_p = φᵀ G₁^{p₁} ⋯ G_k^{p_k} x at the positions p of a grid, zeros behind the sample x.

    The generators turn common planes by angles of their own (``CommutingSubgroup``), so that they
    commute and are real whatever is learned. The planes are C(A) Q₀: a Cayley transform of a free
    matrix and a fixed orthogonal one, where training begins.

    Args:
        shape: W, positions along each of k axes; their product is d.
        padding: zeros behind a sample; ``least_padding`` if null.
        frequencies: what angles start at: ``free``, normal ones, or ``torus``, those of the shifts
            of a grid of W + 1 positions an axis, behind a random rotation.
        init_scale: standard deviation of free angles.

    Raises:
        ValueError: for a padding that has no room for the torus.
    """

    def __init__(
        self,
        shape: Sequence[int],
        padding: int | None = None,
        frequencies: Literal["free", "torus"] = "free",
        init_scale: float = 1e-3,
    ) -> None:
        super().__init__()
        self.shape, self.dim = tuple(shape), prod(shape)
        self.padding = least_padding(shape) if padding is None else padding
        size = self.dim + self.padding
        if frequencies == "torus":
            planes, angles = torus([n + 1 for n in shape], size)
        else:
            planes = torch.eye(size, dtype=torch.float64)
            angles = init_scale * torch.randn(len(self.shape), size // 2, dtype=torch.float64)
        mixed = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64)).Q
        self.turn = nn.Parameter(torch.zeros(size, size))
        self.angles = nn.Parameter(angles.to(torch.get_default_dtype()))
        self.filter = nn.Parameter(torch.zeros(size))
        self.planes: Tensor
        self.positions: Tensor
        self.register_buffer("planes", (planes @ mixed).to(torch.get_default_dtype()))
        where = torch.cartesian_prod(*(positions(n) for n in self.shape))
        self.register_buffer("positions", where.view(self.dim, -1), persistent=False)

    @property
    def size(self) -> int:
        """D, the dimension of the padded space."""
        return len(self.filter)

    def subgroup(self) -> CommutingSubgroup:
        """The rotations of the padded space, in double precision."""
        planes = cayley(self.turn.double()) @ self.planes.double()
        return CommutingSubgroup(planes, self.angles.double())

    def generators(self) -> Tensor:
        """G cropped to the samples' space, ``(k, d, d)``: a sample x moves to G x."""
        return self.subgroup().generators()[:, : self.dim, : self.dim].to(self.filter)

    def lift(self, noise: Tensor | None = None) -> Tensor:
        """The group convolution matrix L, ``(d, d)``; noise ``(D,)`` is added to the filter."""
        rows = self.subgroup().orbit(self.direction(noise).double(), self.positions.double())
        return rows[:, : self.dim].to(self.filter)

    def transform(self, x: Tensor, t: Tensor) -> Tensor:
        """Samples ``(B, d)`` moved by real amounts along the axes, ``(k,)`` or ``(B, k)``."""
        padded = nn.functional.pad(x.double(), (0, self.padding))
        return self.subgroup().transform(padded, t.double())[:, : self.dim].to(x.dtype)

    @torch.no_grad()
    def adopt(self, basis: Tensor) -> None:
        """Set generators to the shifts of an orthonormal basis ``(d, d)``, φ to its middle row.

        L is then that basis, whose rows are in the order of the positions.

        Raises:
            ValueError: if there is no room for one position more along each axis.
        """
        lengths = [n + 1 for n in self.shape]
        if prod(lengths) > self.size:
            raise ValueError(
                f"model.padding {self.padding} has no room for one position more along each axis "
                f"of {' x '.join(map(str, self.shape))}: {least_padding(self.shape)} at least"
            )
        planes, angles = torus(lengths, self.size)
        inside = torch.zeros(lengths, dtype=torch.bool)
        inside[tuple(slice(n) for n in self.shape)] = True
        at = inside.flatten().nonzero()[:, 0]
        others = torch.ones(self.size, dtype=torch.bool)
        others[at] = False
        whole = torch.zeros(self.size, self.size, dtype=torch.float64)
        whole[at, : self.dim] = basis.double().cpu()
        whole[others, self.dim :] = torch.eye(self.padding, dtype=torch.float64)
        middle = [(n - 1) // 2 for n in self.shape]
        cell = int(torch.arange(self.dim).view(self.shape)[tuple(middle)])
        self.turn.zero_()
        self.planes.copy_(planes @ whole)
        self.angles.copy_(angles)
        self.filter.copy_(whole[at[cell]])

    @torch.no_grad()
    def learned(self) -> dict[str, Tensor]:
        """Generators and their logarithms, filter and lifting matrix, in the samples' space."""
        logarithms = self.subgroup().logarithms()[:, : self.dim, : self.dim]
        return {
            "generators": self.generators(),
            "logarithms": logarithms.to(self.filter),
            "filter": self.direction()[: self.dim],
            "lifting_matrix": self.lift(),
        }

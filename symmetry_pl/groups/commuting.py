r"""Commuting one-parameter groups of rotations: common planes, and one angle a plane and group.

Rows of an orthogonal Q come in pairs (c_j, s_j), the planes. The g-th group turns all of them,

.. math:: S_g = \sum_j \theta_{gj} (c_j s_j^\top - s_j c_j^\top), \quad G^t = \exp \sum_g t_g S_g

whatever Q and θ are: the generators are real, antisymmetric and commute by construction, and every
set of such generators is of this form. In a space of odd dimension the last row rests. Conventions
are those of ``subgroup``: samples are columns and move to G x, filters are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import torch
from torch import Tensor

__all__ = ["CommutingSubgroup", "cayley", "torus"]


class CommutingSubgroup:
    """The rotations of k commuting generators, at the planes and angles that it was made of.

    Args:
        planes: Q, ``(N, N)``, orthogonal; rows 2j and 2j + 1 span the plane j.
        angles: θ, ``(k, N // 2)``, radians a unit of t.

    Raises:
        ValueError: if shapes do not fit.

    >>> turn = CommutingSubgroup(torch.eye(2), torch.tensor([[torch.pi / 2]]))
    >>> (turn.generators().round() + 0.0).tolist()
    [[[0.0, 1.0], [-1.0, 0.0]]]
    """

    def __init__(self, planes: Tensor, angles: Tensor) -> None:
        size = len(planes)
        if planes.shape != (size, size) or angles.ndim != 2 or angles.shape[1] != size // 2:
            raise ValueError(
                f"planes (N, N) need angles (k, N // 2), got {tuple(planes.shape)} and "
                f"{tuple(angles.shape)}"
            )
        self.planes, self.angles = planes, angles

    @property
    def size(self) -> int:
        """N, the dimension of the space that is rotated."""
        return len(self.planes)

    def logarithms(self) -> Tensor:
        """S_g, ``(k, N, N)``: elements of so(N) that commute."""
        paired = self.planes[: self.size // 2 * 2].view(-1, 2, self.size)
        weighted = self.angles[..., None] * paired[:, 1]
        half = paired[:, 0].T @ weighted
        return half - half.mT

    def generators(self) -> Tensor:
        """G_g = exp(S_g), ``(k, N, N)``."""
        steps = torch.eye(len(self.angles)).to(self.angles)
        return torch.stack([self.orbit(self._eye(), step.expand(self.size, -1)) for step in steps])

    def element(self, t: Tensor) -> Tensor:
        """G^t, ``(N, N)``, of t ``(k,)``."""
        return self.orbit(self._eye(), t.expand(self.size, -1))

    def orbit(self, vector: Tensor, t: Tensor) -> Tensor:
        """vectorᵀ G^t, without forming a power.

        Args:
            vector: ``(N,)``, or one a row of t.
            t: ``(K, k)``, real.

        Returns:
            ``(K, N)``, differentiable in all that it is made of.
        """
        return self._turned(vector.expand(len(t), -1), t)

    def transform(self, x: Tensor, t: Tensor) -> Tensor:
        """G^t x of samples ``(B, N)``, by amounts ``(k,)`` or ``(B, k)``."""
        return self._turned(x, -t.expand(len(x), -1))  # xᵀ G^-t is the transpose of G^t x

    def _eye(self) -> Tensor:
        return torch.eye(self.size).to(self.planes)

    def _turned(self, rows: Tensor, t: Tensor) -> Tensor:
        """Rows ``(K, N)`` times G^t: complex numbers c + is of each plane, times a phase."""
        paired = self.size // 2 * 2
        seen = rows @ self.planes.T
        a, b = seen[:, 0:paired:2], seen[:, 1:paired:2]
        cosine, sine = (t @ self.angles).cos(), (t @ self.angles).sin()
        turned = torch.stack([a * cosine - b * sine, a * sine + b * cosine], 2).flatten(1)
        moved: Tensor = torch.cat([turned, seen[:, paired:]], 1) @ self.planes
        return moved


def cayley(matrix: Tensor) -> Tensor:
    r"""The rotation (I − S)⁻¹ (I + S) of S = (A − Aᵀ)/4, for small A its exponential.

    .. math:: C(A) = \exp\bigl(\tfrac12 (A - A^\top)\bigr) + O(A^3)

    Orthogonal for every A, and a tenth of the price of an exponential with its gradient. It reaches
    all rotations but those that turn a plane by half.

    >>> turn = cayley(torch.tensor([[0.0, 4.0], [0.0, 0.0]]))
    >>> (turn.round() + 0.0).tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    skew = (matrix - matrix.mT) / 4
    eye = torch.eye(len(matrix)).to(matrix)
    rotation: Tensor = torch.linalg.solve(eye - skew, eye + skew)
    return rotation


def torus(lengths: Sequence[int], size: int | None = None) -> tuple[Tensor, Tensor]:
    r"""Planes and angles of the shifts along the axes of a grid of which all lines close.

    .. math:: f_\omega(a) = e^{i \omega \cdot a} / \sqrt N, \quad
        c = \sqrt2\, \mathrm{Re} f, \quad s = \sqrt2\, \mathrm{Im} f, \quad \theta = \omega

    A line of even length closes with a sign, as its shift is no rotation otherwise
    (``subgroup.cycle_logarithm``, whose logarithms these are). The g-th generator moves rows up,
    and a sample down, along axis g.

    Args:
        lengths: of the axes; positions are numbered as in an image.
        size: of a larger space, whose other directions rest.

    Returns:
        Q ``(N, N)`` and θ ``(k, N // 2)``, float64.

    Raises:
        ValueError: if ``size`` has no room for the grid.
    """
    whole = prod(lengths)
    size = whole if size is None else size
    if size < whole:
        raise ValueError(f"a grid of {whole} positions has no room in {size} dimensions")
    waves = [[(2 * k - (n - 1)) / 2 * 2 * torch.pi / n for k in range(n)] for n in lengths]
    # of each wave and its conjugate, the one that comes later; the constant, if any, is real
    chosen = torch.tensor(list(product(*waves)), dtype=torch.float64)
    chosen = chosen[whole - whole // 2 :]
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in lengths))
    phase = chosen @ places.view(whole, -1).T
    paired = torch.stack([phase.cos(), phase.sin()], 1).flatten(0, 1) * (2 / whole) ** 0.5
    planes = torch.zeros(size, size, dtype=torch.float64)
    pairs = whole // 2
    planes[: 2 * pairs, :whole] = paired[: 2 * pairs]
    if whole % 2:
        planes[2 * pairs, :whole] = whole**-0.5
    planes[whole:, whole:] = torch.eye(size - whole, dtype=torch.float64)
    angles = torch.zeros(len(lengths), size // 2, dtype=torch.float64)
    angles[:, :pairs] = chosen[:pairs].T
    return planes, angles

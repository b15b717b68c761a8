r"""Laws on groups of matrices that are concentrated about an element.

.. math:: K_c(A; B) = \frac{1}{Z(c)} \exp\Bigl(-\frac c4 \|A - B\|_F^2\Bigr)

Between rotations by an angle θ this is exp(c (cos θ − 1)) / Z: the von Mises law in the plane and
the isotropic matrix Fisher law in space, whose standard deviations are about c^(−1/2) rad for each
coordinate; c = 0 is the uniform law. Between linear maps it is a normal law of the entries, with a
variance of 2 / c. Densities are with respect to the volume in the group's distance.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.base import Group
from symmetry_pl.groups.clouds import Orthogonal, SpecialOrthogonal
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.rotations import rotation_of

__all__ = ["ConcentratedLaw"]

_TABLE = 2049  # angles at which a distribution function is known
_REACH = 12.0  # of the table, in standard deviations


class ConcentratedLaw:
    """The law K_c of a group.

    Args:
        group: SO(d), O(d) or GL(2)+. Of O(d) a law has elements of one determinant. The mass that
            a normal law has beyond GL(2)+, where no determinant is positive, is not counted.

    Raises:
        ValueError: for another group.
    """

    def __init__(self, group: Group) -> None:
        if not isinstance(group, (SpecialOrthogonal, Orthogonal, PositiveLinear)):
            raise ValueError(
                f"there is no concentrated law for a {type(group).__name__}: there are those of "
                "so2, so3, o2, o3 and gl2"
            )
        self.group = group
        self.linear = isinstance(group, PositiveLinear)
        self.mirrors = isinstance(group, Orthogonal)

    @property
    def broadest(self) -> float:
        """The least c there is: 0, the uniform law, or 1/2 where there is none."""
        return 0.5 if self.linear else 0.0

    def log_normaliser(self, c: Tensor) -> Tensor:
        r"""Log Z(c), of the shape of c, float64.

        .. math:: Z = 2\pi\, e^{-c} I_0(c), \quad 8\pi^2 e^{-c} (I_0(c) - I_1(c)), \quad
            (4\pi / c)^2

        in SO(2), SO(3) and GL(2)+, with modified Bessel functions I.
        """
        wide = c.double()
        if self.linear:
            return 2 * (4 * math.pi / wide).log()
        zero = torch.special.i0e(wide)
        if self.group.points == 2:
            volume: Tensor = 2 * math.pi * zero
        else:
            volume = 8 * math.pi**2 * (zero - torch.special.i1e(wide))
        return volume.log()

    def squares(self, a: Tensor, b: Tensor) -> Tensor:
        """‖A − B‖² of all pairs, ``(N, M)`` float64, infinite where no path joins them.

        Args:
            a: ``(N, d, d)``.
            b: ``(M, d, d)``.
        """
        one, two = a.double().flatten(1), b.double().flatten(1)
        found = one.square().sum(1)[:, None] + two.square().sum(1) - 2 * one @ two.mT
        found = found.clamp(min=0)
        if self.mirrors:
            signs = [torch.linalg.det(m.double()).sign() for m in (a, b)]
            found = found.masked_fill(signs[0][:, None] != signs[1], math.inf)
        return found

    def log_density(self, squares: Tensor, c: Tensor) -> Tensor:
        """Log K_c of what ``squares`` gives; nats."""
        bent = -c.double() / 4 * squares
        # 0 · ∞ where the uniform law does not reach a part of the group
        bent = torch.where(squares.isinf(), -math.inf, bent) if self.mirrors else bent
        return bent - self.log_normaliser(c)

    def draw(self, centre: Tensor, c: Tensor, noise: Tensor) -> Tensor:
        """Elements of K_c about centres.

        Args:
            centre: B ``(N, d, d)``.
            c: a number.
            noise: standard normal ``(N, k)``, k = 1 in SO(2), 3 in SO(3) and 4 in GL(2)+.

        Returns:
            ``(N, d, d)``, float64.
        """
        wide, normal = centre.double(), noise.double()
        if self.linear:
            return wide + (2 / c.double()).sqrt() * normal.view(-1, 2, 2)
        length = normal.norm(dim=1, keepdim=True).clamp(min=1e-300)
        half = torch.as_tensor(normal.shape[1] / 2, dtype=torch.float64, device=normal.device)
        share = torch.special.gammainc(half, length.square() / 2)
        return wide @ rotation_of(self._angle(share, c.double()) * normal / length)

    @property
    def noise_columns(self) -> int:
        """k, numbers that ``draw`` needs."""
        return 4 if self.linear else (1 if self.group.points == 2 else 3)

    def _angle(self, share: Tensor, c: Tensor) -> Tensor:
        """Angles θ ≥ 0 below which a share of the law lies."""
        widest = min(math.pi, _REACH / math.sqrt(max(float(c), 1e-9)))
        grid = torch.linspace(0, widest, _TABLE, dtype=torch.float64, device=share.device)
        density = (c * (grid.cos() - 1)).exp()
        if self.group.points == 3:
            density = density * (1 - grid.cos())
        rises = torch.cumulative_trapezoid(density, grid)
        rises = torch.nn.functional.pad(rises, (1, 0)) / rises[-1]
        right = torch.searchsorted(rises, share.flatten()).clamp(1, _TABLE - 1)
        low, high = rises[right - 1], rises[right]
        within = (share.flatten() - low) / (high - low).clamp(min=1e-300)
        return torch.lerp(grid[right - 1], grid[right], within.clamp(0, 1)).view_as(share)

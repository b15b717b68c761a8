r"""Linear maps of the plane that keep its orientation, GL(2)+."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import CloudGroup
from symmetry_pl.groups.matrices import exponential_rows, plane_logarithm, plane_matrix
from symmetry_pl.groups.rotations import rotation_of, rotation_vector

__all__ = ["PositiveLinear"]

Measure = Literal["polar", "algebra", "factors"]

_LOG = math.log(2)  # LieFlow draws determinants in [1/2, 2]


class PositiveLinear(CloudGroup):
    r"""GL(2)+: linear maps of the plane with a positive determinant, L = R(θ) exp(S).

    Coordinates are those of the polar decomposition, (θ, S_xx, S_yy, S_xy), which every element
    has exactly once. The distance is the Euclidean one of the four entries, as in LieFlow's
    protocol, and no side leaves it alone. ``sample`` draws from the measure: ``polar``, θ and S
    uniformly in the bounds; or one of LieFlow's two (Chen et al., 2026): ``algebra``, exp A with
    entries of A uniform in [−π, π] and a determinant in [1/2, 2], and ``factors``, a rotation after
    scales uniform in [1/2, 2] after a shear uniform in [−1, 1].

    Args:
        bounds: half widths of the coordinates.
        measure: that elements are drawn from.
    """

    def __init__(
        self, bounds: Sequence[float] = (math.pi, 0.7, 0.7, 0.7), measure: Measure = "polar"
    ) -> None:
        check_choice("measure", measure, ("polar", "algebra", "factors"))
        names = ("rotation", "x-scale", "y-scale", "shear")
        super().__init__(
            2, names, ("rad", "log", "log", "log"), bounds, periods=(2 * math.pi, *[None] * 3)
        )
        self.measure = measure

    def element(self, eta: Tensor) -> Tensor:
        """R(θ) exp(S)."""
        angle, x, y, shear = eta.double().unbind(-1)
        stretch = exponential_rows(plane_matrix(x, shear, shear, y))
        return (rotation_of(angle[..., None]) @ stretch).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """θ and S of the polar decomposition.

        Raises:
            ValueError: for a determinant that is not positive.
        """
        wide = element.double()
        if not bool((torch.linalg.det(wide) > 0).all()):
            raise ValueError("an element of GL(2)+ must have a positive determinant")
        angle = rotation_vector(wide)
        stretch = rotation_of(angle).mT @ wide
        log = plane_logarithm((stretch + stretch.mT) / 2)
        eta = torch.cat([angle, log.flatten(-2)[..., [0, 3, 1]]], -1)
        return eta.to(at_least_single(element).dtype)

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The Euclidean distance of the entries, ``(…,)``."""
        apart: Tensor = (element - other).flatten(-2).norm(dim=-1)
        return apart

    def _draw(
        self,
        count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> Tensor:
        """``count`` elements of the measure."""
        if self.measure == "polar":
            return super()._draw(count, generator, dtype, device)
        u = torch.rand(count, 4, generator=generator, dtype=torch.float64, device=device)
        drawn = _of_algebra(u) if self.measure == "algebra" else _of_factors(u)
        return drawn


def _of_algebra(u: Tensor) -> Tensor:
    """Exp A of uniform numbers ``(N, 4)``, tr A within ± log 2.

    The sum s of two entries that are uniform in [−π, π] has the density 2π − |s| up to a factor,
    and their difference is then uniform in ± (2π − |s|): no draw is thrown away.
    """
    whole = 2 * math.pi * _LOG - _LOG**2 / 2
    side = 2 * u[:, 0] - 1
    size = 2 * math.pi - (4 * math.pi**2 - 2 * side.abs() * whole).sqrt()
    trace, apart = side.sign() * size, (2 * u[:, 1] - 1) * (2 * math.pi - size)
    off = math.pi * (2 * u[:, 2:] - 1)
    a = plane_matrix((trace + apart) / 2, off[:, 0], off[:, 1], (trace - apart) / 2)
    drawn: Tensor = torch.linalg.matrix_exp(a)
    return drawn


def _of_factors(u: Tensor) -> Tensor:
    """Rotation, scales and shear of uniform numbers ``(N, 4)``."""
    scales = 0.5 + 1.5 * u[:, 1:3]
    one, zero = torch.ones_like(u[:, 3]), torch.zeros_like(u[:, 3])
    shear = plane_matrix(one, 2 * u[:, 3] - 1, zero, one)
    return rotation_of(2 * math.pi * u[:, :1]) @ (scales[:, :, None] * shear)

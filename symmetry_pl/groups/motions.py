"""Rigid motions and similarities of clouds of points: rotations with shifts, and with scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import CloudGroup, SpecialOrthogonal, axis_names
from symmetry_pl.groups.rotations import (
    cross_matrix,
    random_rotations,
    rotation_angle,
    rotation_vector,
)

__all__ = ["Similarity", "SpecialEuclidean"]


class SpecialEuclidean(CloudGroup):
    r"""Rigid motions SE(2) or SE(3), [[R, t], [0, 1]] = exp [[Ω, ρ], [0, 0]].

    Coordinates are ρ and the rotation vector of Ω, of a turn by at most π. The distance is
    √(θ² + |t − t'|²) with the angle θ between the rotations in radians, a length of 1 counting as
    1 rad; motions that act afterwards leave it alone. ``sample`` draws rotations from the uniform
    law and t uniformly within the bounds of ρ, and so from the Haar measure within that box.

    Args:
        points: 2 or 3.
        bounds: half widths of the coordinates; shifts of 1 if None.
    """

    _scales = False

    def __init__(self, points: int = 3, bounds: Sequence[float] | None = None) -> None:
        turns = SpecialOrthogonal(points)
        names = (*axis_names("shift")[:points], *turns.names, *["scale"] * self._scales)
        units = (*[""] * points, *turns.units, *["log"] * self._scales)
        widest = (*[1.0] * points, *turns.bounds, *[0.7] * self._scales)
        super().__init__(points, names, units, widest if bounds is None else bounds, True)

    def element(self, eta: Tensor) -> Tensor:
        """The exponential of the coordinates."""
        wide = eta.double()
        moved = _exponential(self._algebra(wide), wide[..., : self.points])
        return moved.to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """The logarithm, of a turn by at most π."""
        wide, d = element.double(), self.points
        linear, shift = wide[..., :d, :d], wide[..., :d, d]
        scale = torch.linalg.det(linear).pow(1 / d)[..., None]
        parts = [rotation_vector(linear / scale[..., None])]
        parts += [scale.log()] if self._scales else []
        algebra = self._algebra(torch.cat([torch.zeros_like(shift), *parts], -1))
        eye = torch.eye(d, dtype=wide.dtype, device=wide.device)
        columns = [_exponential(algebra, one.expand_as(shift))[..., :d, d] for one in eye]
        rho = torch.linalg.solve(torch.stack(columns, -1), shift)
        return torch.cat([rho, *parts], -1).to(at_least_single(element).dtype)

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """√(θ² + ‖t − t'‖²), and for similarities as stated there: ``(…,)``."""
        d = self.points
        dtype = torch.promote_types(at_least_single(element).dtype, at_least_single(other).dtype)
        one, two = element.double(), other.double()
        linear = [g[..., :d, :d] for g in (one, two)]
        scales = [torch.linalg.det(part).pow(1 / d) for part in linear]
        turns = [part / s[..., None, None] for part, s in zip(linear, scales, strict=True)]
        apart = (one - two)[..., :d, d].square().sum(-1) / (scales[0] * scales[1])
        grown = (scales[0] / scales[1]).log()
        whole: Tensor = rotation_angle(*turns).square() + apart + grown.square()
        return whole.sqrt().to(dtype)

    def _draw(
        self,
        count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> Tensor:
        """``count`` elements of the stated measure."""
        d = self.points
        u = torch.rand(count, self.dim, generator=generator, dtype=torch.float64, device=device)
        eta = self.from_uniform(u)
        drawn = self.identity(count, dtype=torch.float64, device=device)
        drawn[:, :d, :d] = random_rotations(count, d, generator, device)
        if self._scales:
            drawn[:, :d, :d] *= eta[:, -1, None, None].exp()
        drawn[:, :d, d] = eta[:, :d]
        return drawn

    def _algebra(self, eta: Tensor) -> Tensor:
        """The linear part of the algebra, ``(…, d, d)``."""
        d = self.points
        turn = cross_matrix(eta[..., d : d + (1 if d == 2 else 3)])
        if not self._scales:
            return turn
        eye = torch.eye(d, dtype=eta.dtype, device=eta.device)
        return turn + eta[..., -1, None, None] * eye


class Similarity(SpecialEuclidean):
    r"""Rigid motions and scales, [[s R, t], [0, 1]] = exp [[λ + Ω, ρ], [0, 0]], s = exp λ > 0.

    Coordinates are ρ, the rotation vector and λ. The distance is
    √(θ² + |t − t'|² / (s s') + log²(s / s')); similarities that act afterwards leave it alone.
    ``sample`` draws rotations from the uniform law, t and λ uniformly in their bounds.

    Args:
        points: 2 or 3.
        bounds: half widths of the coordinates; shifts of 1 and scales of 2^(±1) if None.
    """

    _scales = True


def _exponential(linear: Tensor, shift: Tensor) -> Tensor:
    """The exponential of [[B, c], [0, 0]], ``(…, d, d)`` and ``(…, d)``."""
    top = torch.cat([linear, shift[..., None]], -1)
    moved: Tensor = torch.linalg.matrix_exp(torch.nn.functional.pad(top, (0, 0, 0, 1)))
    return moved

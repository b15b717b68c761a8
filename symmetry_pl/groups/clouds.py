"""Groups that act on clouds of points: matrices, with one matrix product as the action."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups.base import Group, at_least_single
from symmetry_pl.groups.matrices import multiply
from symmetry_pl.groups.rotations import (
    random_rotations,
    rotation_angle,
    rotation_of,
    rotation_vector,
)

__all__ = [
    "CloudGroup",
    "Orthogonal",
    "SpecialOrthogonal",
    "axis_names",
]

_BALL = 1.8  # half width of a cube of rotation vectors inside the ball of radius π


class CloudGroup(Group):
    r"""A group acting on clouds ``(B, n, d)`` by matrices: g x = L x + t for every point x.

    Elements are L ``(d, d)``, or [[L, t], [0, 1]] ``(d + 1, d + 1)`` where the group moves the
    origin. ``sample`` draws from the reference measure that each class states; ``bounds`` are half
    widths of coordinates, as of every group.

    Args:
        points: d, 2 or 3.
        names: of the coordinates.
        units: of the coordinates.
        bounds: half widths of the coordinates.
        moves_origin: whether elements have a t.
        periods: of the coordinates.

    Attributes:
        log_volume: log of the volume of the group in its distance; None if it is infinite.

    Raises:
        ValueError: for other dimensions, and as of ``Group``.
    """

    log_volume: float | None = None

    def __init__(
        self,
        points: int,
        names: Sequence[str],
        units: Sequence[str],
        bounds: Sequence[float],
        moves_origin: bool = False,
        periods: Sequence[float | None] | None = None,
    ) -> None:
        if points not in (2, 3):
            raise ValueError(f"clouds are of 2 or 3 dimensions, got {points}")
        self.points = points
        size = points + moves_origin
        super().__init__(names, units, bounds, (size, size), periods=periods)

    def identity(
        self,
        count: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """``count`` identity matrices."""
        size = self.element_shape[0]
        return torch.eye(size, dtype=dtype, device=device).expand(count, size, size).clone()

    def compose(self, first: Tensor, then: Tensor) -> Tensor:
        """The matrix product then · first."""
        return multiply(then, first)

    def inverse(self, element: Tensor) -> Tensor:
        """The inverse matrix."""
        undone: Tensor = torch.linalg.inv(element.double())
        return undone.to(at_least_single(element).dtype)

    def apply(self, element: Tensor, x: Tensor) -> Tensor:
        """Move cloud b of ``(B, n, d)`` by element b of ``(B, *element_shape)``.

        Points that are missing (NaN) remain so, and no gradient goes by way of them.
        """
        self.check_clouds(tuple(x.shape[1:]))
        d = self.points
        wide, missing = element.double(), x.isnan()
        moved = x.double().masked_fill(missing, 0.0) @ wide[:, :d, :d].mT
        if wide.shape[-1] > d:
            moved = moved + wide[:, None, :d, d]
        return moved.masked_fill(missing, math.nan).to(at_least_single(x).dtype)

    def check_clouds(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError, in one sentence, if the group cannot act on clouds ``(n, d)``."""
        if len(shape) != 2 or shape[0] < 1 or shape[1] != self.points:
            raise ValueError(
                f"clouds of {type(self).__name__} must have the shape (n, {self.points}), "
                f"got {tuple(shape)}"
            )


class SpecialOrthogonal(CloudGroup):
    """Rotations SO(2), by an angle, or SO(3), by a rotation vector of length at most π.

    The distance is the geodesic angle in radians, which both sides leave alone; ``sample`` draws
    from the uniform law (Haar measure), whose volume is 2π or 8π² in that distance.

    Args:
        points: 2 or 3.
        bounds: half widths of the coordinates; all of SO(2), or a cube of rotation vectors
            below π, if None.

    >>> group = SpecialOrthogonal(3)
    >>> group.coordinates(group.element(torch.tensor([0.0, 0.0, 1.0]))).tolist()
    [0.0, 0.0, 1.0]
    """

    def __init__(self, points: int = 3, bounds: Sequence[float] | None = None) -> None:
        names, widest = (("rotation",), math.pi) if points == 2 else (axis_names("rotation"), _BALL)
        super().__init__(
            points,
            names,
            ("rad",) * len(names),
            (widest,) * len(names) if bounds is None else bounds,
            periods=(2 * math.pi,) if points == 2 else None,
        )
        self.log_volume = math.log(2 * math.pi if points == 2 else 8 * math.pi**2)

    def element(self, eta: Tensor) -> Tensor:
        """The exponential of the rotation vector."""
        return rotation_of(eta).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """log, of a turn by at most π."""
        return rotation_vector(element).to(at_least_single(element).dtype)

    def inverse(self, element: Tensor) -> Tensor:
        """The transpose."""
        return at_least_single(element).mT

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The geodesic angle in radians, ``(…,)``."""
        return rotation_angle(element, other)

    def _draw(
        self,
        count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> Tensor:
        """``count`` elements of the uniform law."""
        return random_rotations(count, self.points, generator, device)


class Orthogonal(CloudGroup):
    """Rotations and mirror images, O(2) or O(3).

    The last coordinate is 0 for rotations and 1 for what mirrors, a rotation after
    (x, y) ↦ (x, −y) or after x ↦ −x in space; values are rounded. The distance is the geodesic
    angle, and π between a rotation and what mirrors, which no path joins; both sides leave it
    alone. ``sample`` draws from the uniform law, of volume 4π or 16π².

    Args:
        points: 2 or 3.
    """

    def __init__(self, points: int = 3) -> None:
        self.rotations = SpecialOrthogonal(points)
        super().__init__(
            points,
            (*self.rotations.names, "mirror"),
            (*self.rotations.units, ""),
            (*self.rotations.bounds, 0.5),
            periods=(*self.rotations.periods, None),
        )
        self.offset = (*self.rotations.offset, 0.5)
        assert self.rotations.log_volume is not None
        self.log_volume = self.rotations.log_volume + math.log(2)

    def from_uniform(self, u: Tensor) -> Tensor:
        """Coordinates uniform in the bounds, the last one 0 or 1: ``(…, d)``."""
        eta = super().from_uniform(u)
        return torch.cat([eta[..., :-1], eta[..., -1:].round()], -1)

    def element(self, eta: Tensor) -> Tensor:
        """The rotation, after a mirror image where the last coordinate rounds to 1."""
        turn, mirrors = rotation_of(eta[..., :-1]), eta[..., -1:, None].round() == 1
        return torch.where(mirrors, turn * self._mirror(turn), turn).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """The rotation vector, and whether an element mirrors."""
        turn, mirrors = self._parts(element)
        eta = torch.cat([rotation_vector(turn), mirrors[..., None].double()], -1)
        return eta.to(at_least_single(element).dtype)

    def inverse(self, element: Tensor) -> Tensor:
        """The transpose."""
        return at_least_single(element).mT

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The geodesic angle in radians, and π between rotations and what mirrors."""
        (one, mirrors), (two, mirrors_too) = self._parts(element), self._parts(other)
        angle = rotation_angle(one, two)
        apart = torch.where(mirrors == mirrors_too, angle, torch.full_like(angle, math.pi))
        dtype = torch.promote_types(at_least_single(element).dtype, at_least_single(other).dtype)
        return apart.to(dtype)

    def _draw(
        self,
        count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> Tensor:
        """``count`` elements of the uniform law."""
        turn = random_rotations(count, self.points, generator, device)
        mirrors = torch.rand(count, 1, 1, generator=generator, device=device) < 0.5
        drawn = torch.where(mirrors, turn * self._mirror(turn), turn)
        return drawn

    def _mirror(self, like: Tensor) -> Tensor:
        """What columns are multiplied by in a mirror image."""
        return like.new_tensor([1.0, -1.0] if self.points == 2 else [-1.0, -1.0, -1.0])

    def _parts(self, element: Tensor) -> tuple[Tensor, Tensor]:
        """The rotation ``(…, d, d)``, and whether there is a mirror image before it ``(…,)``."""
        wide = element.double()
        mirrors = torch.linalg.det(wide) < 0
        return torch.where(mirrors[..., None, None], wide * self._mirror(wide), wide), mirrors


def axis_names(what: str) -> tuple[str, ...]:
    """x-…, y-…, z-…."""
    return tuple(f"{axis}-{what}" for axis in "xyz")

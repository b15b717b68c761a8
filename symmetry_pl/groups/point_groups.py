r"""Subgroups of the rotations: the finite ones, and the rotations about one axis.

Up to their orientation these are all closed subgroups of SO(3) but SO(3) itself: C_n, D_n, the
rotations of a tetrahedron T (12), an octahedron O (24), an icosahedron I (60), SO(2) about an axis,
and the same with the half turns across it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import permutations, product

import torch
from torch import Tensor

from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.rotations import matrix_of, rotation_angle, rotation_of, rotation_vector

__all__ = [
    "AxialRotations",
    "PointGroup",
    "RotationSubgroup",
    "axial",
    "cyclic",
    "dihedral",
    "frame_of",
    "icosahedral",
    "octahedral",
    "tetrahedral",
]

_GOLDEN = (1 + 5**0.5) / 2
_EVEN = [p for p in permutations(range(4)) if torch.det(torch.eye(4)[list(p)]) > 0]


class RotationSubgroup(ABC):
    """A subgroup of O(d), d = 2 or 3, that can be drawn from and measured against.

    Attributes:
        name: such as ``C4``.
        order: number of elements, ``math.inf`` for a continuous one.
    """

    name: str
    order: float

    @abstractmethod
    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``count`` elements of the uniform law, ``(count, d, d)``, float64."""

    @abstractmethod
    def nearest(self, element: Tensor) -> Tensor:
        """The element of the subgroup next to each of ``(B, d, d)``, float64."""

    def distance(self, element: Tensor) -> Tensor:
        """The geodesic angle to the subgroup in radians, ``(B,)``; π from what only mirrors."""
        near = self.nearest(element)
        mirrors = torch.linalg.det(element.double()) * torch.linalg.det(near) < 0
        angle = rotation_angle(element.double(), near)
        return angle.masked_fill(mirrors, math.pi).to(at_least_single(element).dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, order {self.order:g})"


class PointGroup(RotationSubgroup):
    """A finite subgroup, as the list of its elements.

    Args:
        name: such as ``C4``.
        elements: ``(n, d, d)``, the identity first.
    """

    def __init__(self, name: str, elements: Tensor) -> None:
        self.name, self.elements = name, elements.double()
        self.order = len(elements)

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``count`` elements, each as likely as the others."""
        return self.elements[torch.randint(len(self.elements), (count,), generator=generator)]

    def nearest(self, element: Tensor) -> Tensor:
        """The element next to each of ``(B, d, d)``, by the Frobenius norm."""
        products = torch.einsum("bij,nij->bn", element.double(), self.elements.to(element.device))
        return self.elements.to(element.device)[products.argmax(1)]

    def turned(self, frame: Tensor) -> PointGroup:
        """The conjugate group F H Fᵀ of a rotation F ``(d, d)``."""
        turn = frame.double()
        return PointGroup(self.name, turn @ self.elements @ turn.mT)


class AxialRotations(RotationSubgroup):
    """All rotations about one axis of space, and with ``flips`` the half turns across it.

    Args:
        axis: ``(3,)``, of any length but 0.
        flips: whether half turns about the axes across it belong to the group.
    """

    order = math.inf

    def __init__(
        self, axis: Sequence[float] | Tensor = (0.0, 0.0, 1.0), flips: bool = False
    ) -> None:
        self.frame = frame_of(axis)
        self.flips = flips
        self.name = "O(2)" if flips else "SO(2)"

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``count`` elements of the uniform law."""
        u = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        turns = torch.nn.functional.pad(2 * torch.pi * u[:, :1], (2, 0))
        drawn = rotation_of(turns)
        if self.flips:
            half = drawn * drawn.new_tensor([1.0, -1.0, -1.0])
            drawn = torch.where(u[:, 1:, None] < 0.5, half, drawn)
        return self.frame @ drawn @ self.frame.mT

    def nearest(self, element: Tensor) -> Tensor:
        """The element next to each of ``(B, 3, 3)``."""
        seen = self.frame.mT @ element.double() @ self.frame
        turn = _about_z(seen)
        if self.flips:
            mirror = seen.new_tensor([1.0, -1.0, -1.0])
            half = _about_z(seen * mirror) * mirror
            closer = (seen * half).sum((-2, -1)) > (seen * turn).sum((-2, -1))
            turn = torch.where(closer[:, None, None], half, turn)
        return self.frame @ turn @ self.frame.mT


def cyclic(n: int, axis: Sequence[float] | Tensor | None = (0.0, 0.0, 1.0)) -> PointGroup:
    """C_n: turns by multiples of 2π/n about an axis, or in the plane if ``axis`` is None.

    >>> cyclic(4).elements.shape, cyclic(4, axis=None).elements.shape
    (torch.Size([4, 3, 3]), torch.Size([4, 2, 2]))
    """
    angles = 2 * torch.pi * torch.arange(_order(n), dtype=torch.float64)[:, None] / n
    if axis is None:
        return PointGroup(f"C{n}", rotation_of(angles))
    turns = PointGroup(f"C{n}", rotation_of(torch.nn.functional.pad(angles, (2, 0))))
    return turns.turned(frame_of(axis))


def dihedral(
    n: int,
    axis: Sequence[float] | Tensor | None = (0.0, 0.0, 1.0),
    second: Sequence[float] | Tensor = (1.0, 0.0, 0.0),
) -> PointGroup:
    """D_n: C_n and n half turns about axes across its own, or in the plane n mirror images.

    Args:
        n: of C_n.
        axis: of C_n; None for the plane, where ``second`` is on a mirror line.
        second: ``(3,)`` or ``(2,)``: one of the other axes, up to its part along the first.
    """
    if axis is None:
        turns, across = cyclic(n, None), frame_of(second[:2])
        flips = turns.elements @ across @ torch.diag(across.new_tensor([1.0, -1.0])) @ across.mT
        return PointGroup(f"D{n}", torch.cat([turns.elements, flips]))
    turns = cyclic(n)
    flips = turns.elements * turns.elements.new_tensor([1.0, -1.0, -1.0])
    whole = PointGroup(f"D{n}", torch.cat([turns.elements, flips]))
    return whole.turned(frame_of(axis, second))


def axial(axis: Sequence[float] | Tensor = (0.0, 0.0, 1.0), flips: bool = False) -> AxialRotations:
    """SO(2) about an axis ``(3,)``; with ``flips`` also the half turns across it."""
    return AxialRotations(axis, flips)


def tetrahedral(frame: Tensor | None = None) -> PointGroup:
    """T: the 12 rotations of a tetrahedron, whose axes of order 2 are columns of the frame."""
    return _polyhedral("T", _tetrahedron(), frame)


def octahedral(frame: Tensor | None = None) -> PointGroup:
    """O: the 24 rotations of a cube, whose axes of order 4 are columns of the frame."""
    pairs = [s for s in product((-1.0, 0.0, 1.0), repeat=4) if sum(map(abs, s)) == 2]
    more = torch.tensor(pairs, dtype=torch.float64) / 2**0.5
    return _polyhedral("O", torch.cat([_tetrahedron(), more]), frame)


def icosahedral(frame: Tensor | None = None) -> PointGroup:
    """I: the 60 rotations of an icosahedron, with axes of order 2 along columns of the frame.

    >>> [group().order for group in (tetrahedral, octahedral, icosahedral)]
    [12, 24, 60]
    """
    base = torch.tensor(
        [(a * _GOLDEN, b * 1.0, c / _GOLDEN, 0.0) for a, b, c in product((-1, 1), repeat=3)],
        dtype=torch.float64,
    )
    more = torch.cat([base[:, list(order)] for order in _EVEN]) / 2
    return _polyhedral("I", torch.cat([_tetrahedron(), more]), frame)


def frame_of(
    axis: Sequence[float] | Tensor, second: Sequence[float] | Tensor | None = None
) -> Tensor:
    """A rotation that takes the z-axis to ``axis``, and x as near to ``second`` as it can be.

    Args:
        axis: ``(3,)``; or ``(2,)``, to which the rotation takes the x-axis.
        second: ``(3,)``; any if None.

    Returns:
        ``(d, d)``, float64.

    Raises:
        ValueError: for vectors of another size, of length 0, or along each other.
    """
    one = _unit("axis", axis)
    if len(one) == 2:
        return torch.stack([one, torch.stack([-one[1], one[0]])], 1)
    if second is None:
        second = torch.eye(3, dtype=torch.float64)[int(one.abs().argmin())]
    other = _unit("second", second)
    across = _unit("second, without its part along the axis,", other - (other @ one) * one)
    return torch.stack([across, torch.linalg.cross(one, across), one], 1)


def _tetrahedron() -> Tensor:
    """The 24 unit quaternions over the rotations of a tetrahedron."""
    eye = torch.eye(4, dtype=torch.float64)
    halves = torch.tensor(list(product((-0.5, 0.5), repeat=4)), dtype=torch.float64)
    return torch.cat([eye, -eye, halves])


def _polyhedral(name: str, quaternions: Tensor, frame: Tensor | None) -> PointGroup:
    """The rotations of all quaternions, of q and −q one, by their angle: the identity is first."""
    leading = (quaternions.abs() > 1e-9).double().argmax(1)
    kept = quaternions[quaternions.gather(1, leading[:, None])[:, 0] > 0]
    kept = kept[kept[:, 0].argsort(descending=True, stable=True)]
    group = PointGroup(name, matrix_of(kept))
    return group if frame is None else group.turned(frame)


def _about_z(matrix: Tensor) -> Tensor:
    """The rotation about z next to each of ``(B, 3, 3)``."""
    return rotation_of(torch.nn.functional.pad(rotation_vector(matrix[:, :2, :2]), (2, 0)))


def _order(n: int) -> int:
    if n < 1:
        raise ValueError(f"the order of an axis must be at least 1, got {n}")
    return n


def _unit(what: str, vector: Sequence[float] | Tensor) -> Tensor:
    wide = torch.as_tensor(vector, dtype=torch.float64)
    length = wide.norm()
    if wide.shape not in ((2,), (3,)) or not bool(length > 1e-9) or not bool(length.isfinite()):
        raise ValueError(f"{what} must be 2 or 3 finite numbers that are not all 0, got {vector}")
    unit: Tensor = wide / length
    return unit

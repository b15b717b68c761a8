"""Subgroups of the rotations by name, as options and tables write them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups.point_groups import (
    RotationSubgroup,
    axial,
    cyclic,
    dihedral,
    icosahedral,
    octahedral,
    tetrahedral,
)
from symmetry_pl.groups.rotations import random_rotations

__all__ = ["AllRotations", "named_subgroup"]

_POLYHEDRAL = {"T": tetrahedral, "O": octahedral, "I": icosahedral}
_UP = (0.0, 0.0, 1.0)


class AllRotations(RotationSubgroup):
    """SO(d) itself.

    Args:
        points: d, 2 or 3.
    """

    order = math.inf

    def __init__(self, points: int = 3) -> None:
        self.points = points
        self.name = f"SO({points})"

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """``count`` elements of the uniform law, ``(count, d, d)``, float64."""
        return random_rotations(count, self.points, generator)

    def nearest(self, element: Tensor) -> Tensor:
        """The rotation next to each of ``(B, d, d)``: itself, or what a mirror image leaves."""
        wide = element.double()
        mirrors = torch.linalg.det(wide) < 0
        return torch.where(mirrors[:, None, None], -wide if self.points == 3 else wide, wide)


def named_subgroup(
    name: str, points: int = 3, axis: Sequence[float] | None = None
) -> RotationSubgroup:
    """The subgroup of this name.

    Args:
        name: ``C1``, ``C2``, … and ``D2``, ``D3``, …; in space also ``T``, ``O``, ``I``, ``SO(2)``
            about an axis and ``O(2)`` with the half turns across it; all rotations as ``SO(2)`` in
            the plane, and as ``SO(3)`` in space.
        points: dimensions of the space, 2 or 3.
        axis: ``(3,)`` of C, D, SO(2) and O(2) in space; z if None.

    Raises:
        ValueError: for an unknown name, or an axis where there is none.

    >>> named_subgroup("D3"), named_subgroup("C4", points=2).elements.shape
    (PointGroup(D3, order 6), torch.Size([4, 2, 2]))
    """
    letter = re.fullmatch(r"([CD])([1-9][0-9]*)", name)
    has_axis = points == 3 and (letter is not None or name in ("SO(2)", "O(2)"))
    if axis is not None and not has_axis:
        raise ValueError(f"the group {name} in {points} dimensions has no axis, got {list(axis)}")
    along = (_UP if axis is None else axis) if points == 3 else None
    if letter is not None:
        return (cyclic if letter[1] == "C" else dihedral)(int(letter[2]), along)
    if name == f"SO({points})":
        return AllRotations(points)
    if points == 3 and name in _POLYHEDRAL:
        return _POLYHEDRAL[name]()
    if points == 3 and name in ("SO(2)", "O(2)"):
        return axial(_UP if axis is None else axis, flips=name == "O(2)")
    known = "C1, C2, …, D1, D2, …" + (", SO(2)" if points == 2 else ", T, O, I, SO(2), O(2), SO(3)")
    raise ValueError(f"a group of {points} dimensions must be one of {known}, got {name!r}")

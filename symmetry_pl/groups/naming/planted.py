"""Noisy elements of planted groups, and of sets that are no group: what names are judged on."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.groups.point_groups import (
    AxialRotations,
    PointGroup,
    RotationSubgroup,
    axial,
    cyclic,
    dihedral,
    icosahedral,
    octahedral,
    tetrahedral,
)
from symmetry_pl.groups.rotations import random_rotations, rotation_angle, rotation_of

__all__ = [
    "KINDS",
    "NULLS",
    "Planted",
    "is_closed",
    "is_false_group",
    "is_named",
    "jittered",
    "null",
    "planted",
    "turned",
]

KINDS = (
    *(f"C{n}" for n in range(1, 13)),
    *(f"D{n}" for n in range(2, 7)),
    *("T", "O", "I", "SO(2)", "SO(3)"),
)
"""Groups that are planted, in turn."""

NULLS = (
    *("modes", "identity and modes", "subset", "coset", "one missing"),
    *("bump", "arc", "patch", "wrong angle", "two bumps"),
)
"""Sets that are no group, in turn."""

_POLYHEDRAL = {"T": tetrahedral, "O": octahedral, "I": icosahedral}
_PARTS = ("C5", "C6", "C8", "D3", "D5", "T", "O", "I")
_LARGEST_JITTER, _OUTLIERS = 0.05, 0.1
_NULL_SEEDS = 10_000  # from which those of nulls are
_CLOSED = 0.01
_WITHIN = math.radians(1)


class Planted(NamedTuple):
    """Elements of a group.

    Args:
        elements: ``(N, 3, 3)``.
        kind: name of the group.
        group: the group; None for SO(3).
    """

    elements: Tensor
    kind: str
    group: RotationSubgroup | None


def turned(kind: str, generator: torch.Generator) -> RotationSubgroup | None:
    """The group of that name at a random orientation; None for SO(3)."""
    frame = random_rotations(1, 3, generator)[0]
    if kind in _POLYHEDRAL:
        return _POLYHEDRAL[kind](frame)
    if kind == "SO(2)":
        return axial(frame[:, 2])
    if kind == "SO(3)":
        return None
    return (cyclic if kind[0] == "C" else dihedral)(int(kind[1:])).turned(frame)


def jittered(elements: Tensor, jitter: float, generator: torch.Generator) -> Tensor:
    """Elements ``(N, 3, 3)`` before a rotation of N(0, jitter²) about each axis."""
    noise = torch.randn(len(elements), 3, generator=generator, dtype=torch.float64)
    return rotation_of(jitter * noise) @ elements


def planted(seed: int, outliers: bool = True, largest: int = 5000) -> Planted:
    """Elements of a group: 500 to ``largest``, with a jitter of 0 to 0.05 rad.

    Every other round of groups has up to 10 % outliers of the uniform law.
    """
    generator = torch.Generator().manual_seed(seed)
    kind = KINDS[seed % len(KINDS)]
    count = _count(largest, generator)
    group = turned(kind, generator)
    drawn = (
        random_rotations(count, 3, generator)
        if group is None
        else group.sample(count, generator=generator)
    )
    drawn = jittered(drawn, _uniform(0, _LARGEST_JITTER, generator), generator)
    wrong = round(count * _uniform(0, _OUTLIERS, generator))
    if wrong and outliers and seed // len(KINDS) % 2:
        drawn[:wrong] = random_rotations(wrong, 3, generator)
    return Planted(drawn, kind, group)


def is_named(found: NamedGroup, kind: str, group: RotationSubgroup | None) -> bool:
    """Whether the name is right, and elements and axes are within 1°."""
    if found.symbol != kind:
        return False
    if isinstance(group, AxialRotations):
        axis = torch.tensor(found.axes[0].direction, dtype=torch.float64)
        return bool((axis @ group.frame[:, 2]).abs() > math.cos(_WITHIN))
    if not isinstance(group, PointGroup):
        return group is None
    elements = torch.from_numpy(found.elements)
    off = rotation_angle(group.elements[:, None], elements).amin(1)
    return len(elements) == group.order and float(off.max()) < _WITHIN


def null(seed: int, largest: int = 5000) -> tuple[Tensor, str]:
    """Elements ``(N, 3, 3)`` of a set that is no group, and its kind."""
    generator = torch.Generator().manual_seed(_NULL_SEEDS + seed)
    kind = NULLS[seed % len(NULLS)]
    count = _count(largest, generator)
    jitter = _uniform(0, _LARGEST_JITTER, generator)
    if kind == "patch":
        drawn = random_rotations(20 * count, 3, generator)
        one = torch.eye(3, dtype=torch.float64)
        return drawn[rotation_angle(drawn, one) < _uniform(0.8, 1.8, generator)][:count], kind
    if kind == "arc":
        angles = _uniform(1, 4.5, generator) * torch.rand(count, 1, generator=generator)
        frame = random_rotations(1, 3, generator)[0]
        arc = rotation_of(torch.nn.functional.pad(angles.double(), (2, 0)))
        return jittered(frame @ arc @ frame.mT, jitter, generator), kind
    if kind in ("bump", "two bumps"):
        centres, jitter = _bumps(kind, generator)
    elif kind in ("subset", "coset", "one missing"):
        centres = _part_of_a_group(kind, generator)
        if kind == "subset" and is_closed(centres):
            return null(seed + 1000 * len(NULLS), largest)
    else:
        centres = _modes(kind, generator)
    drawn = centres[torch.randint(len(centres), (count,), generator=generator)]
    return jittered(drawn, jitter, generator), kind


def is_closed(elements: Tensor) -> bool:
    """Whether products of elements ``(K, 3, 3)`` are among them."""
    products = (elements[:, None] @ elements).flatten(0, 1)
    apart = rotation_angle(products[:, None], elements).amin(1)
    return bool((apart < _CLOSED).all())


def is_false_group(found: NamedGroup) -> bool:
    """Whether a set that is no group got the name of one."""
    return found.is_group and found.order is not None and found.order > 1


def _bumps(kind: str, generator: torch.Generator) -> tuple[Tensor, float]:
    centres = random_rotations(2, 3, generator)[: 1 + (kind == "two bumps")]
    if _uniform(0, 1, generator) < 0.5:
        centres[0] = torch.eye(3, dtype=torch.float64)
    return centres, _uniform(0.3, 0.7, generator)


def _modes(kind: str, generator: torch.Generator) -> Tensor:
    """Random elements, or three turns about one axis by nearly a third of a circle."""
    if kind == "wrong angle":
        axis = random_rotations(1, 3, generator)[0][:, 0]
        alpha = 2 * math.pi * (_uniform(0.05, 0.09, generator) + 1 / 3)
        return rotation_of(alpha * torch.arange(3, dtype=torch.float64)[:, None] * axis)
    centres = random_rotations(_integer(2, 8, generator), 3, generator)
    if kind == "identity and modes":
        centres[0] = torch.eye(3, dtype=torch.float64)
    return centres


def _part_of_a_group(kind: str, generator: torch.Generator) -> Tensor:
    """A coset, a few elements with the identity, or nearly all of them."""
    group = turned(_PARTS[_integer(0, len(_PARTS) - 1, generator)], generator)
    assert isinstance(group, PointGroup)
    centres = group.elements
    if kind == "coset":
        return centres @ random_rotations(1, 3, generator)[0]
    order = torch.randperm(len(centres) - 1, generator=generator) + 1
    most = len(centres) - 2 if kind == "one missing" else _integer(1, 4, generator)
    if kind == "one missing" and len(centres) == 60:
        most = 50
    return torch.cat([centres[:1], centres[order[:most]]])


def _count(largest: int, generator: torch.Generator) -> int:
    """A number from 500 to the largest, uniform in its logarithm."""
    return round(500 * math.pow(largest / 500, _uniform(0, 1, generator)))


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    drawn = torch.rand((), generator=generator, dtype=torch.float64)
    return low + (high - low) * float(drawn)


def _integer(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))

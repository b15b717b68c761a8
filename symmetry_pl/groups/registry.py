"""Groups by name with options by name, so that hyper-parameters stay plain."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from symmetry_pl.core.registry import build_named
from symmetry_pl.groups.affine import AffineGroup
from symmetry_pl.groups.base import Group, ImageGroup
from symmetry_pl.groups.clouds import (
    CloudGroup,
    Orthogonal,
    SpecialOrthogonal,
)
from symmetry_pl.groups.color import ColorGroup
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.motions import Similarity, SpecialEuclidean
from symmetry_pl.groups.product import AffineColorGroup

__all__ = ["build_any_group", "build_cloud_group", "build_group", "register"]

G = TypeVar("G", bound=Group)

_GROUPS: dict[str, Callable[..., Group]] = {
    "affine": AffineGroup,
    "color": ColorGroup,
    "affine_color": AffineColorGroup,
    "so2": partial(SpecialOrthogonal, 2),
    "so3": partial(SpecialOrthogonal, 3),
    "o2": partial(Orthogonal, 2),
    "o3": partial(Orthogonal, 3),
    "gl2": PositiveLinear,
    "se2": partial(SpecialEuclidean, 2),
    "se3": partial(SpecialEuclidean, 3),
    "sim2": partial(Similarity, 2),
    "sim3": partial(Similarity, 3),
}


def register(name: str, factory: Callable[..., Group]) -> None:
    """Add a group of one's own, for every option that takes the name of one.

    Args:
        name: of the group; a dotted path needs no registration.
        factory: a subclass of ``ImageGroup`` or ``CloudGroup``, or a function that gives one of
            its instances.

    Raises:
        ValueError: if another group has the name, the name has a dot, or the class is neither.
    """
    if isinstance(factory, type) and not issubclass(factory, Group):
        raise ValueError(
            f"group {name!r} is a {factory.__name__}, which is no ImageGroup or CloudGroup"
        )
    if "." in name:
        raise ValueError(f"a group's name has no dots, got {name!r}: a path is used as it is")
    if _GROUPS.setdefault(name, factory) is not factory:
        raise ValueError(f"there is a group {name!r} already: choose another name")


def build_group(name: str, **options: Any) -> ImageGroup:
    """The group of images of this name with these options.

    Args:
        name: ``affine``, ``color``, ``affine_color``, one that was registered, or the path of a
            class of one's own, ``my.module.Scale``.
        options: the arguments of its class.

    Raises:
        ValueError: for an unknown name or option, naming those that exist, a missing option, what
            is no ``ImageGroup``, or what the group itself refuses.

    >>> build_group("color", bounds=[0.5, 0.0, 0.0])
    ColorGroup(hue ±0.5, saturation ±0, value ±0)
    """
    return _built(ImageGroup, name, options)  # type: ignore[type-abstract]


def build_any_group(name: str, **options: Any) -> Group:
    """The group of this name with these options, of images or of clouds.

    Args:
        name: as of ``build_group`` and ``build_cloud_group``.
        options: the arguments of its class.

    Raises:
        ValueError: as of ``build_group``, for what is no group.
    """
    return _built(Group, name, options)  # type: ignore[type-abstract]


def build_cloud_group(name: str, **options: Any) -> CloudGroup:
    """The group of clouds of points of this name with these options.

    Args:
        name: ``so2``, ``o2``, ``gl2`` (positive determinants), ``se2``, ``sim2``, ``so3``, ``o3``,
            ``se3``, ``sim3``, one that was registered, or the path of a class of one's own.
        options: the arguments of its class.

    Raises:
        ValueError: as of ``build_group``, for what is no ``CloudGroup``.

    >>> build_cloud_group("so2")
    SpecialOrthogonal(rotation ±3.142)
    """
    return _built(CloudGroup, name, options)  # type: ignore[type-abstract]


def _built(kind: type[G], name: str, options: dict[str, Any]) -> G:
    group = build_named("group", _GROUPS, name, (), options)
    if not isinstance(group, kind):
        raise ValueError(
            f"group {name!r} gives a {type(group).__name__}, which is no {kind.__name__}"
        )
    return group

"""Groups by name with options by name, so that hyper-parameters stay plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symmetry_pl.core.registry import build_named
from symmetry_pl.groups.affine import AffineGroup
from symmetry_pl.groups.base import ImageGroup
from symmetry_pl.groups.color import ColorGroup
from symmetry_pl.groups.product import AffineColorGroup

__all__ = ["build_group", "register"]

_GROUPS: dict[str, Callable[..., ImageGroup]] = {
    "affine": AffineGroup,
    "color": ColorGroup,
    "affine_color": AffineColorGroup,
}


def register(name: str, factory: Callable[..., ImageGroup]) -> None:
    """Add a group of one's own, for every option that takes the name of one.

    Args:
        name: of the group; a dotted path needs no registration.
        factory: a subclass of ``ImageGroup``, or a function that gives one of its instances.

    Raises:
        ValueError: if another group has the name, the name has a dot, or the class is no
            ``ImageGroup``.
    """
    if isinstance(factory, type) and not issubclass(factory, ImageGroup):
        raise ValueError(f"group {name!r} is a {factory.__name__}, which is no ImageGroup")
    if "." in name:
        raise ValueError(f"a group's name has no dots, got {name!r}: a path is used as it is")
    if _GROUPS.setdefault(name, factory) is not factory:
        raise ValueError(f"there is a group {name!r} already: choose another name")


def build_group(name: str, **options: Any) -> ImageGroup:
    """The group of this name with these options.

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
    group = build_named("group", _GROUPS, name, (), options)
    if not isinstance(group, ImageGroup):
        raise ValueError(f"group {name!r} gives a {type(group).__name__}, which is no ImageGroup")
    return group

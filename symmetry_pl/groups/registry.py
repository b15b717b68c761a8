"""Groups by name with options by name, so that hyper-parameters stay plain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symmetry_pl.core.registry import build_named
from symmetry_pl.groups.affine import AffineGroup
from symmetry_pl.groups.base import ImageGroup
from symmetry_pl.groups.color import ColorGroup
from symmetry_pl.groups.product import AffineColorGroup

__all__ = ["GROUPS", "build_group"]

GROUPS: Mapping[str, Callable[..., ImageGroup]] = {
    "affine": AffineGroup,
    "color": ColorGroup,
    "affine_color": AffineColorGroup,
}


def build_group(name: str, **options: Any) -> ImageGroup:
    """Return the group of this name with these options.

    Args:
        name: ``"affine"``, ``"color"`` or ``"affine_color"``.
        options: the arguments of ``AffineGroup``, ``ColorGroup`` or ``AffineColorGroup``.

    Raises:
        ValueError: for an unknown name or option, naming those that exist, a missing option, or
            what the group itself refuses.

    >>> build_group("color", bounds=[0.5, 0.0, 0.0])
    ColorGroup(hue ±0.5, saturation ±0, value ±0)
    """
    return build_named("group", GROUPS, name, (), options)

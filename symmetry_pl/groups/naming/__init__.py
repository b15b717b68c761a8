"""Naming a group from noisy samples of its elements."""

from symmetry_pl.groups.naming.named_group import Axis, NamedGroup
from symmetry_pl.groups.naming.namer import name_group

__all__ = ["Axis", "NamedGroup", "name_group"]

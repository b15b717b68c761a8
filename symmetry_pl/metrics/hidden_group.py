"""Which group elements are of, in figures: its name, and its distance where the data know it."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from symmetry_pl.groups.base import Group
from symmetry_pl.groups.clouds import Orthogonal, SpecialOrthogonal
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.groups.naming.namer import name_group
from symmetry_pl.groups.point_groups import RotationSubgroup
from symmetry_pl.groups.rotations import rotation_of, rotation_vector
from symmetry_pl.metrics.transport import transport_score
from symmetry_pl.metrics.transport_floor import jittered_floor

__all__ = ["HiddenGroupData", "group_figures", "named_sentence"]

_OFF = math.radians(15)
_LEAST = 20  # elements that can have a name
_SURE = 0.5  # confidence from which elements count for it


@runtime_checkable
class HiddenGroupData(Protocol):
    """A datamodule that knows the subgroup that has turned its clouds."""

    subgroup: RotationSubgroup


def group_figures(
    group: Group, draws: Tensor, data: object, sure: Tensor | None = None
) -> tuple[NamedGroup | None, dict[str, float]]:
    """The name of the group of elements, and their figures.

    Linear maps are named by their rotations. There is nothing to say of other groups.

    Args:
        group: that elements are of.
        draws: ``(R, N, d, d)``; the first draw is named, all are compared.
        data: what may know the hidden group (``HiddenGroupData``).
        sure: confidence of each ``(N,)``; those above .5 count for the name where they are enough.

    Returns:
        The name, None where elements are too few, and figures by their names in the catalogue.
    """
    if not isinstance(group, (SpecialOrthogonal, Orthogonal, PositiveLinear)):
        return None, {}
    found: dict[str, float] = {}
    named = _named(group, draws[0], sure)
    if named is not None:
        found = {
            "group_found": float(named.is_group),
            "group_p": named.p_value,
            "group_jitter": named.errors.get("jitter", 0.0),
        }
    if isinstance(data, HiddenGroupData):
        found |= _against(group, draws, data.subgroup, float(getattr(data, "jitter", 0.0)))
        if named is not None:
            found["group_right"] = float(_same(named, data.subgroup))
    return named, found


def named_sentence(named: NamedGroup) -> str:
    """What a name says in words."""
    what = named.name if named.is_group else f"no group ({named.name})"
    return f"elements are of {what}, p = {named.p_value:.2g}: {named.because}"


def _named(group: Group, elements: Tensor, sure: Tensor | None) -> NamedGroup | None:
    if len(elements) < _LEAST:
        return None
    linear = isinstance(group, PositiveLinear)
    turns = rotation_of(rotation_vector(elements)) if linear else elements
    if sure is not None and int((sure > _SURE).sum()) >= _LEAST:
        turns = turns[sure > _SURE]
    return name_group(turns)


def _against(
    group: Group, draws: Tensor, hidden: RotationSubgroup, jitter: float
) -> dict[str, float]:
    """Elements against the hidden group; the floor of jittered data is that of true elements."""
    elements, seeded = draws[0], torch.Generator().manual_seed(1)
    score = transport_score(draws, hidden, chance=group.sample(len(elements), generator=seeded))
    if jitter:
        again = torch.Generator().manual_seed(2)
        score = score._replace(floor=jittered_floor(hidden, len(elements), jitter, again))
    found = {
        "transport": score.distance,
        "transport_floor": score.floor,
        "transport_random": score.random,
        "transport_ratio": score.distance / score.floor if score.floor else math.nan,
    }
    if not isinstance(group, PositiveLinear):
        found["elements_off"] = float((hidden.distance(elements) > _OFF).double().mean())
    return found


def _same(named: NamedGroup, hidden: RotationSubgroup) -> bool:
    """Whether a name is that of the hidden group, up to its orientation."""
    trivial = hidden.order == 1 and named.order == 1
    return trivial or (named.symbol == hidden.name and named.order == hidden.order)

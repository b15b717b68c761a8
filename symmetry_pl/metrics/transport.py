"""How far learned group elements are from a group, by optimal transport, and its floor."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.point_groups import RotationSubgroup
from symmetry_pl.groups.rotations import random_rotations
from symmetry_pl.metrics.transport_distance import transport_distance
from symmetry_pl.metrics.transport_floor import transport_floor

__all__ = ["TransportScore", "transport_score"]

_RANDOM = 2000  # random elements at most: their distance varies little, and its cost is a cube


class TransportScore(NamedTuple):
    """A distance between elements and a group, with what it is compared with.

    Args:
        distance: W1 of the elements and fresh ones of the group, in the mean of some draws.
        floor: W1 of two fresh samples of the group, what elements of it have; of many pairs.
        random: W1 of random elements, such as uniform rotations, and the group.
    """

    distance: float
    floor: float
    random: float

    @property
    def relative(self) -> float:
        """1 − W1 / W1 of random elements, as LieFlow's paper compares; 0 is no better."""
        return 1 - self.distance / self.random


def transport_score(
    found: Tensor,
    group: RotationSubgroup,
    seed: int = 0,
    chance: Tensor | None = None,
    repeats: int = 3,
    pairs: int = 100,
) -> TransportScore:
    """The distance from a group with its floor and that of random elements.

    A distance without its floor and N says little: two samples of 5,000 elements of one group are
    not at 0, and from one pair of such samples to the next it varies by a fifth (T) to a third
    (SO(2)). So both are means over fresh draws, the floor that of ``pairs`` (``transport_floor``).
    Random elements are the first 2,000.

    Args:
        found: ``(N, d, d)``, or several draws of as many elements ``(R, N, d, d)``, each of which
            meets draws of its own.
        group: the true one.
        seed: of the draws.
        chance: elements of the whole group; uniform rotations if None.
        repeats: draws that the distance is the mean of.
        pairs: pairs of samples that the floor is the mean of.

    Raises:
        ValueError: as of ``transport_distance`` and ``transport_floor``, or for no draw at all.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    draws = torch.Generator().manual_seed(seed)
    several = found[None] if found.ndim == 3 else found
    count = several.shape[1]

    def fresh(wanted: int = count) -> Tensor:
        return group.sample(wanted, generator=draws)

    distances = [transport_distance(several[r % len(several)], fresh()) for r in range(repeats)]
    floor = transport_floor(group, count, draws, pairs)
    few = min(count, _RANDOM)
    if chance is None:
        chance = random_rotations(few, found.shape[-1], draws)
    return TransportScore(
        sum(distances) / repeats,
        floor,
        transport_distance(chance[:few], fresh(few)),
    )

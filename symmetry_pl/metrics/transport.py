"""How far learned group elements are from a group, by optimal transport, and its floor."""

from __future__ import annotations

from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.point_groups import RotationSubgroup
from symmetry_pl.groups.rotations import angles_between, quaternion_of, random_rotations

__all__ = ["TransportScore", "transport_distance", "transport_score"]

_RANDOM = 2000  # random elements at most: their distance varies little, and its cost is a cube


class TransportScore(NamedTuple):
    """A distance between elements and a group, with what it is compared with.

    Args:
        distance: W1 of the elements and fresh ones of the group, in the mean of some draws.
        floor: W1 of two fresh samples of the group, what elements of it have; the same.
        random: W1 of random elements, such as uniform rotations, and the group.
    """

    distance: float
    floor: float
    random: float

    @property
    def relative(self) -> float:
        """1 − W1 / W1 of random elements, as LieFlow's paper compares; 0 is no better."""
        return 1 - self.distance / self.random


def transport_distance(found: Tensor, true: Tensor) -> float:
    r"""W1 of two samples of as many elements, exact optimal transport.

    .. math:: \min_\pi \frac1N \sum_i d(g_i, h_{\pi(i)})

    with the geodesic angle in radians of rotations in space, and in the plane the Euclidean
    distance of the four entries: the ground distances of LieFlow's protocol (Chen et al., 2026),
    which takes N = 5,000. Between equally many points of equal weight the best plan is a matching.

    Args:
        found: ``(N, d, d)``; rotations for d = 3.
        true: ``(N, d, d)``.

    Raises:
        ValueError: for other shapes, different numbers, or entries that are not finite.

    >>> quarter = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]])
    >>> transport_distance(quarter, torch.eye(2)[None])
    2.0
    """
    if found.shape != true.shape or found.ndim != 3 or found.shape[1:] not in ((2, 2), (3, 3)):
        raise ValueError(
            "elements must be two samples (N, 2, 2) or (N, 3, 3) of one size, got "
            f"{tuple(found.shape)} and {tuple(true.shape)}"
        )
    one, two = (g.detach().double().cpu() for g in (found, true))
    if not len(one) or not bool(one.isfinite().all() and two.isfinite().all()):
        raise ValueError("elements must be at least one, and finite")
    if one.shape[1] == 2:
        cost = torch.cdist(one.flatten(1), two.flatten(1))
    else:
        cost = angles_between(quaternion_of(one), quaternion_of(two))
    rows, columns = linear_sum_assignment(cost.numpy())
    return float(cost[rows, columns].mean())


def transport_score(
    found: Tensor,
    group: RotationSubgroup,
    seed: int = 0,
    chance: Tensor | None = None,
    repeats: int = 3,
) -> TransportScore:
    """The distance from a group with its floor and that of random elements.

    A distance without its floor and N says little: two samples of 5,000 elements of one group are
    not at 0, and from one pair of such samples to the next it varies by a fifth (T) to a third
    (SO(2)). So both are means over fresh draws. Random elements are the first 2,000.

    Args:
        found: ``(N, d, d)``, or several draws of as many elements ``(R, N, d, d)``, each of which
            meets draws of its own.
        group: the true one.
        seed: of the draws.
        chance: elements of the whole group; uniform rotations if None.
        repeats: draws that distance and floor are means of.

    Raises:
        ValueError: as of ``transport_distance``, or for no draw at all.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    draws = torch.Generator().manual_seed(seed)
    several = found[None] if found.ndim == 3 else found
    count = several.shape[1]

    def fresh(wanted: int = count) -> Tensor:
        return group.sample(wanted, generator=draws)

    distances = [transport_distance(several[r % len(several)], fresh()) for r in range(repeats)]
    floors = [transport_distance(fresh(), fresh()) for _ in range(repeats)]
    few = min(count, _RANDOM)
    if chance is None:
        chance = random_rotations(few, found.shape[-1], draws)
    return TransportScore(
        sum(distances) / repeats,
        sum(floors) / repeats,
        transport_distance(chance[:few], fresh(few)),
    )

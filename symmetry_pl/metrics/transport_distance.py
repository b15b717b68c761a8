"""The distance of two samples of group elements, by optimal transport."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.rotations import angles_between, quaternion_of
from symmetry_pl.metrics.few_places import cost_to_few

__all__ = ["transport_distance"]

_FEW = 128  # distinct elements up to which chains of moves are faster than a matching


def transport_distance(found: Tensor, true: Tensor) -> float:
    r"""W1 of two samples of as many elements, exact optimal transport.

    .. math:: \min_\pi \frac1N \sum_i d(g_i, h_{\pi(i)})

    with the geodesic angle in radians of rotations in space, and in the plane the Euclidean
    distance of the four entries: the ground distances of LieFlow's protocol (Chen et al., 2026),
    which takes N = 5,000. Between equally many points of equal weight the best plan is a matching;
    where the true elements are few distinct ones, that of a finite group, ``cost_to_few`` finds it.

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
    distinct, room = np.unique(two.numpy(), axis=0, return_counts=True)
    if len(distinct) <= min(_FEW, len(two) // 2):
        return cost_to_few(_cost(one, torch.from_numpy(distinct)).numpy(), room)
    cost = _cost(one, two)
    rows, columns = linear_sum_assignment(cost.numpy())
    return float(cost[rows, columns].mean())


def _cost(one: Tensor, two: Tensor) -> Tensor:
    """Ground distances ``(N, M)``."""
    if one.shape[1] == 2:
        return torch.cdist(one.flatten(1), two.flatten(1))
    return angles_between(quaternion_of(one), quaternion_of(two))

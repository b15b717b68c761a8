"""The distance of two samples of group elements, by optimal transport."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.rotations import angles_between, quaternion_of

__all__ = ["transport_distance"]


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

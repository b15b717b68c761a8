"""Chains and rings: edges in the order of their strength, at most two a pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.lens.domains.affinity import Affinity

__all__ = ["longest_path"]


def longest_path(found: Affinity) -> tuple[Tensor, bool]:
    """The longest of the paths that the strongest edges make, and whether its ends are neighbours.

    An edge joins two paths at their ends or is left out, so that the edge which closes a ring is
    the weakest of it.

    Args:
        found: partial correlations and edges.

    Returns:
        Pixels in the order of the path ``(k,)``, and whether it closes.
    """
    size = len(found.strength)
    neighbours: list[list[int]] = [[] for _ in range(size)]
    path = list(range(size))  # a label that the pixels of one path share
    members = [[pixel] for pixel in range(size)]
    pairs: list[list[int]] = found.edges.tolist()
    for a, b in pairs:
        if len(neighbours[a]) < 2 and len(neighbours[b]) < 2 and path[a] != path[b]:
            neighbours[a].append(b)
            neighbours[b].append(a)
            keep, give = sorted((path[a], path[b]), key=lambda label: -len(members[label]))
            for pixel in members[give]:
                path[pixel] = keep
            members[keep] += members[give]
            members[give] = []
    longest = max(members, key=len)
    here = min(pixel for pixel in longest if len(neighbours[pixel]) < 2)
    order = [here]
    for _ in longest[1:]:
        here = next(pixel for pixel in neighbours[here] if pixel not in order[-2:])
        order.append(here)
    ends = float(found.strength[order[0], order[-1]])
    closes = len(order) > 3 and ends > found.threshold
    return torch.tensor(order), closes

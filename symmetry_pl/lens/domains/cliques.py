"""Inputs of one place as those that all attract each other: for colours and the like."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

__all__ = ["CLIQUES", "channels_of", "together"]

CLIQUES = (3, 4)
"""Numbers of inputs that make cliques; two make squares with the next, as cells of a lattice do."""
_NEAREST = 10  # of which an input may share a place


def together(strength: Tensor, channels: int) -> Tensor:
    r"""Groups of k inputs each of which is tied to each other: the best cliques that do not meet.

    .. math:: q = \min_{i \ne j} S_{ij}

    over the ten nearest of each input. The strongest ties need not be within a place; but where
    only the same channels of neighbouring places attract each other, no three inputs do that are
    not of one place. Inputs that are in no clique are grouped by their numbers.

    Args:
        strength: partial correlations S, ``(d, d)``.
        channels: k, a divisor of d.

    Returns:
        ``(d / k, k)``.

    >>> ties = torch.zeros(6, 6)
    >>> ties[[0, 0, 2, 1, 1, 3], [2, 4, 4, 3, 5, 5]] = 0.4
    >>> ties[[0, 2, 4], [1, 3, 5]] = 0.6
    >>> together(ties + ties.T, 3).tolist()
    [[0, 2, 4], [1, 3, 5]]
    """
    size = len(strength)
    near = strength.topk(min(_NEAREST, size - 1)).indices
    chosen = torch.combinations(torch.arange(near.shape[1]), channels - 1)
    own = torch.arange(size)[:, None, None].expand(-1, len(chosen), -1)
    cliques = torch.cat([own, near[:, chosen]], 2).flatten(0, 1)
    pairs = torch.combinations(torch.arange(channels))
    quality = strength[cliques[:, pairs[:, 0]], cliques[:, pairs[:, 1]]].amin(1)
    free = set(range(size))
    groups: list[list[int]] = []
    for k in quality.argsort(descending=True, stable=True).tolist():
        if not quality[k] > 0:
            break
        clique: list[int] = cliques[k].tolist()
        if free.issuperset(clique):
            free.difference_update(clique)
            groups.append(sorted(clique))
    left = sorted(free)
    groups += [left[k : k + channels] for k in range(0, len(left), channels)]
    return torch.tensor(sorted(groups))


def channels_of(groups: Tensor, strength: Tensor) -> Tensor:
    """Groups ``(m, k)`` in which column c is the same channel throughout.

    From the strongest pair of places on, each place gets the order that ties its inputs most to the
    same channels of the neighbour through which it is reached.
    """
    count, width = groups.shape
    orders = torch.tensor(list(permutations(range(width))))
    blocks = strength[groups[:, None, :, None], groups[None, :, None, :]]  # (m, m, k, k)
    ties = blocks[:, :, torch.arange(width), orders].sum(-1)  # (m, m, k!)
    best, which = ties.max(-1)
    best.fill_diagonal_(-torch.inf)
    start = int(best.max(1).values.argmax())
    found, reach = groups.clone(), best[start].clone()
    order = torch.arange(width).repeat(count, 1)
    origin = torch.full((count,), start)
    done = torch.zeros(count, dtype=torch.bool)
    done[start] = True
    for _ in range(count - 1):
        here = int(reach.masked_fill(done, -torch.inf).argmax())
        before = int(origin[here])
        order[here] = orders[which[before, here]][order[before]]
        found[here] = groups[here, order[here]]
        done[here] = True
        closer = best[here] > reach
        reach[closer], origin[closer] = best[here, closer], here
    return found

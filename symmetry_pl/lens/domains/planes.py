"""Inputs of one channel as those that behave alike: bits of grey values and the like."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from torch import Tensor

from symmetry_pl.lens.domains.affinity import RIDGES, affinity
from symmetry_pl.lens.domains.search import layout_of

__all__ = ["by_planes"]

_RIDGE = RIDGES[2]  # inputs of one place are so alike that less leaves little but noise
_TIES = (16, 8)  # largest and smallest partial correlations that an input is known by
_STARTS = 8  # of k-means
_NEAR = 8  # groups around a place
_MOVES = 10  # rounds of inputs that change places
_PASSES = 6
_LEAST = 1e-12
_CLEAR = 0.999  # completeness times locality of a plane that is beyond doubt
_ROUNDS = 20  # of inputs that change channels


def by_planes(
    correlation: Tensor, pair: tuple[Tensor, Tensor], deviation: Tensor, channels: int
) -> Tensor:
    r"""Groups of k inputs of one place each, by way of a channel whose grid is found alone.

    1. Inputs of one channel vary as much and are tied to others as strongly, wherever they are:
       k-means of deviations and of the largest and smallest partial correlations, each cluster
       filled up to m = d / k inputs, makes *planes*.
    2. Of these the one with the most complete and most local layout is believed; every other input
       goes to the input of this plane that it is most correlated with, k − 1 to each; then all go
       to the place whose other inputs they are most correlated with, up to 10 times.
    3. Channels are first those of the planes. Then each input gets the channel whose mean ties to
       the channels of the eight nearest places, and whose mean deviation, are next to its own,

    .. math:: \min_\pi \sum_c \|T_{p \pi(c)} - \bar T_c\|^2, \quad
        T_i = \Bigl(\tfrac{1}{8} \textstyle\sum_{q \sim p} S_{i, q_1}, \dots, \sigma_i\Bigr),

       each number in units of its deviations within channels, until none changes, at most 20 times.

    4. These channels are better planes, and with them all goes on at 2, at most 6 times in all,
       until the layout of one is complete and local.

    Args:
        correlation: C of the samples, ``(d, d)``.
        pair: the same of two halves of these samples.
        deviation: standard deviation of each input, ``(d,)``.
        channels: k, a divisor of d.

    Returns:
        ``(d / k, k)``, column c the same channel throughout.
    """
    strength = affinity(correlation, _RIDGE).strength
    known = _signatures(deviation, strength)
    labels, cost = _planes(known, channels)
    best = (-1.0, torch.empty(0, dtype=torch.int64))
    for _ in range(_PASSES):
        clear, plane = _clearest(labels, correlation, pair)
        groups = _moved(correlation, _gathered(correlation, plane, channels))
        groups = _named(_ordered(groups, cost[groups]), strength, deviation)
        if clear > best[0]:
            best = clear, groups
        after = torch.empty_like(labels)
        after[groups] = torch.arange(channels).expand_as(groups)
        if clear >= _CLEAR or torch.equal(after, labels):
            break
        labels, cost = after, 1.0 - F.one_hot(after, channels).to(cost)
    return best[1]


def _signatures(deviation: Tensor, strength: Tensor) -> Tensor:
    """What does not depend on the place of an input, ``(d, f)``; both kinds weigh the same."""
    most, least = (min(n, len(strength)) for n in _TIES)
    ordered = strength.sort(1, descending=True).values
    kinds = (deviation[:, None], torch.cat([ordered[:, :most], ordered[:, -least:]], 1))
    centred = [kind - kind.mean(0) for kind in kinds]
    return torch.cat(
        [one / one.square().sum(1).mean().sqrt().clamp_min(_LEAST) for one in centred], 1
    )


def _planes(known: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Clusters of equal size: that of each input ``(d,)``, and how far each is ``(d, k)``."""
    found = KMeans(channels, n_init=_STARTS, random_state=0).fit(known.numpy())
    centres = torch.from_numpy(found.cluster_centers_).to(known)
    size = len(known) // channels
    apart = torch.cdist(known, centres).square().repeat_interleave(size, 1)
    labels = torch.from_numpy(linear_sum_assignment(apart.numpy())[1]) // size
    middles = torch.stack([known[labels == k].mean(0) for k in range(channels)])
    return labels, torch.cdist(known, middles).square()


def _clearest(
    labels: Tensor, correlation: Tensor, pair: tuple[Tensor, Tensor]
) -> tuple[float, Tensor]:
    """The plane with the most complete and local layout: how far it is, and inputs ``(m,)``."""
    found: list[tuple[float, Tensor]] = []
    for k in range(int(labels.max()) + 1):
        plane = (labels == k).nonzero()[:, 0]
        first, second, whole = (part[plane][:, plane] for part in (*pair, correlation))
        layout = layout_of(whole, (first, second))
        found.append((layout.completeness * layout.local, plane))
    return max(found, key=lambda one: one[0])


def _gathered(correlation: Tensor, plane: Tensor, channels: int) -> Tensor:
    """Each input of a plane and the k − 1 others that are most correlated with it, ``(m, k)``."""
    other = torch.ones(len(correlation), dtype=torch.bool)
    other[plane] = False
    rest = other.nonzero()[:, 0]
    given = _filled(correlation[rest][:, plane], channels - 1)
    return torch.cat([plane[:, None], rest[given]], 1)


def _moved(correlation: Tensor, groups: Tensor) -> Tensor:
    """Each input at the place whose other inputs it is most correlated with, ``(m, k)``."""
    count, channels = groups.shape
    every = torch.arange(len(correlation))
    for _ in range(_MOVES):
        member = torch.zeros(count, len(every), dtype=correlation.dtype)
        member.scatter_(1, groups, 1.0)
        own = member.argmax(0)
        alike = correlation @ member.T / channels
        alike[every, own] = (alike[every, own] * channels - 1) / max(1, channels - 1)
        after = _filled(alike, channels)
        if torch.equal(after, groups.sort(1).values):
            break
        groups = after
    return groups


def _filled(alike: Tensor, number: int) -> Tensor:
    """The assignment of inputs to places of most likeness, so many to each: ``(m, number)``."""
    cost = alike.repeat_interleave(number, 1)
    given = torch.from_numpy(linear_sum_assignment(cost.numpy(), maximize=True)[1]) // number
    return given.argsort(stable=True).view(-1, number)


def _ordered(groups: Tensor, cost: Tensor) -> Tensor:
    """Groups in the order of channels that costs least: ``(m, k)`` by input and channel."""
    chosen = [torch.from_numpy(linear_sum_assignment(one.T.numpy())[1]) for one in cost]
    return groups.gather(1, torch.stack(chosen))


def _named(groups: Tensor, strength: Tensor, deviation: Tensor) -> Tensor:
    """Groups whose channels are tied to those around as the same channels are elsewhere."""
    count = len(groups)
    member = torch.zeros(count, len(strength), dtype=strength.dtype)
    member.scatter_(1, groups, 1.0)
    ties = member @ strength @ member.T
    ties.fill_diagonal_(-torch.inf)
    near = ties.topk(min(_NEAR, count - 1)).indices
    for _ in range(_ROUNDS):
        around = groups[near]  # (m, 8, k)
        ties = strength[groups[:, None, :, None], around[:, :, None, :]].mean(1)  # (m, k, k)
        own = torch.cat([ties, deviation[groups][:, :, None]], 2)
        own = own / (own - own.mean(0)).square().mean((0, 1)).sqrt().clamp_min(_LEAST)
        typical = own.mean(0).expand_as(own)
        after = _ordered(groups, torch.cdist(own, typical).square())
        if torch.equal(after, groups):
            break
        groups = after
    return groups

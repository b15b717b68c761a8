"""Several inputs to a place: which belong together, which channel each is, and then the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import torch
from torch import Tensor

from symmetry_pl.lens.domains.affinity import RIDGES, affinity
from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.layer import DomainLayer
from symmetry_pl.lens.domains.moments import Moments

__all__ = [
    "CHANNELS",
    "FoundChannels",
    "channels_of",
    "each_channel",
    "find_channels",
    "of_inputs",
    "together",
]

CHANNELS = (3, 4)
"""Numbers of inputs to a place; two make squares with the next, as cells of a lattice do."""
_NEAREST = 10  # of which an input may share a place


@dataclass(frozen=True)
class FoundChannels:
    """A hidden domain with several inputs to a place.

    Attributes:
        groups: inputs of each place, in the order of their channels, ``(m, k)``.
        grid: the domain of the groups' means.
        alike: share of the inputs that both halves of the samples put into the same group.
        channels_alike: share of the inputs whose channel is the same too, up to an order.
    """

    groups: Tensor
    grid: FoundDomain
    alike: float
    channels_alike: float

    @property
    def found(self) -> bool:
        """Whether there is such a domain: halves agree on groups, on channels and on the grid."""
        return self.judged_grid.verdict.found

    @property
    def places(self) -> Tensor:
        """Cell of each input, −1 without one, ``(d,)``."""
        return of_inputs(self.groups, self.grid.places[:, None])

    @property
    def channels(self) -> Tensor:
        """Channel of each input, ``(d,)``."""
        return of_inputs(self.groups, torch.arange(self.groups.shape[1]))

    def images(self, x: Tensor) -> Tensor:
        """Images ``(B, k, H, W)`` of vectors ``(B, d)``; of a line ``(B, k, L)``."""
        layer = DomainLayer(self.grid.places, self.grid.domain, groups=self.groups)
        found: Tensor = layer(x)
        return found

    def generators(self) -> Tensor:
        """Translations of all channels, one a dimension, ``(g, d, d)``, float64."""
        return each_channel(self.grid.generators(), self.groups)

    @property
    def judged_grid(self) -> FoundDomain:
        """The domain of groups, whose halves agree on no more than on groups and channels."""
        figures = dict(self.grid.figures)
        figures["agreement"] = min(figures["agreement"], self.alike, self.channels_alike)
        return replace(self.grid, figures=figures)


def of_inputs(groups: Tensor, values: Tensor) -> Tensor:
    """Values of places ``(m, 1)`` or of channels ``(k,)`` as values of their inputs, ``(d,)``."""
    found = torch.zeros(groups.numel(), dtype=values.dtype)
    found[groups] = values.expand_as(groups)
    return found


def each_channel(moves: Tensor, groups: Tensor) -> Tensor:
    """Maps of groups ``(g, m, m)`` as maps of their inputs, channel by channel, ``(g, d, d)``."""
    size = groups.numel()
    found = moves.new_zeros(len(moves), size, size)
    for one in groups.T:
        found[:, one[:, None], one] = moves
    return found


def find_channels(x: Tensor, channels: int) -> FoundChannels:
    r"""Find the places of scrambled inputs of which each place has a given number.

    What inputs share beyond all others ties each of a place to each other (``together``), and
    between neighbouring places the same channels (``channels_of``). The grid is then that of the
    means of groups,

    .. math:: y_p = \frac{1}{k} \sum_c x_{pc} / \sigma_{pc}

    Groups of all samples are compared with those of either half.

    Limits. Each two channels of a place must attract each other, as the colours of photographs do;
    every input must change.

    Args:
        x: samples, ``(n, d)``.
        channels: k, 3 or 4, a divisor of d.

    Raises:
        ValueError: for another number of channels, or samples that cannot be used.
    """
    if channels not in CHANNELS:
        raise ValueError(f"a place must have 3 or 4 channels, got {channels}")
    moments = Moments(x)
    if len(moments.live) < moments.dim or moments.dim % channels:
        raise ValueError(
            f"{channels} channels need inputs that all change, in a multiple of this number: "
            f"{len(moments.live)} of {moments.dim} do"
        )
    every: list[Tensor] = []
    quarters: Sequence[Sequence[int]] = ([0, 1, 2, 3], [0, 1], [2, 3])
    for part in quarters:
        strength = affinity(moments.correlation(part), RIDGES[1]).strength
        every.append(channels_of(together(strength, channels), strength))
    whole, first, second = every
    deviation = moments.covariance().diagonal().sqrt()
    x = x.detach().cpu()
    means = torch.stack([(x[:, one] / deviation[one].to(x)) for one in whole.T]).mean(0)
    same = _same(first, second)
    alike = float(same.double().mean())
    return FoundChannels(whole, find_domain(means), alike, _order(same, first, second))


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


def _group_of(groups: Tensor) -> Tensor:
    """Inputs of the group of each input, ``(d, k)``, in rising order."""
    mates = torch.empty(groups.numel(), groups.shape[1], dtype=torch.int64)
    mates[groups] = groups.sort(1).values[:, None].expand(-1, groups.shape[1], -1)
    return mates


def _same(one: Tensor, other: Tensor) -> Tensor:
    """Which inputs have the same group in both, ``(d,)``."""
    return (_group_of(one) == _group_of(other)).all(1)


def _order(same: Tensor, *both: Tensor) -> float:
    """Share of inputs of the same group and, up to one order of all channels, the same channel."""
    width = both[0].shape[1]
    one, other = (of_inputs(groups, torch.arange(width)) for groups in both)
    return max(
        float(((torch.tensor(order)[one] == other) & same).double().mean())
        for order in permutations(range(width))
    )

"""Several inputs to a place: which belong together, which channel each is, and then the grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from symmetry_pl.lens.domains.affinity import RIDGES, affinity
from symmetry_pl.lens.domains.cliques import CLIQUES, channels_of, together
from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.layer import DomainLayer
from symmetry_pl.lens.domains.moments import Moments
from symmetry_pl.lens.domains.planes import by_planes
from symmetry_pl.metrics.places import matched_channels

__all__ = [
    "MOST_CHANNELS",
    "FoundChannels",
    "each_channel",
    "find_channels",
    "of_inputs",
]

MOST_CHANNELS = 16
_PLACES = 3
_PARTS: tuple[tuple[list[int], tuple[list[int], list[int]]], ...] = (
    ([0, 1, 2, 3], ([0, 1], [2, 3])),
    ([0, 1], ([0], [1])),
    ([2, 3], ([2], [3])),
)
"""All samples and either half, as quarters, with the two halves of each."""
_Way = Callable[[Moments, int, list[int], tuple[list[int], list[int]]], Tensor]


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

    Two ways to the groups. *Cliques*, of 3 or 4: what inputs share beyond all others ties each of a
    place to each other (``together``), and between neighbouring places the same channels
    (``channels_of``). Where that leaves no domain, or for other numbers, *planes*: inputs of one
    channel are told by how much they vary and how strongly they are tied to others, the grid of one
    channel is found alone, and all others are put on it (``by_planes``). The grid is then that of
    the means of groups,

    .. math:: y_p = \frac{1}{k} \sum_c x_{pc} / \sigma_{pc}

    Groups of all samples are compared with those of either half.

    Limits. For cliques each two channels of a place must attract each other, as the colours of
    photographs do; planes must differ in what they are told by, as bits of grey values do and
    colours of one law do not. Every input must change.

    Args:
        x: samples, ``(n, d)``.
        channels: k, 2 to 16, a divisor of d.

    Raises:
        ValueError: for another number of channels, or samples that cannot be used.
    """
    if not 2 <= channels <= MOST_CHANNELS:
        raise ValueError(f"a place must have 2 to {MOST_CHANNELS} channels, got {channels}")
    moments = Moments(x)
    if len(moments.live) < moments.dim or moments.dim % channels:
        raise ValueError(
            f"{channels} channels need inputs that all change, in a multiple of this number: "
            f"{len(moments.live)} of {moments.dim} do"
        )
    if moments.dim < _PLACES * channels:
        raise ValueError(
            f"{moments.dim} inputs are fewer than {_PLACES} places of {channels} channels"
        )
    x = x.detach().cpu()
    if channels in CLIQUES:
        found = _found(x, moments, channels, _cliques)
        if found.found:
            return found
        other = _found(x, moments, channels, _planes)
        return other if other.found else found
    return _found(x, moments, channels, _planes)


def _found(x: Tensor, moments: Moments, channels: int, way: _Way) -> FoundChannels:
    """Groups of all samples, compared with those of either half, and the grid of their means."""
    whole, first, second = (way(moments, channels, *part) for part in _PARTS)
    deviation = moments.covariance().diagonal().sqrt()
    means = torch.stack([(x[:, one] / deviation[one].to(x)) for one in whole.T]).mean(0)
    same = _same(first, second)
    one, other = (of_inputs(groups, torch.arange(channels)) for groups in (first, second))
    named = (matched_channels(one, other) == other) & same
    alike = float(same.double().mean())
    return FoundChannels(whole, find_domain(means), alike, float(named.double().mean()))


def _cliques(
    moments: Moments, channels: int, quarters: list[int], halves: tuple[list[int], list[int]]
) -> Tensor:
    strength = affinity(moments.correlation(quarters), RIDGES[1]).strength
    return channels_of(together(strength, channels), strength)


def _planes(
    moments: Moments, channels: int, quarters: list[int], halves: tuple[list[int], list[int]]
) -> Tensor:
    first, second = (moments.correlation(half) for half in halves)
    deviation = moments.covariance(quarters).diagonal().sqrt()
    return by_planes(moments.correlation(quarters), (first, second), deviation, channels)


def _group_of(groups: Tensor) -> Tensor:
    """Inputs of the group of each input, ``(d, k)``, in rising order."""
    mates = torch.empty(groups.numel(), groups.shape[1], dtype=torch.int64)
    mates[groups] = groups.sort(1).values[:, None].expand(-1, groups.shape[1], -1)
    return mates


def _same(one: Tensor, other: Tensor) -> Tensor:
    """Which inputs have the same group in both, ``(d,)``."""
    return (_group_of(one) == _group_of(other)).all(1)

"""The distance by optimal transport of two fresh samples of one group, over many pairs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.point_groups import AxialRotations, PointGroup, RotationSubgroup
from symmetry_pl.groups.rotations import rotation_of
from symmetry_pl.metrics.transport_distance import transport_distance

__all__ = ["circle_distance", "jittered_floor", "transport_floor"]

_DEARLY = 3  # pairs of a group for which there is no short way


def transport_floor(
    group: RotationSubgroup, count: int, generator: torch.Generator, pairs: int = 100
) -> float:
    """Mean W1 of two samples of ``count`` elements of a group, over many pairs of them.

    It varies from pair to pair by a fifth (T) to a third (SO(2)). What two samples of a finite
    group have in common stays where it is, as the distance is a metric, and only the rest is
    matched; rotations about one axis are a circle. Both are exact and cost milliseconds a pair; of
    another group there are 3 pairs at most.

    Args:
        group: the group.
        count: elements of a sample.
        generator: of the draws.
        pairs: of samples.

    Raises:
        ValueError: for no pair.

    >>> from symmetry_pl.groups import cyclic
    >>> fixed = torch.Generator().manual_seed(0)
    >>> transport_floor(cyclic(1), 100, fixed), transport_floor(cyclic(2), 100, fixed) > 0.1
    (0.0, True)
    """
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}")
    if isinstance(group, PointGroup):
        found = [_of_finite(group, count, generator) for _ in range(pairs)]
    elif isinstance(group, AxialRotations) and not group.flips:
        turns = torch.rand(pairs, 2, count, generator=generator, dtype=torch.float64)
        found = [circle_distance(*(2 * torch.pi * pair).unbind(0)) for pair in turns]
    else:
        found = [
            transport_distance(
                group.sample(count, generator=generator), group.sample(count, generator=generator)
            )
            for _ in range(min(pairs, _DEARLY))
        ]
    return sum(found) / len(found)


def jittered_floor(
    group: RotationSubgroup, count: int, jitter: float, generator: torch.Generator, pairs: int = 3
) -> float:
    """Mean W1 of elements of a group that take one jittered cloud to another, and of the group.

    A perfect model has e' h e⁻¹, with h of the group and e = exp(ξ) a turn by N(0, jitter²) about
    each axis that comes with a cloud: the jitter is in it twice.

    Args:
        group: the group.
        count: elements of a sample.
        jitter: standard deviation in radians.
        generator: of the draws.
        pairs: of samples.
    """
    found = 0.0
    for _ in range(pairs):
        true, other = (group.sample(count, generator=generator).double() for _ in range(2))
        axes = 1 if true.shape[-1] == 2 else 3
        noise = torch.randn(2, count, axes, generator=generator, dtype=torch.float64)
        before, after = rotation_of(jitter * noise)
        found += transport_distance(after @ true @ before.mT, other)
    return found / pairs


def circle_distance(one: Tensor, other: Tensor) -> float:
    r"""W1 of angles ``(N,)`` and ``(M,)`` in radians, along the circle.

    .. math:: W_1 = \int_0^{2\pi} |F(t) - G(t) - m|\, dt

    with the distribution functions F and G, and m the median of F − G over the circle (Delon,
    Salomon and Sobolevski, SIAM J. Appl. Math. 70, 2010).

    >>> round(circle_distance(torch.tensor([0.1]), torch.tensor([2 * torch.pi - 0.1])), 6)
    0.2
    """
    turn = 2 * math.pi
    angles = torch.cat([one, other]).double() % turn
    steps = torch.cat(
        [torch.full_like(one.double(), 1 / len(one)), torch.full_like(other, -1 / len(other))]
    )
    order = angles.argsort()
    angles, above = angles[order], steps[order].cumsum(0)
    widths = torch.cat([angles[1:], angles[:1] + turn]) - angles
    ranks = above.argsort()
    reached = widths[ranks].cumsum(0)
    median = above[ranks][(reached < turn / 2).sum()]
    return float((widths * (above - median).abs()).sum())


def _of_finite(group: PointGroup, count: int, generator: torch.Generator) -> float:
    """W1 of one pair of samples of a finite group."""
    size = len(group.elements)
    drawn = torch.randint(size, (2, count), generator=generator)
    surplus = torch.bincount(drawn[0], minlength=size) - torch.bincount(drawn[1], minlength=size)
    more, less = (
        group.elements.repeat_interleave(side.clamp(min=0), 0) for side in (surplus, -surplus)
    )
    return transport_distance(more, less) * len(more) / count if len(more) else 0.0

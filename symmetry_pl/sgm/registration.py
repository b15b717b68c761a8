r"""Rotations between clouds without an order of their points, one of which is a template.

Points of a cloud find their partners in a grid of cells that know the point of the template next to
them; from many rotations the best few are refined by turns of partners and closed forms (iterated
closest points; Besl and McKay, 1992), with weights that fall for points without a partner.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.point_groups import cyclic, octahedral
from symmetry_pl.groups.rotations import random_rotations, rotation_angle

__all__ = ["Registered", "Templates", "register", "starts"]

_SIDE = 24  # cells of a grid along each axis
_REFINED, _ROUNDS, _EXACT = 4, 6, 3  # rotations that are refined, rounds by the grid and without
_FAR = 0.3  # distance beyond which a point counts as without partner, in radii
_SOFT = 0.1  # distance at which its weight has fallen to a quarter
_OTHER = 0.35  # angle in radians from which rotations are two
_RANDOM = 24
_PART = 64  # clouds at once


class Templates(NamedTuple):
    """Clouds that others are turned against, with their grids.

    Args:
        points: ``(T, n, d)``, NaN where a point is missing.
        grids: the point next to each cell, ``(T, cells)``.
        radius: root mean square of all points.
    """

    points: Tensor
    grids: Tensor
    radius: float

    @classmethod
    def of(cls, points: Tensor, radius: float) -> Templates:
        """Templates of clouds ``(T, n, d)``."""
        line = (torch.arange(_SIDE, device=points.device) + 0.5) / _SIDE * 2 - 1
        cells = torch.cartesian_prod(*[line.to(points) * 3 * radius] * points.shape[2])
        grids = [
            torch.cdist(cells, one.nan_to_num(1e3 * radius)).argmin(1) for one in points.unbind()
        ]
        return cls(points, torch.stack(grids), radius)

    def next_to(self, y: Tensor, which: Tensor) -> Tensor:
        """The template's points ``(B, …, d)`` next to ``(B, …, d)``, by their cells."""
        shares = (y / (3 * self.radius) + 1) / 2 * _SIDE
        place = shares.long().clamp(0, _SIDE - 1)
        cell = place[..., 0]
        for axis in range(1, y.shape[-1]):
            cell = cell * _SIDE + place[..., axis]
        shape = (len(y), *[1] * (y.ndim - 2))
        point = self.grids[which.view(shape), cell]
        return self.points[which.view(shape), point]


class Registered(NamedTuple):
    """What is found for each cloud.

    Args:
        rotation: R ``(B, d, d)``, from the template to the cloud.
        residual: mean squared distance of its points from their partners, cut off where a point
            has none, in squared radii ``(B,)``.
        rival: the same of the best other rotation, at least 20 degrees away ``(B,)``.
        other: that rotation ``(B, d, d)``.
    """

    rotation: Tensor
    residual: Tensor
    rival: Tensor
    other: Tensor


def starts(points: int, seed: int = 0) -> Tensor:
    """Rotations ``(C, d, d)`` from own axes to own axes that refinement starts from."""
    if points == 2:
        return cyclic(24, None).elements
    draws = torch.Generator().manual_seed(seed)
    return torch.cat([octahedral().elements, random_rotations(_RANDOM, 3, draws)])


def register(x: Tensor, templates: Templates, which: Tensor) -> Registered:
    """The rotations from templates to clouds.

    Args:
        x: clouds ``(B, n, d)``, NaN where a point is missing.
        templates: of them all.
        which: that of each cloud ``(B,)``.
    """
    parts = [
        _register(x[part], templates, which[part])
        for part in torch.split(torch.arange(len(x), device=x.device), _PART)
    ]
    return Registered(*(torch.cat(each) for each in zip(*parts, strict=True)))


def _register(x: Tensor, templates: Templates, which: Tensor) -> Registered:
    there = ~x.isnan().any(2)
    cloud = x.nan_to_num(0.0)
    first = own_axes(cloud)[:, None] @ starts(x.shape[2]).to(cloud)
    turns = first @ own_axes(templates.points.nan_to_num(0.0))[which].mT[:, None]
    costs = _cost(cloud, there, turns, templates, which)
    best = costs.topk(min(_REFINED, costs.shape[1]), 1, largest=False).indices
    turns = turns.gather(1, best[..., None, None].expand(*best.shape, *turns.shape[2:]))
    for _ in range(_ROUNDS):
        turns = _refined(cloud, there, turns, templates, which, exact=False)
    costs, order = _cost(cloud, there, turns, templates, which).sort(1)
    turns = turns.gather(1, order[..., None, None].expand_as(turns))
    apart = rotation_angle(turns, turns[:, :1]) > _OTHER
    rivals = costs.masked_fill(~apart, torch.inf)
    rival, place = rivals.min(1)
    other = turns[torch.arange(len(turns), device=turns.device), place]
    turn = turns[:, :1]
    for _ in range(_EXACT):
        turn = _refined(cloud, there, turn, templates, which, exact=True)
    return Registered(turn[:, 0], costs[:, 0], rival, other)


def own_axes(x: Tensor) -> Tensor:
    """Principal axes about the origin of clouds ``(B, n, d)``, as rotations ``(B, d, d)``."""
    axes = torch.linalg.eigh(x.mT @ x).eigenvectors
    flip = torch.linalg.det(axes).sign()
    return torch.cat([axes[..., :-1], axes[..., -1:] * flip[:, None, None]], -1)


def _partners(
    cloud: Tensor, turns: Tensor, templates: Templates, which: Tensor, exact: bool
) -> tuple[Tensor, Tensor]:
    """Partners ``(B, C, n, d)`` in the template's pose, and squared distances ``(B, C, n)``."""
    back = cloud[:, None] @ turns
    if exact:
        model = templates.points[which].nan_to_num(1e3 * templates.radius)[:, None]
        place = torch.cdist(back, model.expand(-1, back.shape[1], -1, -1)).argmin(3)
        near = model.expand(-1, back.shape[1], -1, -1).gather(
            2, place[..., None].expand(*place.shape, back.shape[3])
        )
    else:
        near = templates.next_to(back, which)
    return near, (back - near).square().sum(3) / templates.radius**2


def _cost(
    cloud: Tensor, there: Tensor, turns: Tensor, templates: Templates, which: Tensor
) -> Tensor:
    """Mean squared distance from partners, cut off, ``(B, C)``."""
    squares = _partners(cloud, turns, templates, which, exact=False)[1].clamp(max=_FAR**2)
    return (squares * there[:, None]).sum(2) / there.sum(1)[:, None]


def _refined(
    cloud: Tensor, there: Tensor, turns: Tensor, templates: Templates, which: Tensor, exact: bool
) -> Tensor:
    """Each rotation after one round of partners and the closed form."""
    near, squares = _partners(cloud, turns, templates, which, exact)
    weights = there[:, None] / (1 + squares / _SOFT**2).square()
    u, _, vh = torch.linalg.svd((cloud[:, None] * weights[..., None]).mT @ near)
    flip = torch.linalg.det(u @ vh).sign()
    turned: Tensor = torch.cat([u[..., :-1], u[..., -1:] * flip[..., None, None]], -1) @ vh
    return turned

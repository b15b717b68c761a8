"""Inference on shapes of which each is seen once: a part of three points that all have."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups import CloudGroup
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import SpecialOrthogonal
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed

__all__ = ["SharedPartFrame", "corners"]

_NEAR = 6  # neighbours that make corners with a point
_CANDIDATES, _OF, _COUNTED = 600, 30, 150  # corners of some clouds, counted in others
_REFINED = 3000  # clouds that lengths and their spreads are measured on
_TOLERANCES = (0.015, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)  # in distances of neighbours
_ROUNDS, _KEPT, _LEAST = 3, 0.8, 0.003
_NORMAL = 1.4826  # standard deviations in a median absolute deviation of a normal law
_UNLIKE = 30.0  # squared standardised distance beyond which a corner is not the part
_ROWS = 64  # candidates at once
_FAR = 1e6


class SharedPartFrame(InferenceNetwork):
    r"""The corner of three points that is most like one that all shapes have once.

    .. math:: \min_{(i, j, k)} \; \sum_{m} \frac{(\ell_m(i, j, k) - \mu_m)^2}{\sigma_m^2}, \qquad
        \ell = (|x_i x_j|, |x_i x_k|, |x_j x_k|)

    Shapes that are seen once have no template, but molecules of a series share a scaffold. Corners
    are a point and two of its six neighbours, in this order, and their lengths do not change with
    a rotation. ``adopt`` counts how many training clouds have a corner of about these lengths
    exactly once, takes the one that the most have, and measures μ and σ on those that it finds, in
    rounds. The axes of the corner are the frame: f(g x) = g f(x) exactly, for points in any order.

    ``confidence`` is near 1 where one corner is like the part and the next one is not.

    Args:
        group: so3; about the origin.
        cloud_shape: ``(n, 3)``.

    Raises:
        ValueError: for another group, or fewer than three points.
    """

    group: CloudGroup
    lengths: Tensor
    spreads: Tensor

    def __init__(self, group: CloudGroup, cloud_shape: Sequence[int]) -> None:
        super().__init__(group)
        if not isinstance(group, SpecialOrthogonal) or group.points != 3:
            raise ValueError(
                f"there is no frame by a shared part for a {type(group).__name__}: there is one "
                "for so3"
            )
        if cloud_shape[0] < 3:
            raise ValueError(f"a shared part has 3 points, and clouds have {cloud_shape[0]}")
        self.register_buffer("lengths", torch.zeros(3))
        self.register_buffer("spreads", torch.ones(3))

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements; a perturbation ``(B, dim)`` comes before them, next to the prototype.

        Args:
            x: clouds ``(B, n, 3)``, NaN where a point is missing.
            perturbation: coordinates in units of the group's bounds.
        """
        element = _axes(x, self._found(x)[1]).to(at_least_single(x))
        return perturbed(self.group, element, perturbation)

    def confidence(self, x: Tensor) -> Tensor:
        """The share of the nearest corner among it, the next one and no part, ``(B,)``."""
        nearest = self._found(x)[0]
        none = nearest.new_full((len(x), 1), _UNLIKE)
        sure: Tensor = (-torch.cat([nearest, none], 1) / 2).softmax(1)[:, 0]
        return sure.clamp(1e-6, 1 - 1e-6).to(at_least_single(x))

    @torch.no_grad()
    def adopt(self, x: Tensor) -> str | None:
        """Find the part.

        Returns:
            How many of the clouds have it once.
        """
        some, _ = corners(x[:_COUNTED].float())
        draws = torch.Generator().manual_seed(0)
        candidates = some[:_OF].flatten(0, 1)
        candidates = candidates[candidates[:, 0] < _FAR / 2]
        if not len(candidates):
            raise ValueError("clouds must have 3 points at least for a part that they share")
        drawn = torch.randperm(len(candidates), generator=draws)[:_CANDIDATES]
        candidates = candidates[drawn.to(candidates.device)]
        unit = float(candidates[:, :2].median())
        nearest = torch.cat([_two_nearest(some, part) for part in torch.split(candidates, _ROWS)])
        once = torch.stack(
            [
                ((nearest[..., 0] < t * unit) & (nearest[..., 1] > t * unit)).double().mean(1)
                for t in _TOLERANCES
            ]
        )
        self.lengths.copy_(candidates[int(once.amax(0).argmax())])
        self.spreads.fill_(unit)
        self._measure(corners(x[:_REFINED].double())[0], unit)
        (first, second), _ = (part.unbind(1) for part in self._found(x[:_REFINED]))
        share = float(((first < _UNLIKE) & (second > first + _UNLIKE / 5)).double().mean())
        said = ", ".join(f"{length:.3g}" for length in self.lengths.tolist())
        return f"found a part of three points, {said} apart: {100 * share:.0f} % have it once"

    def _measure(self, lengths: Tensor, unit: float) -> None:
        """μ and σ of the corners that are nearest, the nearest four fifths of clouds, in rounds."""
        for _ in range(_ROUNDS):
            least, place = self._squares(lengths).min(1)
            own = lengths[torch.arange(len(lengths), device=lengths.device), place]
            own = own[least <= least.quantile(_KEPT)]
            self.lengths.copy_(own.median(0).values)
            deviation = (own - self.lengths).abs().median(0).values
            self.spreads.copy_(_NORMAL * deviation + _LEAST * unit)

    def _squares(self, lengths: Tensor) -> Tensor:
        """Standardised squared distances from the part ``(B, T)``, float64."""
        return ((lengths - self.lengths.double()) / self.spreads.double()).square().sum(2)

    @torch.no_grad()
    def _found(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Squares of the two nearest corners ``(B, 2)``, and the points of the first ``(B, 3)``."""
        lengths, places = corners(x.double())
        nearest, which = self._squares(lengths).topk(2, 1, largest=False)
        return nearest, places[torch.arange(len(x), device=x.device), which[:, 0]]


def corners(x: Tensor) -> tuple[Tensor, Tensor]:
    """Corners of clouds: each point with each ordered pair of its six neighbours.

    Args:
        x: clouds ``(B, n, 3)``, NaN where a point is missing.

    Returns:
        Lengths ``(B, T, 3)``, very large for corners of missing points; and points ``(B, T, 3)``.
    """
    count, size = x.shape[:2]
    there = ~x.isnan().any(2)
    points = x.nan_to_num(0.0)
    apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    known = there[:, :, None] & there[:, None]
    apart = apart.masked_fill(~known, _FAR)
    itself = torch.eye(size, dtype=torch.bool, device=x.device)
    near = apart.masked_fill(itself, 2 * _FAR).topk(min(_NEAR, size - 1), 2, largest=False).indices
    one, two = torch.where(~torch.eye(near.shape[2], dtype=torch.bool, device=x.device))
    first = torch.arange(size, device=x.device)[:, None].expand(size, len(one)).flatten()
    i = first.expand(count, -1)
    j, k = near[:, :, one].flatten(1), near[:, :, two].flatten(1)
    flat = apart.flatten(1)
    lengths = torch.stack([flat.gather(1, a * size + b) for a, b in ((i, j), (i, k), (j, k))], 2)
    return lengths.masked_fill((lengths > _FAR / 2).any(2, keepdim=True), _FAR), torch.stack(
        [i, j, k], 2
    )


def _two_nearest(lengths: Tensor, parts: Tensor) -> Tensor:
    """The largest difference of lengths ``(B, T, 3)`` from parts ``(C, 3)``: ``(C, B, 2)``."""
    apart = (lengths[None] - parts[:, None, None]).abs().amax(3)
    return apart.topk(2, 2, largest=False).values


def _axes(x: Tensor, places: Tensor) -> Tensor:
    """Rotations ``(B, 3, 3)`` of corners: x to the second point, y towards the third, float64."""
    chosen = places[..., None].expand(-1, -1, 3)
    one, two, three = x.nan_to_num(0.0).double().gather(1, chosen).unbind(1)
    first = torch.nn.functional.normalize(two - one, dim=1)
    across = three - one
    across = across - first * (first * across).sum(1, keepdim=True)
    second = torch.nn.functional.normalize(across, dim=1)
    axes = torch.stack([first, second, torch.linalg.cross(first, second)], 2)
    whole = (torch.linalg.det(axes) > 0.5)[:, None, None]  # not where the three are in a line
    return torch.where(whole, axes, torch.eye(3, dtype=axes.dtype, device=axes.device))

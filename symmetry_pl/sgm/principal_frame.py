"""Rotations by a cloud's own principal axes: the usual frame, and a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups import CloudGroup
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import SpecialOrthogonal
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed
from symmetry_pl.sgm.registration import own_axes

__all__ = ["PrincipalFrame"]


class PrincipalFrame(InferenceNetwork):
    """Principal axes about the origin, each pointing to where the third moment is positive.

    Those of the most variance come first, and the last follows from the others. f(g x) = g f(x)
    exactly, whatever the order of points. But axes trade places where variances are near each
    other, and flip where third moments are near 0, so that shapes that differ a little may have
    frames that differ much.

    Args:
        group: so2 or so3.
        cloud_shape: ``(n, d)``.

    Raises:
        ValueError: for another group.
    """

    group: CloudGroup

    def __init__(self, group: CloudGroup, cloud_shape: Sequence[int]) -> None:
        super().__init__(group)
        if not isinstance(group, SpecialOrthogonal):
            raise ValueError(
                f"there are no principal axes for a {type(group).__name__}: there are for so2 and "
                "so3"
            )

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements; a perturbation ``(B, dim)`` comes before them, next to the prototype.

        Args:
            x: clouds ``(B, n, d)``, NaN where a point is missing.
            perturbation: coordinates in units of the group's bounds.
        """
        cloud = x.nan_to_num(0.0).double()
        axes = own_axes(cloud).flip(2)
        signs = torch.where((cloud @ axes).pow(3).sum(1) < 0, -1.0, 1.0).to(axes)
        axes = axes * signs[:, None]
        turned = torch.linalg.det(axes).sign()[:, None, None]
        element = torch.cat([axes[..., :-1], axes[..., -1:] * turned], 2)
        return perturbed(self.group, element.to(at_least_single(x)), perturbation)

"""Equivariant inference on clouds whose points are in a fixed order: a closed form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.groups import CloudGroup, PositiveLinear, Similarity, linear_frame, rigid_frame
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import Orthogonal
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed

__all__ = ["OrderedFrame", "frame_against"]

_TRIED, _DRAWN = 500, 16  # clouds and references among which the best is chosen


class OrderedFrame(InferenceNetwork):
    """The element that takes a reference cloud nearest to x, point i to point i.

    Exactly equivariant whatever the reference, so that it is drawn at random: f(g x) = g f(x), and
    all turned copies of a cloud have one prototype.
    Training clouds choose among 16 draws. The frame of a cloud changes with which of its points
    are missing: where others are missing in each, ``unordered`` is the inference to take.

    Args:
        group: so2, so3, o2, o3, se2, se3, gl2.
        cloud_shape: ``(n, d)``.
        seed: of the reference.

    Raises:
        ValueError: for another group.
    """

    group: CloudGroup
    reference: Tensor

    def __init__(self, group: CloudGroup, cloud_shape: Sequence[int], seed: int = 0) -> None:
        super().__init__(group)
        if isinstance(group, Similarity):
            raise ValueError(
                "there is no frame of ordered clouds for a Similarity: divide clouds by their "
                "radius (data.scale) and take se2 or se3"
            )
        self.seed = seed
        draws = torch.Generator().manual_seed(seed)
        self.register_buffer("reference", torch.randn(*cloud_shape, generator=draws))

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements; a perturbation ``(B, dim)`` comes before them, next to the prototype.

        Args:
            x: clouds ``(B, n, d)``, NaN where a point is missing.
            perturbation: coordinates in units of the group's bounds.
        """
        element = frame_against(self.group, x, self.reference.to(at_least_single(x)))
        return perturbed(self.group, element, perturbation)

    def adopt(self, x: Tensor) -> str | None:
        """Take the one of some references whose frames are clearest on training clouds.

        Returns:
            A word on points that are missing, which this frame does not make up for.
        """
        shape, tried = self.reference.shape, x[:_TRIED]
        draws = torch.Generator().manual_seed(self.seed)
        drawn = [torch.randn(*shape, generator=draws).to(self.reference) for _ in range(_DRAWN)]
        best = max(drawn, key=lambda one: float(self._clearness(tried, one).quantile(0.02)))
        if isinstance(self.group, PositiveLinear):  # frames of a determinant of about 1
            frames = linear_frame(tried.nan_to_num(0.0), best, (~tried.isnan().any(2)).to(tried))
            best = best * torch.linalg.det(frames).abs().median().sqrt()
        self.reference.copy_(best)
        missing = x.isnan().any(2)
        if len(x) < 2 or not bool((missing[1:] != missing[:1]).any()):
            return None
        return (
            "points are missing, others in each cloud: a frame of ordered points changes with "
            "them; model.inference unordered does not"
        )

    def _clearness(self, x: Tensor, reference: Tensor) -> Tensor:
        """How far each frame is from not being unique, or invertible: ``(B,)``, at most 1."""
        product = x.nan_to_num(0.0).double().mT @ reference.double()
        if self.group.element_shape[0] > self.group.points:  # about the means
            centred = (x - x.nanmean(1, keepdim=True)).nan_to_num(0.0)
            product = centred.double().mT @ (reference - reference.mean(0)).double()
        if isinstance(self.group, PositiveLinear):
            product = linear_frame(x.nan_to_num(0.0), reference).double()
        sizes = torch.linalg.svdvals(product)
        sign = torch.linalg.det(product).sign()
        least: Tensor = sizes[:, -1] if isinstance(self.group, Orthogonal) else sign * sizes[:, -1]
        if not isinstance(self.group, (Orthogonal, PositiveLinear)):
            least = sizes[:, -2] + least
        clear: Tensor = least / sizes[:, 0]
        return clear


def frame_against(group: CloudGroup, x: Tensor, reference: Tensor) -> Tensor:
    """The element of a group that takes a reference ``(n, d)`` nearest to clouds ``(B, n, d)``."""
    weights = (~x.isnan().any(2)).to(x)
    points = x.nan_to_num(0.0)
    if isinstance(group, PositiveLinear):
        return linear_frame(points, reference, weights)
    moves = group.element_shape[0] > group.points
    mirrors = isinstance(group, Orthogonal)
    return rigid_frame(points, reference, weights, moves_origin=moves, mirrors=mirrors)

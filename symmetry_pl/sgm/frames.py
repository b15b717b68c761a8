"""Equivariant inference of transformations: a frame by moments, then a small network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from symmetry_pl.core.registry import build_named
from symmetry_pl.groups import AffineGroup, ColorGroup, ImageGroup, ProductGroup
from symmetry_pl.groups.affine_charts import AffineChart, PolarChart, RigidChart
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.warp import warp
from symmetry_pl.nn.feature_mlp import FeatureMLP
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed
from symmetry_pl.sgm.moment_frames import AffineFrame, ColorFrame, Frame, ProductFrame
from symmetry_pl.sgm.robust_frame import RobustAffineFrame

__all__ = [
    "AffineFrame",
    "ColorFrame",
    "Frame",
    "FrameNetwork",
    "ProductFrame",
    "RobustAffineFrame",
    "build_frame",
    "edge_content",
]


class FrameNetwork(InferenceNetwork):
    r"""A frame, corrected by a network that sees the image in this frame.

    .. math:: f(x) = \text{compose}\bigl(T(e(x)\, r(\hat x_0, m)),\, f_0(x)\bigr), \qquad
        \hat x_0 = T_{f_0(x)}^{-1} x

    with the frame f₀ of moments (``build_frame``). What moments cannot know is what the image does
    not show: the network sees which positions of x̂₀ the image contains, the mask m, and corrects
    affine elements only as far as content touches the edge, e(x) (``edge_content``). Images with
    their content inside thus keep f₀ and its equivariance exactly, and hold the prototypes of
    all others in place. The network's head is 0 at the start, where f = f₀; its coordinates are
    the polar ones where the element is affine.

    Args:
        group: whose elements it gives.
        image_shape: ``(C, H, W)``.
        widths: units of the network's hidden layers; empty for the frame alone.
        affine: options of ``RobustAffineFrame``, those of ``AffineFrame`` among them.
        color: options of ``ColorFrame``.

    Raises:
        ValueError: for a group without frame, or an option that the frame does not take.
    """

    group: ImageGroup

    def __init__(
        self,
        group: ImageGroup,
        image_shape: Sequence[int],
        widths: Sequence[int] = (256, 128),
        affine: dict[str, Any] | None = None,
        color: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(group)
        self.frame = build_frame(group, affine, color)
        channels, height, width = image_shape
        self.residual: nn.Sequential | None = None
        if len(widths):
            head = nn.Linear(widths[-1], _residual_dim(group))
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
            inputs = (channels + _has_mask(group)) * height * width
            self.residual = nn.Sequential(FeatureMLP(inputs, widths), head)

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements ``(B, …)``; a perturbation comes before them, next to the prototype.

        Args:
            x: images ``(B, C, H, W)`` in [−1, 1].
            perturbation: ``(B, dim)`` coordinates in units of the group's bounds.
        """
        element = self.frame(x)
        if self.residual is not None:
            framed = self.group.apply(self.group.inverse(element), at_least_single(x))
            if _has_mask(self.group):
                framed = torch.cat([framed, self._seen(element, framed)], 1)
            eta = at_least_single(self.residual(framed.flatten(1)))
            eta = eta * _gates(self.group, edge_content(self.frame.density(x)))
            element = self.group.compose(_residual_element(self.group, eta), element)
        return perturbed(self.group, element, perturbation)

    def adopt(self, x: Tensor) -> str | None:
        """Let the frame learn from training images before the first batch."""
        return self.frame.adopt(x)

    def confidence(self, x: Tensor) -> Tensor | None:
        """That of the frame."""
        return self.frame.confidence(x)

    def _seen(self, element: Tensor, like: Tensor) -> Tensor:
        """Mask (B, 1, H, W), 1 … −1: which positions of the framed image the image contains."""
        back = self.group.inverse(element)
        if isinstance(self.group, ProductGroup):
            back = self.group.split(back)[1]
        return warp(torch.ones_like(like[:, :1]), back, "bilinear")


def build_frame(
    group: ImageGroup,
    affine: dict[str, Any] | None = None,
    color: dict[str, Any] | None = None,
) -> Frame:
    """The frame for a group.

    Args:
        group: an ``AffineGroup``, a ``ColorGroup``, or a product of a colour and an affine one.
        affine: options of ``RobustAffineFrame``, those of ``AffineFrame`` among them.
        color: options of ``ColorFrame``.

    Raises:
        ValueError: for another group, or an option that the frame does not take.
    """
    if isinstance(group, ProductGroup) and isinstance(group.second, AffineGroup):
        parts = (build_frame(part, affine, color) for part in (group.first, group.second))
        return ProductFrame(group, *parts)
    if isinstance(group, AffineGroup):
        known = {"affine": RobustAffineFrame}
        return build_named("affine", known, "affine", (group,), affine or {})
    if isinstance(group, ColorGroup):
        return build_named("color", {"color": ColorFrame}, "color", (group,), color or {})
    raise ValueError(
        f"there is no frame for a {type(group).__name__}: inference frame needs an AffineGroup, a "
        "ColorGroup, or a product of a colour and an affine one; use inference mlp"
    )


def edge_content(density: Tensor) -> Tensor:
    """How much of an image's content touches its frame, ``(B,)`` in [0, 1): 1 - exp(-pixels).

    Args:
        density: ``(B, H, W)``.
    """
    w = density.clamp(min=0)
    edge = w[:, 0].sum(1) + w[:, -1].sum(1) + w[:, :, 0].sum(1) + w[:, :, -1].sum(1)
    return 1 - torch.exp(-edge)


def _has_mask(group: ImageGroup) -> bool:
    return isinstance(group, (AffineGroup, ProductGroup))


def _residual_dim(group: ImageGroup) -> int:
    if isinstance(group, ProductGroup):
        return _residual_dim(group.first) + _residual_dim(group.second)
    return len(_residual_chart(group).names) if isinstance(group, AffineGroup) else group.dim


def _residual_chart(group: AffineGroup) -> AffineChart:
    """Coordinates of the residual: all affine ones, unless the group has no stretch."""
    return group.chart if isinstance(group.chart, RigidChart) else PolarChart()


def _gates(group: ImageGroup, edge: Tensor) -> Tensor:
    """How far each coordinate of the residual is wanted, ``(B, d)``: position where edges cut."""
    if isinstance(group, ProductGroup):
        return torch.cat([_gates(group.first, edge), _gates(group.second, edge)], -1)
    gate = edge if isinstance(group, AffineGroup) else torch.ones_like(edge)
    return gate[:, None].expand(-1, _residual_dim(group))


def _residual_element(group: ImageGroup, eta: Tensor) -> Tensor:
    if isinstance(group, ProductGroup):
        size = _residual_dim(group.first)
        first, second = eta[:, :size], eta[:, size:]
        return group.join(
            _residual_element(group.first, first), _residual_element(group.second, second)
        )
    chart = _residual_chart(group) if isinstance(group, AffineGroup) else group
    return chart.element(eta)

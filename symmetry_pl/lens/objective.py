"""The terms of SymmetryLens's loss, made of what densities say of a batch and its covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens import losses
from symmetry_pl.lens.densities.density_model import DensityScores

__all__ = ["Terms", "grid_terms", "loss_terms"]


@dataclass(frozen=True)
class Terms:
    """Loss terms of the global batch, scalars in nats (alignment: a correlation).

    All have gradients to the representation, hence to the generator and the filter, and none to
    the densities.

    Attributes:
        alignment: minus the mean correlation of neighbours (eq. 13).
        marginal_uniformity: divergence of neighbouring marginals (eq. 28).
        conditional_uniformity: divergence of neighbouring conditionals (eq. 29); 0 without these.
        marginal_entropy: mean entropy of a pixel.
        joint_entropy: low-rank entropy a mode (eq. 26).
    """

    alignment: Tensor
    marginal_uniformity: Tensor
    conditional_uniformity: Tensor
    marginal_entropy: Tensor
    joint_entropy: Tensor

    @property
    def uniformity(self) -> Tensor:
        """Mean of the two divergences (eq. 12)."""
        return 0.5 * (self.marginal_uniformity + self.conditional_uniformity)

    @property
    def resolution(self) -> Tensor:
        """Total correlation a pixel, marginal minus joint entropy (eq. 15)."""
        return self.marginal_entropy - self.joint_entropy

    def loss(
        self,
        alignment: float = 1.0,
        uniformity: float = 2.0,
        resolution: float = 1.0,
        information: float = 1.0,
    ) -> Tensor:
        """Weighted sum of eq. 17, a·A + u·U + r·(Hm − Hj) − i·Hj: what generator and filter see.

        The joint entropy has the coefficient r + i in all, 2 by default.
        """
        return (
            alignment * self.alignment
            + uniformity * self.uniformity
            + resolution * self.resolution
            - information * self.joint_entropy
        )

    def named(self) -> dict[str, Tensor]:
        """The terms by the names they are logged under."""
        names = ("alignment", "uniformity", "marginal_entropy", "joint_entropy")
        return {name: getattr(self, name) for name in names}


def loss_terms(
    scores: DensityScores, covariance: Tensor, rank: float | Tensor = 1.0, ring: bool = False
) -> Terms:
    """Every term of one step.

    Args:
        scores: of the representation y, as ``DensityModel.scores`` gives them.
        covariance: of y, ``(d, d)``: that of the batch (``losses.covariance``), or one that is
            known better, such as L Cov(x) Lᵀ of the whole data set.
        rank: τ of ``losses.joint_entropy``.
        ring: whether the last pixel and the first are neighbours.
    """
    marginal, conditional = _divergences(scores, ring)
    return Terms(
        alignment=losses.alignment(covariance, ring),
        marginal_uniformity=marginal,
        conditional_uniformity=conditional,
        marginal_entropy=losses.marginal_entropy(scores.marginal.own),
        joint_entropy=losses.joint_entropy(covariance, rank),
    )


def grid_terms(
    scores: Sequence[DensityScores],
    covariance: Tensor,
    axes: Sequence[losses.Axis],
    rank: float | Tensor = 1.0,
    judged: Tensor | None = None,
    **window: float,
) -> Terms:
    """The same on a grid: alignment and uniformity are means over its axes.

    Args:
        scores: along each axis; of the first alone where uniformity is ``judged``.
        covariance: as of ``loss_terms``.
        axes: of the grid.
        rank: as of ``loss_terms``.
        judged: uniformity by other means than densities, which stands for both of its parts.
        window: options of ``losses.joint_entropy``.
    """
    if judged is None:
        found = [_divergences(s, axis=a) for s, a in zip(scores, axes, strict=True)]
        parts = [torch.stack(each).mean(0) for each in zip(*found, strict=True)]
    else:
        parts = [judged, judged]
    along = [losses.alignment(covariance, axis=axis) for axis in axes]
    return Terms(
        alignment=torch.stack(along).mean(0),
        marginal_uniformity=parts[0],
        conditional_uniformity=parts[1],
        marginal_entropy=losses.marginal_entropy(scores[0].marginal.own),
        joint_entropy=losses.joint_entropy(covariance, rank, **window),
    )


def _divergences(
    scores: DensityScores, ring: bool = False, axis: losses.Axis | None = None
) -> tuple[Tensor, Tensor]:
    """Those of neighbouring marginals and of neighbouring conditionals, 0 without these."""
    pixels, pairs = scores.marginal, scores.conditional
    conditional = torch.zeros_like(pixels.nll.detach())
    if pairs is not None:
        conditional = losses.shift_divergence(*pairs[:3], ring=ring, axis=axis)
    return losses.shift_divergence(*pixels[:3], ring=ring, axis=axis), conditional

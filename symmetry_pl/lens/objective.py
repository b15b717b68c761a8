"""The terms of SymmetryLens's loss, made of what densities say of a batch and its covariance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens import losses
from symmetry_pl.lens.densities.density_model import DensityScores

__all__ = ["Terms", "loss_terms"]


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
    pixels, pairs = scores.marginal, scores.conditional
    divergence = torch.zeros_like(pixels.nll.detach())
    if pairs is not None:
        divergence = losses.shift_divergence(*pairs[:3], ring=ring)
    return Terms(
        alignment=losses.alignment(covariance, ring),
        marginal_uniformity=losses.shift_divergence(*pixels[:3], ring=ring),
        conditional_uniformity=divergence,
        marginal_entropy=losses.marginal_entropy(pixels.own),
        joint_entropy=losses.joint_entropy(covariance, rank),
    )

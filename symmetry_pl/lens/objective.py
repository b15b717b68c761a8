"""The terms of SymmetryLens's loss, made of what densities say of a batch and its covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

    def judged(self, uniformity: Tensor, joint_entropy: Tensor) -> Terms:
        """The same with another uniformity, for both of its parts, and another joint entropy."""
        return replace(
            self,
            marginal_uniformity=uniformity,
            conditional_uniformity=uniformity,
            joint_entropy=joint_entropy,
        )

    def named(self) -> dict[str, Tensor]:
        """The terms by the names they are logged under."""
        names = ("alignment", "uniformity", "marginal_entropy", "joint_entropy")
        return {name: getattr(self, name) for name in names}


def loss_terms(
    scores: DensityScores,
    covariance: Tensor,
    rank: float | Tensor = 1.0,
    ring: bool = False,
    axis: losses.Axis | None = None,
) -> Terms:
    """Every term of one step.

    Args:
        scores: of the representation y, as ``DensityModel.scores`` gives them.
        covariance: of y, ``(d, d)``: that of the batch (``losses.covariance``), or one that is
            known better, such as L Cov(x) Lᵀ of the whole data set.
        rank: τ of ``losses.joint_entropy``.
        ring: whether the last pixel and the first are neighbours.
        axis: of a grid, that ``scores`` are along; one line of pixels if None.
    """
    pixels, pairs = scores.marginal, scores.conditional
    divergence = torch.zeros_like(pixels.nll.detach())
    if pairs is not None:
        divergence = losses.shift_divergence(*pairs[:3], ring=ring, axis=axis)
    return Terms(
        alignment=losses.alignment(covariance, ring, axis=axis),
        marginal_uniformity=losses.shift_divergence(*pixels[:3], ring=ring, axis=axis),
        conditional_uniformity=divergence,
        marginal_entropy=losses.marginal_entropy(pixels.own),
        joint_entropy=losses.joint_entropy(covariance, rank),
    )


def grid_terms(
    scores: Sequence[DensityScores],
    covariance: Tensor,
    axes: Sequence[losses.Axis],
    rank: float | Tensor = 1.0,
) -> Terms:
    """The same on a grid: alignment and uniformity are means over its axes.

    Args:
        scores: along each axis.
        covariance: as of ``loss_terms``.
        axes: of the grid.
        rank: as of ``loss_terms``.
    """
    along = [loss_terms(s, covariance, rank, axis=a) for s, a in zip(scores, axes, strict=True)]

    def mean(name: str) -> Tensor:
        return torch.stack([getattr(one, name) for one in along]).mean(0)

    return replace(
        along[0],
        alignment=mean("alignment"),
        marginal_uniformity=mean("marginal_uniformity"),
        conditional_uniformity=mean("conditional_uniformity"),
    )

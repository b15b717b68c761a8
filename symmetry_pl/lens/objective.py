"""All terms of a SymmetryLens step from one evaluation of a batch, and the two players' losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.information import Reduce
from symmetry_pl.lens import losses
from symmetry_pl.lens.densities.estimators import ConditionalMixture, MarginalMixture, Pairing

__all__ = ["Terms", "estimator_loss", "evaluate_terms"]

_PENALTY = 1e-5


@dataclass(frozen=True)
class Terms:
    """Loss terms of the global batch, scalars in nats (alignment: a correlation).

    The first five have gradients to y, hence to the generator and the filter, the last two to the
    estimators: ``model_loss`` and ``estimator_loss`` share nothing, and either may be
    differentiated first.

    Attributes:
        alignment: minus the mean correlation of neighbours (eq. 13).
        marginal_uniformity: divergence of neighbouring marginals (eq. 28).
        conditional_uniformity: divergence of neighbouring conditionals (eq. 29).
        marginal_entropy: mean entropy of a pixel.
        joint_entropy: low-rank entropy a mode (eq. 26).
        marginal_nll: what the marginal estimator minimises.
        conditional_nll: what the conditional estimator minimises, with its small weight penalty.
    """

    alignment: Tensor
    marginal_uniformity: Tensor
    conditional_uniformity: Tensor
    marginal_entropy: Tensor
    joint_entropy: Tensor
    marginal_nll: Tensor
    conditional_nll: Tensor

    @property
    def uniformity(self) -> Tensor:
        """Mean of the two divergences (eq. 12)."""
        return 0.5 * (self.marginal_uniformity + self.conditional_uniformity)

    @property
    def resolution(self) -> Tensor:
        """Total correlation a pixel, marginal minus joint entropy (eq. 15)."""
        return self.marginal_entropy - self.joint_entropy

    def model_loss(
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

    def estimator_loss(self) -> Tensor:
        """Sum of the two likelihood losses."""
        return self.marginal_nll + self.conditional_nll


def evaluate_terms(
    y: Tensor,
    slots: Tensor,
    marginal: MarginalMixture,
    conditional: ConditionalMixture | None,
    rank: float | Tensor,
    covariance: Tensor | None = None,
    ring: bool = False,
    pairing: Pairing = "paired",
    reduce: Reduce | None = None,
) -> Terms:
    """Every term of one step, both players', at the weights as they are.

    Args:
        y: ``(B, d)``, the lifted batch.
        slots: conditioning pixel of the first b rows, ``(b,)``, b ≤ B: the global row number
            modulo d. Other rows serve the marginals (and the covariance) alone.
        marginal: estimator of p_i.
        conditional: estimator of p_{i|j}; its two terms are 0 if None.
        rank: τ of ``losses.joint_entropy``.
        covariance: of y, ``(d, d)``, should it be known better than from this batch, such as
            L Cov(x) Lᵀ of the whole data set; else that of the batch.
        ring: whether the last pixel and the first are neighbours.
        pairing: see ``ConditionalMixture.scores``; the published code is ``unpaired``.
        reduce: differentiable sum over processes, for terms of the global batch.

    Raises:
        ValueError: if shapes do not fit, or a slot has no rows.
    """
    covariance = losses.covariance(y, reduce) if covariance is None else covariance
    pixels = marginal.scores(y, reduce=reduce)
    divergence = nll = torch.zeros_like(pixels.nll.detach())
    if conditional is not None:
        pairs = conditional.scores(y[: len(slots)], slots, pairing, reduce=reduce)
        divergence = losses.shift_divergence(*pairs[:3], ring=ring)
        nll = pairs.nll + _PENALTY * conditional.norms()
    return Terms(
        alignment=losses.alignment(covariance, ring),
        marginal_uniformity=losses.shift_divergence(*pixels[:3], ring=ring),
        conditional_uniformity=divergence,
        marginal_entropy=losses.marginal_entropy(pixels.own),
        joint_entropy=losses.joint_entropy(covariance, rank),
        marginal_nll=pixels.nll,
        conditional_nll=nll,
    )


def estimator_loss(
    y: Tensor,
    slots: Tensor,
    marginal: MarginalMixture | None,
    conditional: ConditionalMixture | None,
    reduce: Reduce | None = None,
) -> Tensor:
    """What the estimators minimise, without the model's terms: a third of the work.

    Equal to ``evaluate_terms(…).estimator_loss()``; for fitting estimators while the generator
    rests. The sample is taken as given: no gradient flows to y.

    Args:
        y: ``(B, d)``.
        slots: conditioning pixel of the first b rows, ``(b,)``.
        marginal: estimator of p_i; None if it is fitted otherwise.
        conditional: estimator of p_{i|j}; None if there is none.
        reduce: differentiable sum over processes.
    """
    y = y.detach()
    loss = y.new_zeros(())
    if marginal is not None:
        loss = loss + marginal.scores(y, shifted=False, reduce=reduce).nll
    if conditional is not None:
        pairs = conditional.scores(y[: len(slots)], slots, shifted=False, reduce=reduce)
        loss = loss + pairs.nll + _PENALTY * conditional.norms()
    return loss

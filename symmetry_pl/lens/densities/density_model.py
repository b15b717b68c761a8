"""The densities of a representation, which are SymmetryLens's second player, and their scores."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from symmetry_pl.core.registry import check_choice
from symmetry_pl.information import Reduce
from symmetry_pl.lens.densities.em import OnlineMixture, fit_mixture
from symmetry_pl.lens.densities.estimators import (
    ConditionalMixture,
    MarginalMixture,
    Pairing,
    Scores,
)

__all__ = ["DensityModel", "DensityScores", "conditioning_pixels"]

_PENALTY = 1e-5


class DensityScores(NamedTuple):
    """What densities say of a batch.

    ``marginal`` and ``conditional`` have gradients to y, which a loss of the generator reads; the
    two likelihood losses have gradients to the parameters of the densities alone. Either may be
    differentiated first.

    Attributes:
        marginal: mean log-densities of pixels.
        conditional: mean log-densities of pairs; None without conditional densities.
        marginal_nll: negative log-likelihood of pixels, nats.
        conditional_nll: that of pairs with a small penalty on the networks' weights; 0 without.
    """

    marginal: Scores
    conditional: Scores | None
    marginal_nll: Tensor
    conditional_nll: Tensor


class DensityModel(nn.Module):
    """Marginal and conditional densities of y ``(B, d)`` (appendix A).

    Args:
        dim: d.
        components: Gaussians in a mixture.
        hidden: width of the conditional networks; None for no conditional densities.
        marginals: ``em``, marginals by stepwise EM, or ``gradient``, as published.
        em_rate: share of a batch in the running statistics of EM.
        pairing: see ``ConditionalMixture.scores``.

    Raises:
        ValueError: if an option is none of those named.
    """

    def __init__(
        self,
        dim: int,
        components: int = 4,
        hidden: int | None = None,
        marginals: Literal["em", "gradient"] = "em",
        em_rate: float = 0.03,
        pairing: Pairing = "paired",
    ) -> None:
        super().__init__()
        check_choice("marginals", marginals, ("em", "gradient"))
        check_choice("pairing", pairing, ("paired", "unpaired"))
        self.components, self.pairing = components, pairing
        self.marginals = MarginalMixture(dim, components)
        self.online = OnlineMixture(dim, components, em_rate) if marginals == "em" else None
        self.conditionals = ConditionalMixture(dim, hidden, components) if hidden else None

    @property
    def trained(self) -> list[nn.Module | nn.Parameter]:
        """What an optimiser has to move."""
        parts: list[nn.Module | nn.Parameter] = [] if self.online else [self.marginals]
        return [*parts, self.conditionals] if self.conditionals else parts

    @torch.no_grad()
    def restart(self, y: Tensor) -> None:
        """Fit the marginals to samples ``(n, d)`` at once, where EM fits them."""
        if self.online is not None:
            self.online.start(fit_mixture(y, self.components))
            self.marginals.assign(self.online.mixture)

    @torch.no_grad()
    def follow(self, y: Tensor, reduce: Reduce | None = None) -> None:
        """One step of EM, where that fits the marginals."""
        if self.online is not None:
            self.online.follow(y, reduce)
            self.marginals.assign(self.online.mixture)

    def scores(
        self, y: Tensor, slots: Tensor, reduce: Reduce | None = None, stride: int = 1
    ) -> DensityScores:
        """Mean log-densities of a batch, for both players, at the weights as they are.

        Args:
            y: ``(B, d)``, the representation.
            slots: conditioning pixel of the first b rows, ``(b,)``, b ≤ B; other rows serve the
                marginals alone.
            reduce: differentiable sum over processes, for the scores of the global batch.
            stride: numbers that neighbours are apart by.

        Raises:
            ValueError: if shapes do not fit, or a pixel is no row's slot.
        """
        pixels = self.marginals.scores(y, reduce=reduce, stride=stride)
        pairs, nll = None, torch.zeros_like(pixels.nll.detach())
        if self.conditionals is not None:
            pairs = self.conditionals.scores(
                y[: len(slots)], slots, self.pairing, reduce=reduce, stride=stride
            )
            nll = pairs.nll + _PENALTY * self.conditionals.norms()
        return DensityScores(pixels, pairs, pixels.nll, nll)

    def loss(self, scores: DensityScores) -> Tensor:
        """What the optimiser of the densities minimises; marginals fitted by EM are not its."""
        marginal = 0.0 if self.online else scores.marginal_nll
        return scores.conditional_nll + marginal

    def loss_at_rest(self, y: Tensor, slots: Tensor, reduce: Reduce | None = None) -> Tensor:
        """The same, while the representation rests: a third of the work.

        The sample is taken as given: no gradient flows to y.
        """
        y = y.detach()
        loss = y.new_zeros(())
        if self.online is None:
            loss = loss + self.marginals.scores(y, shifted=False, reduce=reduce).nll
        if self.conditionals is not None:
            rows = y[: len(slots)]
            pairs = self.conditionals.scores(rows, slots, shifted=False, reduce=reduce)
            loss = loss + pairs.nll + _PENALTY * self.conditionals.norms()
        return loss


def conditioning_pixels(
    rows: int, dim: int, most: int | None = None, rank: int = 0, world_size: int = 1
) -> Tensor:
    """Conditioning pixel of the first rows of a batch: their place in the global one, modulo d.

    Args:
        rows: of the batch, on this process.
        dim: d.
        most: rows a pixel in the global batch; all if None.
        rank: this process, which has every W-th row of the global batch.
        world_size: W.

    >>> conditioning_pixels(4, 3).tolist(), conditioning_pixels(4, 3, most=1).tolist()
    ([0, 1, 2, 0], [0, 1, 2])
    """
    # of the first most · d rows of the global batch, every W-th is this process's
    share = rows if most is None else max(0, -(-(most * dim - rank) // world_size))
    return (torch.arange(min(rows, share)) * world_size + rank) % dim

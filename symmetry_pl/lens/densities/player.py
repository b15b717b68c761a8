"""The second player of SymmetryLens: densities of the representation, and how they are fitted."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from symmetry_pl.information import Reduce
from symmetry_pl.lens.densities.em import OnlineMixtures, fit_mixtures
from symmetry_pl.lens.densities.estimators import ConditionalMixture, MarginalMixture, Pairing
from symmetry_pl.lens.objective import Terms, estimator_loss, evaluate_terms


class Densities(nn.Module):
    """Marginal and conditional densities of y ``(B, d)`` (appendix A).

    Args:
        dim: d.
        components: Gaussians in a mixture.
        hidden: width of the conditional networks; None for no conditional densities.
        marginals: ``em``, marginals by stepwise EM, or ``gradient``, as published.
        em_rate: share of a batch in the running statistics of EM.
        ring: whether the last pixel is the neighbour of the first.
        pairing: see ``ConditionalMixture.scores``.

    Raises:
        ValueError: if an option is none of those named.
    """

    def __init__(
        self,
        dim: int,
        components: int,
        hidden: int | None,
        marginals: Literal["em", "gradient"],
        em_rate: float = 0.03,
        ring: bool = False,
        pairing: Pairing = "paired",
    ) -> None:
        super().__init__()
        if marginals not in ("em", "gradient"):
            raise ValueError(f"model.marginals must be em or gradient, got {marginals!r}")
        if pairing not in ("paired", "unpaired"):
            raise ValueError(f"model.pairing must be paired or unpaired, got {pairing!r}")
        self.components, self.ring, self.pairing = components, ring, pairing
        self.marginals = MarginalMixture(dim, components)
        self.online = OnlineMixtures(dim, components, em_rate) if marginals == "em" else None
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
            self.online.start(fit_mixtures(y, self.components))
            self.marginals.assign(*self.online.mixtures)

    @torch.no_grad()
    def follow(self, y: Tensor, reduce: Reduce | None = None) -> None:
        """One step of EM, where that fits the marginals."""
        if self.online is not None:
            self.online.follow(y, reduce)
            self.marginals.assign(*self.online.mixtures)

    def terms(
        self,
        y: Tensor,
        slots: Tensor,
        rank: float,
        covariance: Tensor | None = None,
        reduce: Reduce | None = None,
    ) -> Terms:
        """All loss terms of a batch, see ``evaluate_terms``."""
        return evaluate_terms(
            y,
            slots,
            self.marginals,
            self.conditionals,
            rank,
            covariance,
            self.ring,
            self.pairing,
            reduce,
        )

    def loss_of(self, terms: Terms) -> Tensor:
        """What the optimiser of the densities minimises, of terms that are there already."""
        return terms.conditional_nll if self.online else terms.estimator_loss()

    def loss(self, y: Tensor, slots: Tensor, reduce: Reduce | None = None) -> Tensor:
        """The same, computed without the terms of the other player: a third of the work."""
        marginals = None if self.online else self.marginals
        return estimator_loss(y, slots, marginals, self.conditionals, reduce)

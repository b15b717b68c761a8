"""Resampled factors against true ones, where the data know the factors of their images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from symmetry_pl.metrics.dealt import DealtMetric
from symmetry_pl.metrics.two_samples import factor_distance

Bins = Mapping[str, Mapping[str, tuple[list[float], "float | None"]]]


@runtime_checkable
class FactorData(Protocol):
    """A datamodule whose targets are factors: a class in the first column, then its factors."""

    def moved_factors(self, y: Tensor, change: Tensor) -> Tensor:
        """Factors of images of factors y ``(B, 1 + F)`` after the elements ``change``."""

    def factor_bins(self) -> Bins:
        """Bins by class and factor, in the order of columns: edges, and a period or None."""


class FactorSamples(DealtMetric):
    """True and resampled factors of all batches and processes, ``(N, 1 + F)`` each.

    Args:
        kwargs: as of ``torchmetrics.Metric``.
    """

    true: list[Tensor]
    drawn: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("true", [], dist_reduce_fx="cat")
        self.add_state("drawn", [], dist_reduce_fx="cat")

    def update(self, true: Tensor, drawn: Tensor) -> None:
        """Add a batch of both, a row an image."""
        self._deal(len(true))
        self.true.append(true)
        self.drawn.append(drawn)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Both over all batches; rows belong together."""
        true, drawn = self._in_order(self.true, self.drawn)
        return true, drawn


def factor_distances(drawn: Tensor, true: Tensor, bins: Bins) -> dict[str, Tensor]:
    """Total variation distance of every factor's histogram, class by class.

    Args:
        drawn: class and factors of resampled images ``(N, 1 + F)``.
        true: those of the data.
        bins: of the factors.

    Returns:
        ``factor_tv_<class>_<factor>``; ``factor_tv``, the largest of them; and
        ``factor_tv_null``, the largest between two halves of the data, which sampling alone gives.
    """
    found: dict[str, Tensor] = {}
    null = []
    for label, (name, factors) in enumerate(bins.items()):
        some, all_ = drawn[drawn[:, 0] == label], true[true[:, 0] == label]
        if len(all_) < 2:
            continue
        for column, (factor, (edges, period)) in enumerate(factors.items(), 1):
            values = all_[:, column]
            found[f"factor_tv_{name}_{factor}"] = factor_distance(
                some[:, column], values, edges, period
            )
            half = len(values) // 2
            null.append(factor_distance(values[:half], values[half:], edges, period))
    if found:
        found["factor_tv"] = torch.stack(list(found.values())).max()
        found["factor_tv_null"] = torch.stack(null).max()
    return found

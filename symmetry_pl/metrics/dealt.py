"""Samples that processes deal like cards, put together in the order that one process sees."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

__all__ = ["DealtMetric", "GatheredPairs"]


class DealtMetric(Metric):
    """A metric that keeps samples and whose figure depends on their order, by rounding or more.

    Of W processes, process r has samples r, r + W, … of the set. A subclass calls ``_deal`` with
    the number of samples that ``update`` adds, and ``_in_order`` on what it has gathered.

    Args:
        kwargs: as of ``torchmetrics.Metric``.
    """

    full_state_update = False
    places: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("places", [], dist_reduce_fx="cat")

    def _deal(self, count: int) -> None:
        """Note where the next samples of this process stand in the whole set."""
        ready = dist.is_available() and dist.is_initialized()
        rank, world = (dist.get_rank(), dist.get_world_size()) if ready else (0, 1)
        seen = sum(map(len, self.places))
        self.places.append((seen + torch.arange(count, device=self.device)) * world + rank)

    def _in_order(self, *samples: list[Tensor] | Tensor) -> tuple[Tensor, ...]:
        """What all processes have gathered, in the order of the set."""
        order = dim_zero_cat(self.places).argsort()
        return tuple(dim_zero_cat(each)[order] for each in samples)


class GatheredPairs(DealtMetric):
    """Inputs and targets of a whole set, in its order.

    Args:
        kwargs: as of ``torchmetrics.Metric``.
    """

    x: list[Tensor]
    y: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("x", [], dist_reduce_fx="cat")
        self.add_state("y", [], dist_reduce_fx="cat")

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add inputs ``(B, d)`` and targets ``(B, t)``."""
        self._deal(len(x))
        self.x.append(x)
        self.y.append(y)

    def compute(self) -> tuple[Tensor, Tensor]:
        """All inputs and targets."""
        x, y = self._in_order(self.x, self.y)
        return x, y

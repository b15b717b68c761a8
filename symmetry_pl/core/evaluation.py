"""What is measured on a validation or test set: the contract of its figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from symmetry_pl.core.distributed import all_reduce_sum

Batch = tuple[Tensor, ...]
"""x, y and, where there are any, row numbers."""


@dataclass(frozen=True)
class Stage:
    """Which set is evaluated, and what may cost time.

    Attributes:
        name: ``val`` or ``test``.
        thorough: a test, a validation of its own, the last of a fit, or one that is due
            (``thorough_every``).
        data: the datamodule: training inputs, and the truth where it is known.
        rank: this process.
        world_size: processes.
        places: where the samples of a batch stand in the whole set ``(B,)``; what is drawn for a
            sample depends on its place alone, so that figures do not depend on batches and
            processes.
    """

    name: Literal["val", "test"]
    thorough: bool
    data: Any = None
    rank: int = 0
    world_size: int = 1
    places: Tensor = field(default_factory=lambda: torch.arange(0))


class Evaluator(nn.Module, ABC):
    """Figures of merit of one set; it leaves nothing in a checkpoint.

    ``SymmetryModule`` calls ``reset``, ``update`` for each batch and ``compute``, with gradients
    off, and logs what comes out as ``<stage>/<name>``. Names are those of the catalogue of metrics;
    ``objective``, among them, is what ``best.ckpt`` minimises.
    """

    shown: dict[str, Tensor]
    """First samples of the set on the CPU, for the painter."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = {}
        self._sums: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget the last set: what is shown, sums, and every torchmetrics metric inside."""
        self.shown = {}
        self._sums = {}
        for metric in self.modules():
            if isinstance(metric, Metric):
                metric.reset()

    @abstractmethod
    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add batch number ``index``."""

    @abstractmethod
    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes; ``objective`` among them."""

    def sum_up(self, name: str, sums: Tensor) -> None:
        """Add to the running sums of a name, of any shape."""
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums

    def total(self, name: str) -> Tensor:
        """The running sums of a name over all processes."""
        return all_reduce_sum(self._sums[name])

    def show(self, most: int, **samples: Tensor | None) -> None:
        """Keep the first ``most`` samples of each name for the painter, on the CPU."""
        for name, value in samples.items():
            if value is None:
                continue
            kept = self.shown.get(name)
            room = most - (0 if kept is None else len(kept))
            if room > 0:
                new = value[:room].detach().cpu()
                self.shown[name] = new if kept is None else torch.cat([kept, new])

"""How well molecules have what was asked for, as RDKit computes it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage

__all__ = ["TargetingEvaluator"]


class TargetingEvaluator(Evaluator):
    """Likelihoods of held-out molecules, told nothing and told all.

    Args:
        data: names and scales of the targets.
        columns: places of those that may be asked for.
        molecules: held-out molecules whose likelihood is measured.
    """

    def __init__(self, data: DataDescription, columns: list[int], molecules: int = 2000) -> None:
        super().__init__()
        self.data, self.columns, self.molecules = data, columns, molecules

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch."""
        kept = stage.places < self.molecules
        if not bool(kept.any()):
            return
        x, y = batch[0][kept.to(batch[0].device)], batch[1][kept.to(batch[0].device)]
        y = y[:, self.columns]
        ones = torch.ones_like(y)
        for name, asked in (("nll_x", ones), ("nll_unconditional", 0 * ones)):
            nll = model.nll(x, y, asked)
            self.sum_up(name, torch.stack([nll.sum(), nll.new_tensor(float(len(nll)))]).double())

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """Means over the set."""
        values = {
            name: (self.total(name)[0] / self.total(name)[1]).float()
            for name in ("nll_x", "nll_unconditional")
        }
        return values | {"objective": values["nll_x"]}

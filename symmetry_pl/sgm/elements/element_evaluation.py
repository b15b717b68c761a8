"""The figures of a learned law of elements: its losses, and which group it is of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.groups import Group
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.metrics.dealt import GatheredPairs
from symmetry_pl.metrics.hidden_group import group_figures

__all__ = ["ElementLawEvaluator"]

_SHOWN = 64  # clouds kept for the figures
_DRAWS = 3  # elements of each cloud: W1 of one draw is random itself


class ElementLawEvaluator(Evaluator):
    """Losses of a set; in a test three elements of each cloud, scored as those of SGM.

    ``objective`` is the first of the losses.

    Args:
        group: that elements are of.

    Attributes:
        elements: of the last test, the first draws ``(N, d, d)``; None before.
        named: their group; None where there are too few, or other groups than of rotations.
    """

    def __init__(self, group: Group) -> None:
        super().__init__()
        self.group = group
        self.drawn = GatheredPairs()
        self.elements: Tensor | None = None
        self.named: NamedGroup | None = None

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self.elements = self.named = None

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add the losses of a batch, and in a test elements of its clouds."""
        self.show(_SHOWN, x=batch[0])
        x = batch[0].nan_to_num(0.0)
        count = torch.tensor(float(len(x)), dtype=torch.float64, device=x.device)
        self.sum_up("clouds", count)
        for name, value in model.evaluation_loss(x, stage.places).items():
            self.sum_up(name, value.double() * count)
        if stage.name == "test":
            draws = torch.stack([model.drawn(x, stage.places, k) for k in range(_DRAWS)], 1)
            self.drawn.update(draws.flatten(1), draws.new_zeros(len(x), 0))

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        count = self.total("clouds")
        means = {name: self.total(name) / count for name in self._sums if name != "clouds"}
        values = {"objective": next(iter(means.values())), **means}
        if self.drawn.update_called:
            flat, _ = self.drawn.compute()
            size = self.group.element_shape[0]
            draws = flat.view(-1, _DRAWS, size, size).transpose(0, 1)
            self.elements = draws[0]
            self.named, found = group_figures(self.group, draws, stage.data)
            values |= {name: torch.tensor(value) for name, value in found.items()}
        return {name: value.float() for name, value in values.items()}

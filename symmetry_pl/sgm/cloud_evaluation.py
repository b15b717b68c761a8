"""The figures of SGM on clouds of points: which group its elements are of, and how near to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Stage
from symmetry_pl.groups import Group
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.metrics.dealt import GatheredPairs
from symmetry_pl.metrics.hidden_group import group_figures
from symmetry_pl.sgm.evaluation import PrototypeEvaluator
from symmetry_pl.sgm.scores import random_elements
from symmetry_pl.sgm.self_supervision import self_supervision

__all__ = ["CloudEvaluator"]

_DRAWS = 3  # elements of each cloud: W1 of one draw is random itself


class CloudEvaluator(PrototypeEvaluator):
    r"""Likelihood and spread of prototypes; in a test the group of the elements as well.

    Elements are those from each cloud to where p(η | x̂) has it, g = T_{η'} T_η⁻¹: of the hidden
    group, as the orientations of prototypes cancel. Those of linear maps are named by their
    rotations. Where the inference knows how sure it is, those that are count for the name.

    Args:
        group: of the model.
        orbits: groups that draw copies, by name.
        size: K, copies a cloud.
        images: clouds of a set that are copied, the first ones.

    Attributes:
        elements: of the last test, the first draws ``(N, d, d)``; None before.
        named: their group; None where there are too few, or other groups than of rotations.
    """

    def __init__(self, group: Group, orbits: Mapping[str, Group], size: int, images: int) -> None:
        super().__init__(group, orbits, size, images)
        self.group = group
        self.changes = GatheredPairs()
        self.elements: Tensor | None = None
        self.named: NamedGroup | None = None

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self.elements = self.named = None

    def likelihood(self, model: Any, x: Tensor, places: Tensor) -> None:
        """Add log p of clouds at their own prototypes; the loss of the first ones."""
        some = x[places.to(x.device) < self.scores.images]
        if len(some):
            first, second = (
                random_elements(self.group, some, 1, 100 + k, places[: len(some)]) for k in range(2)
            )
            loss = self_supervision(self.group, model.inference, some, first, second)
            self.mse.update(loss.mse, len(some))
        if model.fitted:
            prototypes, element = model.canonicalise(x)
            eta = model.coordinates(element)
            self.nll.update(-model.generative.log_prob(eta, prototypes).mean(), len(x))

    def resample(self, model: Any, x: Tensor, y: Tensor, stage: Stage) -> None:
        """Gather some elements of each cloud, and how sure its inference is."""
        change = self.drawn_changes(model, x, stage, _DRAWS)
        sure = model.inference.confidence(x)
        sure = torch.ones(len(x), device=x.device) if sure is None else sure
        self.changes.update(change.flatten(1), sure[:, None])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures of the set, over all processes."""
        values = super().compute(model, stage)
        volume = getattr(self.group, "log_volume", None)
        if "nll_eta" in values and volume is not None:
            values["likelihood_gain"] = volume - values["nll_eta"]
        if not self.changes.update_called:
            return values
        flat, sure = self.changes.compute()
        size = self.group.element_shape[0]
        draws = flat.view(-1, _DRAWS, size, size).transpose(0, 1)
        self.elements = draws[0]
        self.named, found = group_figures(self.group, draws, stage.data, sure[:, 0])
        found["elements_sure"] = float(sure.mean())
        return values | {name: torch.tensor(value) for name, value in found.items()}

"""The figures of a method with prototypes, over one evaluation set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.groups import Group
from symmetry_pl.sgm.factors import FactorData, FactorSamples, factor_distances
from symmetry_pl.sgm.scores import PrototypeScores, random_elements
from symmetry_pl.sgm.self_supervision import self_supervision

_SHOWN = 64  # images kept for the figures
_UNFITTED = 1e6  # objective of a model without a fitted flow: worse than any with one


class PrototypeEvaluator(Evaluator):
    """Spread of prototypes, self-supervised loss, likelihood, and resampled factors in a test.

    Args:
        group: of the model.
        orbits: groups that draw copies, by name, the first of all transformations.
        size: K, copies an image.
        images: images of a set that are copied, the first ones.

    Attributes:
        factors: true and resampled ones ``(N, 1 + F)`` of the last set, where the data know them.
    """

    def __init__(self, group: Group, orbits: Mapping[str, Group], size: int, images: int) -> None:
        super().__init__()
        self.scores = PrototypeScores(group, orbits, size, images)
        self.nll, self.mse = MeanMetric(), MeanMetric()
        self.samples = FactorSamples()
        self.factors: tuple[Tensor, Tensor] | None = None

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self.scores.reset()
        self.factors = None

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Score a batch; in a test each transformation on its own as well, and factors."""
        x = batch[0]
        self.show(_SHOWN, x=x)
        self.scores.update(model.inference, x, stage.places, everything=stage.name == "test")
        self.likelihood(model, x, stage.places)
        if stage.name == "test" and model.fitted:
            self.resample(model, x, batch[1], stage)

    def likelihood(self, model: Any, x: Tensor, places: Tensor) -> None:
        """Add log p of samples at prototypes of copies, and the self-supervised loss."""
        group, orbit = model.group, self.scores.orbits[""]
        first, second = (random_elements(orbit, x, 1, 100 + k, places) for k in range(2))
        loss = self_supervision(group, model.inference, x, first, second)
        self.mse.update(loss.mse, len(x))
        if model.fitted:
            back = group.inverse(loss.inferred)
            prototypes = group.apply(group.compose(first, back), x)
            eta = model.coordinates(model.inference(x))
            self.nll.update(-model.generative.log_prob(eta, prototypes).mean(), len(x))

    def resample(self, model: Any, x: Tensor, y: Tensor, stage: Stage) -> None:
        """Move samples along their orbits, and gather what is compared of them: here factors."""
        data = stage.data
        if not isinstance(data, FactorData):
            return
        change = self.drawn_changes(model, x, stage, 1)[:, 0]
        still = model.group.identity(len(change), dtype=change.dtype, device=change.device)
        # of shapes with symmetries, true orientations too are brought to one turn
        self.samples.update(*(data.moved_factors(y, e) for e in (still, change)))

    def drawn_changes(self, model: Any, x: Tensor, stage: Stage, draws: int) -> Tensor:
        """Elements ``(B, draws, …)`` from samples to where p(η | x̂) has them.

        They are the same for equal places. The inference sees each sample once.
        """
        prototypes, element = model.canonicalise(x)
        back, found = model.group.inverse(element), []
        for draw in range(draws):
            uniform = counter_uniform(0, draw, stage.places.cpu().numpy(), model.noise_dim)
            noise = torch.special.ndtri(torch.from_numpy(uniform)).to(x)
            drawn = model.sample_elements(prototypes, noise)
            found.append(model.group.compose(back, drawn))
        return torch.stack(found, 1)

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures of the set, over all processes."""
        values = {"mse": self.mse.compute(), **self.scores.compute()}
        if self.nll.update_called:
            values["nll_eta"] = self.nll.compute()
        if self.samples.update_called:
            self.factors = true, drawn = self.samples.compute()
            values |= factor_distances(drawn, true, stage.data.factor_bins())
        # the flow is learned last: a model with one is better than any without
        values["objective"] = values.get("nll_eta", values["mse"] + _UNFITTED)
        return {name: value.float() for name, value in values.items()}

"""The loss of SymmetryLens on a whole set, and what it says without the truth."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Stage, reduction
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.densities.density_model import conditioning_pixels
from symmetry_pl.lens.evaluation import GeneratorEvaluator
from symmetry_pl.lens.losses import covariance
from symmetry_pl.lens.refit import refitted_loss
from symmetry_pl.metrics.bands import band_cosines
from symmetry_pl.metrics.generator import lifting_scores, stationarity_residual
from symmetry_pl.metrics.recovery import (
    image_correlation,
    image_correlation_floor,
    shift_correlation,
)


class LensEvaluator(GeneratorEvaluator):
    """The loss at full rank, its terms, and every figure of a generator with a filter.

    The samples of a set are kept until its end, as the loss couples them all.

    Args:
        compare_with_truth: whether a test compares the loss with that of the true basis, both with
            densities fitted anew; costs seconds.
    """

    def __init__(self, compare_with_truth: bool = False) -> None:
        super().__init__()
        self.compare_with_truth = compare_with_truth
        self._samples: list[Tensor] = []

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self._samples = []

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Keep the samples."""
        super().update(model, batch, index, stage)
        self._samples.append(batch[0])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        if not model.measured:
            model.measure()
        x, self._samples = torch.cat(self._samples), []
        lift = model.symmetry.lift()
        y = model.symmetry.scaled(x) @ lift.T
        slots = conditioning_pixels(len(y), y.shape[1], None, stage.rank, stage.world_size)
        scores = model.scores_of(y, slots)
        # in float64, as its smallest eigenvalues decide, and sums of float32 depend on their order
        wide = model.symmetry.scaled(x).double() @ lift.double().T
        spread = covariance(wide, reduction())
        terms = model.terms_of(y, scores, spread)
        loss = terms.loss(**model.loss_weights)
        values = {
            "objective": loss,
            "loss": loss,
            **terms.named(),
            "conditional_nll": scores[0].conditional_nll,
            "stationarity_residual": stationarity_residual(spread, model.domain),
        }
        values |= self._judged(model)
        if model.symmetry.filter.any():  # untrained, it looks nowhere
            values |= super().compute(model, stage)
            values |= self._against_truth(model, x, stage)
        return values

    @staticmethod
    def _judged(model: Any) -> dict[str, Tensor]:
        """What the warm start said of itself, if there was one."""
        verdict = model.judged()
        if verdict is None:
            return {}
        figures = {
            "confidence": float(model.confidence),
            "agreement": model.judgement["agreement"],
            "agreement_p_value": model.judgement["p_value"],
            "misfit": model.judgement["misfit"],
            "symmetry_found": float(verdict.found),
        }
        return {name: torch.tensor(value) for name, value in figures.items()}

    def _against_truth(self, model: Any, x: Tensor, stage: Stage) -> dict[str, Tensor]:
        truth = self.truth(model.data)
        if truth is None:
            return {}
        lift, scale = model.symmetry.lift(), model.symmetry.scaled
        scores = lifting_scores(lift, model.symmetry.filter, *truth)
        if stage.name == "test":
            scores |= self._recovered(model, x, *truth)
        values = {name: torch.tensor(value) for name, value in scores.items()}
        if stage.name == "test" and self.compare_with_truth:
            train, test = model.training_signals(), scale(x)
            lifts = {"loss_refitted": lift, "loss_of_truth": x.new_tensor(truth[0])}
            for name, one in lifts.items():
                values[name] = refitted_loss(one, train, test, model.loss_weights, model.ring)
        return values

    @staticmethod
    def _recovered(
        model: Any, x: Tensor, basis: list[list[float]], domain: Domain
    ) -> dict[str, float]:
        """How alike lifted and true signals are, and ``band_cosine``."""
        images = x @ torch.tensor(basis, dtype=torch.float64).to(x).T
        lifted = x @ model.symmetry.lift().T
        found = {
            "image_correlation": image_correlation(
                lifted, model.domain, images, domain, reduction()
            ),
            "image_correlation_floor": image_correlation_floor(images, domain, reduction()),
            "band_cosine": fmean(band_cosines(model.generators(), basis, domain)),
        }
        if domain.dimensions == 1:
            found |= {
                "shift_correlation": shift_correlation(lifted, images, reduction()),
                "shift_correlation_ceiling": shift_correlation(images, images, reduction()),
            }
        return found

"""Figures of methods that learn group elements: with and without the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from symmetry_pl.core import Batch, Stage
from symmetry_pl.lens.cloud_elements import cloud_figures
from symmetry_pl.lens.evaluation import (
    GeneratorEvaluator,
    conserved,
    true_algebra,
    true_symmetry,
)
from symmetry_pl.metrics.algebra import algebra_shares, principal_angle, random_angle
from symmetry_pl.metrics.dealt import GatheredPairs
from symmetry_pl.metrics.elements import (
    invariant_form,
    nearest_on_subgroup,
    nearest_power,
    orthogonal_ceiling,
    power_floor,
    subgroup_floor,
)
from symmetry_pl.metrics.energy import EnergyDistance
from symmetry_pl.metrics.errors import SummedAbsoluteError
from symmetry_pl.metrics.generator import cosine, nearest_generator
from symmetry_pl.metrics.hidden_group import HiddenGroupData

Pair: TypeAlias = tuple[Tensor, Tensor]
_FAVOURS = ("algebra_cosine", "subgroup_cosine", "element_cosine", "orbit_cosine")


def element_scores(model: Any) -> dict[str, float]:
    """Learned elements and algebras against the true ones, where the data know them.

    ``subgroup_cosine`` of algebras and ``element_cosine`` of elements are the scores of the
    SymmetryLens paper's appendix D; ``moving_cosine`` is the latter without the identity. For data
    of a Lie group: ``algebra_shares``, the angle with the true algebra, ``form_cosine`` of the form
    left alone, and for elements ``orbit_cosine`` with the nearest on the true subgroup.
    """
    algebra = model.sample_algebra()
    found = {} if model.blocks > 1 else _against_shift(model, algebra)
    truth = true_algebra(model.data)
    if truth is None or not len(truth[0]) or truth[0].shape[-1] != model.block_dim:
        return found
    true, form = truth
    if algebra is None:
        element = model.generators()[0]
        nearest = [nearest_on_subgroup(one, element) for one in true]
        eye = torch.eye(len(element), dtype=torch.float64)
        wide = element.detach().double().cpu()
        found |= {
            "orbit_cosine": max(one.cosine for one in nearest),
            "identity_cosine": float(cosine(wide, eye)),
        }
        if form is not None:
            found["form_error"] = float((wide.T @ form @ wide - form).norm() / form.norm())
        return found
    wide = algebra.detach().double().cpu()
    found |= algebra_shares(wide, true)
    found["generator_angle"] = float(principal_angle(wide, true))
    found["generator_angle_random"] = random_angle(len(true), true.shape[-1])
    if form is not None:
        found["form_cosine"] = float(cosine(invariant_form(algebra), form).abs())
    return found


def _against_shift(model: Any, algebra: Tensor | None) -> dict[str, float]:
    truth = true_symmetry(model.data)
    if truth is None:
        return {}
    basis, domain = truth
    if domain.dimensions > 1:
        return {}
    size, topology = domain.axes[0]
    element = model.generators()[0]
    ideal = nearest_generator(element.double().cpu(), basis, domain)
    ceiling = {"rotation_ceiling": orthogonal_ceiling(ideal)}
    if algebra is not None:
        best = max(nearest_on_subgroup(one, ideal).cosine for one in algebra)
        return ceiling | {
            "subgroup_cosine": best,
            "subgroup_cosine_random": subgroup_floor(size, topology),
        }
    nearest = nearest_power(element, basis, domain)
    moving = nearest_power(element, basis, domain, moving=True)
    return ceiling | {
        "element_cosine": nearest.cosine,
        "element_cosine_random": power_floor(size, topology),
        "element_power": nearest.at,
        "moving_cosine": moving.cosine,
        "moving_cosine_random": power_floor(size, topology, True),
    }


class ElementEvaluator(GeneratorEvaluator):
    r"""How far moved samples are from others, and how near elements are to the true ones.

    ``objective`` is ``energy_distance``, that of one half of a set, moved, to the other half, as it
    is; ``energy_distance_floor`` is what two halves have that nothing moves. A group that has
    shrunk to the identity is at the floor as well: the penalty of a method keeps it from there,
    and ``identity_cosine`` tells.

    Where the data know what the true group conserves, ``invariant_change`` is the median of
    \|H(g x) − H(x)\| over that of \|H(x)\|, as H may grow so fast that its mean is that of a few,
    beside the same of the identity (``…_floor``, 0 unless samples are reconstructed) and of another
    sample in place of g x (``…_random``). ``motion`` is how far samples move, of how far any two
    are apart: what hardly moves conserves everything.

    The best epoch by the truth, a favour that the SymmetryLens paper does its rivals, is reported
    as ``favoured_cosine`` at ``favoured_epoch``; nothing else follows from it.

    Of clouds whose hidden group the data know, a test names the group of random elements, and has
    their W1 to it (``cloud_figures``).
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples = EnergyDistance()

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Keep the samples, targets beside them."""
        super().update(model, batch, index, stage)
        self.samples.update(batch[0], batch[1])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        fixed = torch.Generator().manual_seed(0)

        def moved(x: Tensor, y: Tensor) -> Pair:
            normal = torch.randn(len(x), model.coefficients, generator=fixed, dtype=torch.float64)
            pair: Pair = model.move((x, y), normal.to(x))
            return pair

        distance, floor = self.samples.between(moved)
        scores = element_scores(model)
        values = {
            "objective": distance,
            "energy_distance": distance,
            "energy_distance_floor": floor,
            **super().compute(model, stage),
            **{name: torch.tensor(value) for name, value in scores.items()},
        }
        if stage.name == "test" and isinstance(stage.data, HiddenGroupData):
            named = cloud_figures(model, stage.data, len(self.samples.compute()[0]))
            values |= {name: torch.tensor(value) for name, value in named.items()}
        values |= self._conservation(model, moved)
        return values | self._favoured(model, scores, stage)

    def _conservation(
        self, model: Any, moved: Callable[[Tensor, Tensor], Pair]
    ) -> dict[str, Tensor]:
        """How much of what the true group conserves is lost, where the data know it."""
        x, y = self.samples.compute()
        before, other = conserved(model.data, x), x.roll(1, 0)
        if before is None:
            return {}
        after = moved(x, y)[0]
        found = {
            "invariant_change": after,
            "invariant_change_floor": model.still(x),
            "invariant_change_random": other,
        }
        values = {}
        for name, to in found.items():
            now = conserved(model.data, to)
            assert now is not None
            values[name] = (now - before).abs().median() / before.abs().median()
        path, apart = ((to - x).norm(dim=1).mean() for to in (after, other))
        return values | {"motion": path / apart}

    def _favoured(self, model: Any, scores: dict[str, float], stage: Stage) -> dict[str, Tensor]:
        """The best epoch by the truth so far, kept by the model as a mere record."""
        name = next((name for name in _FAVOURS if name in scores), None)
        trainer = model.trainer
        if name is not None and stage.name == "val" and trainer.state.fn == TrainerFn.FITTING:
            best = float(model.favoured[0])
            if not trainer.sanity_checking and not scores[name] <= best:
                now = [scores[name], float(trainer.current_epoch + 1)]
                model.favoured.copy_(torch.tensor(now))
        if not bool(model.favoured.isfinite().all()):
            return {}
        return {
            "favoured_cosine": model.favoured[0].clone(),
            "favoured_epoch": model.favoured[1].clone(),
        }


class LatentElementEvaluator(ElementEvaluator):
    """The same of an autoencoder's latents, and ``mae_x``, the error of reconstruction alone."""

    def __init__(self) -> None:
        super().__init__()
        self.error = SummedAbsoluteError()

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add the error of a batch."""
        super().update(model, batch, index, stage)
        self.error.update(model.still(batch[0]), batch[0])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        return super().compute(model, stage) | {"mae_x": self.error.compute()}


class NullSpaceEvaluator(GeneratorEvaluator):
    """How well a law is fitted, and the generators that it is invariant under.

    ``objective`` is the loss of the law. ``null_dimension`` counts generators, and ``null_gap`` is
    the ratio of the first singular value beyond them to the last of them: 1 for no gap at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples = GatheredPairs()

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Keep the samples, targets beside them."""
        super().update(model, batch, index, stage)
        self.samples.update(batch[0], batch[1])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes; the null space is that of the training samples."""
        x, y = self.samples.compute()
        if not bool(model.scale.isfinite()):
            model.measure()
        model.solve()
        fixed = torch.Generator().manual_seed(0)
        normal = torch.randn(x.shape, generator=fixed, dtype=torch.float64).to(x)
        loss = model.loss((x, y), normal)
        scores: dict[str, Any] = {**element_scores(model), **super().compute(model, stage)}
        k, least = model.null_dimension, torch.finfo(model.spectrum.dtype).tiny
        return {
            "objective": loss,
            "loss_law": loss,
            "null_dimension": torch.tensor(float(k)),
            "null_gap": model.spectrum[k] / model.spectrum[k - 1].clamp(min=least),
            **{name: torch.as_tensor(value) for name, value in scores.items()},
        }

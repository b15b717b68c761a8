"""What every method with prototypes shares: its group, its networks, and how it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.core.registry import build_named
from symmetry_pl.groups import build_group
from symmetry_pl.sgm.factors import FactorData, factor_distances
from symmetry_pl.sgm.frames import FrameNetwork
from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.inference import InferenceNetwork, MLPInference
from symmetry_pl.sgm.orbits import orbit_groups
from symmetry_pl.sgm.scores import PrototypeScores, random_elements
from symmetry_pl.sgm.self_supervision import self_supervision

INFERENCE: dict[str, type[InferenceNetwork]] = {"mlp": MLPInference, "frame": FrameNetwork}

_SHOWN = 64  # images kept for the figures
_UNFITTED = 1e6  # objective of a model without a fitted flow: worse than any with one


class PrototypeModule(SymmetryModule):
    """Images with prototypes: x = T_η(x̂) for an η of a group, and p(η | x̂).

    Args:
        image_shape: ``[C, H, W]``.
        group: ``affine``, ``color`` or ``affine_color``.
        group_options: its options, the bounds of random transformations among them.
        inference: ``mlp`` (the paper's) or ``frame`` (moments, then a small network).
        inference_options: its options.
        generative_options: options of ``GenerativeNetwork``.
        orbit_bounds: bounds of the copies that the inference is scored on; the group's if null.
        wide_orbit_bounds: further bounds for a score of its own, ``prototype_spread_wide``.
        orbit_size: K, copies an image in that score.
        orbit_images: images it is taken over, the first of the validation or test set.

    Raises:
        ValueError: for sizes or names that make no model.
    """

    monitor = "val/objective"
    painter: ClassVar[str] = "symmetry_pl.sgm.painter:PrototypePainter"
    headline = ("prototype_spread", "iterate_ratio_1", "nll_eta", "factor_tv")

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        group: str = "affine",
        group_options: dict[str, Any] | None = None,
        inference: str = "frame",
        inference_options: dict[str, Any] | None = None,
        generative_options: dict[str, Any] | None = None,
        orbit_bounds: list[float] | None = None,
        wide_orbit_bounds: list[float] | None = None,
        orbit_size: int = 8,
        orbit_images: int = 256,
    ) -> None:
        super().__init__()
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(f"image_shape is [channels, height, width], got {list(image_shape)}")
        if orbit_size < 2 or orbit_images < 2:
            raise ValueError("orbit_size and orbit_images must be at least 2")
        self.image_shape = (image_shape[0], image_shape[1], image_shape[2])
        self.group = build_group(group, **(group_options or {}))
        self.group.check_images(self.image_shape)
        sizes = (self.group, self.image_shape)
        self.inference = build_named(
            "inference", INFERENCE, inference, sizes, inference_options or {}
        )
        networks = {"flow": GenerativeNetwork}
        self.generative = build_named(
            "generative", networks, "flow", sizes, generative_options or {}
        )
        self.fitted: Tensor
        self.register_buffer("fitted", torch.tensor(False))  # whether the flow has seen data
        orbits = orbit_groups(group, group_options or {}, orbit_bounds, wide_orbit_bounds)
        self.scores = PrototypeScores(self.group, orbits, orbit_size, orbit_images)
        self.nll = MeanMetric()
        self.mse = MeanMetric()
        self.shown = torch.zeros(0, *self.image_shape)
        self.factors: list[tuple[Tensor, Tensor]] = []  # true and resampled, batch by batch

    # -- what the model says ---------------------------------------------------------------------

    def canonicalise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Prototypes ``(B, C, H, W)`` and elements of images: x = T_element(prototype)."""
        element = self.inference(x)
        return self.group.apply(self.group.inverse(element), x), element

    def coordinates(self, element: Tensor) -> Tensor:
        """η ``(B, dim)`` of elements, in the chart of the model's group."""
        return self.group.coordinates(element)

    def sample_elements(self, prototypes: Tensor, noise: Tensor) -> Tensor:
        """Elements drawn from p(η | x̂), a function of standard normal noise ``(B, dim)``."""
        return self.group.element(self.generative.sample(noise, prototypes))

    def resample(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Images of the same orbit as x, as the data would have them, and the elements x to them.

        Each is one warp of x by the composed elements.
        """
        prototypes, element = self.canonicalise(x)
        drawn = self.sample_elements(prototypes, noise)
        change = self.group.compose(self.group.inverse(element), drawn)
        return self.group.apply(change, x), change

    # -- data ------------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not an image of the model's shape."""
        if (data.kind, data.x_shape) != ("image", self.image_shape):
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, the model was built for images "
                f"of shape {self.image_shape}: set model.image_shape to {list(data.x_shape)}"
            )

    # -- evaluation ------------------------------------------------------------------------------

    def _start_evaluation(self) -> None:
        self.scores.reset()
        self.nll.reset()
        self.mse.reset()
        self.shown, self.factors = self.shown[:0], []

    def on_validation_epoch_start(self) -> None:
        """Begin a new set of figures."""
        self._start_evaluation()

    def on_test_epoch_start(self) -> None:
        """Begin a new set of figures."""
        self._start_evaluation()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score a batch on all transformations together."""
        self._score(batch[0], batch_idx, everything=False)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Score a batch, each transformation on its own as well, and resampled factors."""
        self._score(batch[0], batch_idx, everything=True)
        source = getattr(self.trainer, "datamodule", None)
        if self.fitted and isinstance(source, FactorData):
            generator = torch.Generator().manual_seed(batch_idx)
            noise = torch.randn(len(batch[0]), self.group.dim, generator=generator)
            _, change = self.resample(batch[0], noise.to(batch[0]))
            still = self.group.identity(len(change), dtype=change.dtype, device=change.device)
            # of shapes with symmetries, true orientations too are brought to one turn
            true, drawn = (source.moved_factors(batch[1], e) for e in (still, change))
            self.factors.append((true, drawn))

    def _score(self, x: Tensor, batch_idx: int, everything: bool) -> None:
        if len(self.shown) < _SHOWN:
            self.shown = torch.cat([self.shown.to(x), x[: _SHOWN - len(self.shown)]])
        self.scores.update(self.inference, x, everything)
        orbit = self.scores.orbits[""]
        first, second = (random_elements(orbit, x, 1, 100 + k, batch_idx) for k in range(2))
        loss = self_supervision(self.group, self.inference, x, first, second)
        self.mse.update(loss.mse, len(x))
        if self.fitted:
            back = self.group.inverse(loss.inferred)
            prototypes = self.group.apply(self.group.compose(first, back), x)
            eta = self.coordinates(self.inference(x))
            self.nll.update(-self.generative.log_prob(eta, prototypes).mean(), len(x))

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the validation set."""
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        """Log those of the test set."""
        self._log_scores("test")

    def _log_scores(self, stage: str) -> None:
        values = {"mse": self.mse.compute(), **self.scores.compute()}
        if self.nll.update_called:
            values["nll_eta"] = self.nll.compute()
        if self.factors:
            true, drawn = (torch.cat(part) for part in zip(*self.factors, strict=True))
            source: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            values |= factor_distances(drawn, true, source.factor_bins())
        # the flow is learned last: a model with one is better than any without
        values["objective"] = values.get("nll_eta", values["mse"] + _UNFITTED)
        for name, value in values.items():
            self.log(f"{stage}/{name}", value.float(), prog_bar=name in self.headline)

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, η, log p(η | x̂), and the prototypes."""
        prototypes, element = self.canonicalise(batch[0])
        eta = self.coordinates(element)
        return {
            "row": batch[2],
            "eta": eta,
            "log_prob": self.generative.log_prob(eta, prototypes),
            "prototype": prototypes,
        }

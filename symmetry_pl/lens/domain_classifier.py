"""A classifier behind the layer that undoes a scramble: what a hidden domain is good for."""

from __future__ import annotations

from math import isqrt
from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Player, PlayerOptions, Stage
from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domain_evaluation import DomainEvaluator
from symmetry_pl.lens.domains.axes import packed
from symmetry_pl.lens.lens_domain import LensDomain
from symmetry_pl.metrics.class_sums import class_figures, class_sums
from symmetry_pl.nn.image_classifier import image_classifier

__all__ = ["DomainClassifier"]


class DomainClassifier(LensDomain):
    r"""Few labels behind many unlabelled vectors: the domain is found, then a network trained.

    .. math:: p(c \mid x) = \mathrm{softmax}\, f(W x)

    with W the frozen ``DomainLayer`` of all training vectors, labelled or not, and f a network of
    images; or W the reshape of vectors to images as they come (``layer: none``), which is right for
    images and a CNN in disorder for scrambled ones.

    Players: ``stencil``, as of ``LensDomain``, and ``network``, which moves f.

    Args:
        network: f: ``cnn`` or ``mlp``, as of ``image_classifier``.
        width: channels of its first convolution.
        layer: ``found`` or ``none``.
        size: height and width of its images; the smallest square that has room for a vector if
            null. A lattice that was found is put in the middle.
        kwargs: options of ``LensDomain``.

    Raises:
        ValueError: for data without classes, or a domain that is no lattice of this size.
    """

    headline: ClassVar[tuple[str, ...]] = ("accuracy", "cross_entropy", "exact_places")

    def __init__(
        self,
        network: Literal["cnn", "mlp"] = "cnn",
        width: int = 16,
        layer: Literal["found", "none"] = "found",
        size: list[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("model.network", network, ("cnn", "mlp"))
        check_choice("model.layer", layer, ("found", "none"))
        if self.channels > 1:
            raise ValueError(
                "a DomainClassifier has one input to a place: leave out model.channels"
            )
        if width < 1 or (size is not None and (len(size) != 2 or min(size) < 1)):
            raise ValueError(
                f"model.width and both numbers of model.size must be at least 1, got {width} and "
                f"{size}"
            )

    def check_data(self, data: DataDescription) -> None:
        """Refuse data without classes, and images that have no room for a vector."""
        super().check_data(data)
        if "classes" not in data.extra or len(data.target_names) != 1:
            raise ValueError(
                "a DomainClassifier needs labels: use HiddenImagesDataModule with data.labelled"
            )
        height, width = self._shape_for(data.x_shape[0])
        if height * width < data.x_shape[0]:
            raise ValueError(
                f"model.size of {height} x {width} has no room for {data.x_shape[0]} numbers"
            )

    def _shape_for(self, dim: int) -> tuple[int, int]:
        side = isqrt(dim - 1) + 1
        height, width = self.hparams["size"] or (side, side)
        return height, width

    def configure_networks(self, data: DataDescription) -> None:
        """The network beside what a LensDomain has."""
        super().configure_networks(data)
        given, shape = self.hparams, self._shape_for(data.x_shape[0])
        classes = int(data.extra["classes"])
        self.network = image_classifier(given["network"], shape, classes, given["width"])
        if given["layer"] == "none":
            self.axes.copy_(packed(Domain(((shape[0], "chain"), (shape[1], "chain")))))

    def configure_players(self) -> dict[str, Player]:
        """The stencil, and the network."""
        options = PlayerOptions(lr=2e-3, schedule="cosine", end=0.0)
        return {**super().configure_players(), "network": Player([self.network], options)}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> ClassifierEvaluator:
        """Accuracy and cross-entropy beside the figures of the domain."""
        return ClassifierEvaluator()

    def adopt(self, x: Tensor) -> None:
        """Find the domain of samples ``(n, d)``, unless vectors are taken as they come.

        Raises:
            ValueError: if what is found is no lattice that has room in the network's images.
        """
        if self.hparams["layer"] == "none":
            return
        super().adopt(x)
        found = [length for length, _ in self.domain.axes]
        shape = self._shape_for(self.dim)
        if len(found) != 2 or found[0] > shape[0] or found[1] > shape[1]:
            raise ValueError(
                f"what was found is {' x '.join(map(str, found))}, and the network has images of "
                f"{shape[0]} x {shape[1]}: give more samples, set model.size, or model.layer none"
            )

    def logits(self, x: Tensor) -> Tensor:
        """Logits ``(B, classes)`` of vectors ``(B, d)``."""
        found: Tensor = self.network(self.as_layer(self._shape_for(self.dim))(x))
        return found

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the stencil, and one of the network."""
        super().training_step(batch, batch_idx)
        with self.turn("network"):
            loss = F.cross_entropy(self.logits(batch[0]), _labels(batch[1]))
            self.minimise(loss)
        if self.log_now:
            self.log_training({"cross_entropy": loss}, len(batch[0]))

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """What a LensDomain gives, and the likeliest class."""
        classes = self.logits(batch[0]).argmax(1, keepdim=True)
        return {**super().predict_step(batch, batch_idx), "y_hat": classes}


class ClassifierEvaluator(DomainEvaluator):
    """``accuracy`` and ``cross_entropy``, the objective, of a set."""

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch."""
        super().update(model, batch, index, stage)
        logits, labels = model.logits(batch[0]), _labels(batch[1])
        self.sum_up("classes", class_sums(logits, labels))

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        told = class_figures(self.total("classes"))
        values = super().compute(model, stage)
        return {**values, **told, "objective": told["cross_entropy"]}


def _labels(y: Tensor) -> Tensor:
    """Classes ``(B,)`` of a column of targets."""
    return y[:, 0].long()

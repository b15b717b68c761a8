"""A classifier of images in whatever pose: what a canonicaliser is worth to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Player, PlayerOptions, SymmetryModule
from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.base import without_autocast
from symmetry_pl.nn.image_classifier import image_classifier
from symmetry_pl.sgm.augmentation import hand_chosen, resampled, uniform_elements
from symmetry_pl.sgm.canonicaliser import Canonicaliser
from symmetry_pl.sgm.classifier_evaluation import PoseEvaluator
from symmetry_pl.sgm.frozen import FrozenSGM
from symmetry_pl.sgm.known_orbits import KnownOrbits, orbit_of
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["ImageClassifier"]

_RANGE = (-1.0, 1.0)  # of the project's images
_CALIBRATED_ON = 1000  # validation images


class ImageClassifier(SymmetryModule):
    r"""Few labels, and images that later come in other poses than those that have them.

    .. math:: p(c \mid x) = \mathrm{softmax}\, \frac1k \sum_{i=1}^k f(\hat x_i)

    with f a network of images and x̂ what stands in front of it (``front``):

    - ``none``: the image.
    - ``gated``: a ``Canonicaliser`` that leaves alone what lies as usual, as many validation images
      as ``keep`` says, and has k poses of the others (``votes``).
    - ``prototype``: the prototype, on which f is then trained as well.

    What f is trained on (``augment``):

    - ``none``: the images.
    - ``random``: images that are moved by transformations chosen by hand (``moves``).
    - ``learned``: a ``share`` of them is moved to poses drawn from p(η | x̂), as by ``SGMAugment``;
      with ``copies`` their prototypes are also those that the SGM finds from moved copies, so that
      f sees wrong turns of the frame before it is asked about them.

    The SGM is kept as it is, and has seen no labels. The player is ``network``.

    Args:
        network: f: ``cnn``, ``vgg`` or ``mlp``, as of ``image_classifier``.
        width: channels of its first convolution.
        classes: how many; targets are whole numbers from 0.
        sgm: checkpoint of a trained SGM, which is saved with the model, or the name of one that
            comes with the package; null where nothing needs one.
        front: what stands in front of f.
        votes: k of ``gated``.
        draws: poses that these are the most usual ones of.
        keep: share of validation images that the gate leaves alone.
        augment: what f is trained on.
        moves: half widths by coordinate, as of ``hand_chosen``, for ``random``.
        share: of a batch, that is moved by ``learned``.
        strength: factor on the noise of these poses.
        copies: moved copies of each training image whose prototypes are taken beside its own.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for options out of range, or that need an SGM where there is none.
        FileNotFoundError: if there is no such checkpoint.
    """

    needs_targets: ClassVar[bool] = True
    headline: ClassVar[tuple[str, ...]] = ("accuracy", "accuracy_moved", "accuracy_moved_noisy")

    def __init__(
        self,
        network: Literal["cnn", "vgg", "mlp"] = "vgg",
        width: int = 16,
        classes: int = 10,
        sgm: str | dict[str, Any] | None = None,
        front: Literal["none", "gated", "prototype"] = "none",
        votes: int = 8,
        draws: int = 16,
        keep: float = 0.99,
        augment: Literal["none", "random", "learned"] = "none",
        moves: dict[str, float] | None = None,
        share: float = 0.5,
        strength: float = 1.0,
        copies: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("model.network", network, ("cnn", "vgg", "mlp"))
        check_choice("model.front", front, ("none", "gated", "prototype"))
        check_choice("model.augment", augment, ("none", "random", "learned"))
        _check_numbers(self.hparams)
        if (augment == "random") != (moves is not None):
            raise ValueError("model.moves is for model.augment random, which needs it")
        if front == "prototype" and augment != "none":
            raise ValueError("model.front prototype trains on prototypes: leave out model.augment")
        needs = front != "none" or augment == "learned"
        if needs != (sgm is not None):
            raise ValueError(
                "model.sgm is for model.front gated or prototype and for model.augment learned, "
                "which need it"
            )
        self.front, self.augment = front, augment
        self.share, self.strength, self.copies = share, strength, copies
        self.moves = None if moves is None else hand_chosen(moves)
        self._frozen = None if sgm is None else FrozenSGM(sgm)
        if self._frozen is not None:
            self.hparams["sgm"] = self._frozen.options  # a checkpoint needs no other file
        self.sgm: PrototypeModule | None = None
        self.gate: Tensor
        self.register_buffer("gate", torch.tensor(float("nan")))
        self._known: list[KnownOrbits] = []  # of training images and of their copies

    # -- networks --------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no image with one target, or an image that the SGM does not know."""
        if data.kind != "image" or len(data.target_names) != 1:
            raise ValueError(
                f"the data are {data.kind} with {len(data.target_names)} targets, and an "
                "ImageClassifier is for images with one, their class"
            )
        if self._frozen is not None:
            self._frozen.check_data(data)
        if self.moves is not None:
            channels, height, width = data.x_shape
            self.moves.check_images((channels, height, width))

    def configure_networks(self, data: DataDescription) -> None:
        """The network, and the SGM as it is."""
        given, (channels, *shape) = self.hparams, data.x_shape
        network = image_classifier(
            given["network"], (shape[0], shape[1]), given["classes"], given["width"], channels
        )
        # convolutions of few channels are faster so
        self.network = network.to(memory_format=torch.channels_last)
        if self._frozen is not None:
            self.sgm = self._frozen.build(data)

    def configure_players(self) -> dict[str, Player]:
        """The network alone."""
        options: PlayerOptions = {"lr": 3e-3, "optimizer": "adamw", "weight_decay": 1e-2}
        options |= {"schedule": "cosine", "warmup": "10 %", "start": 0.0, "end": 0.0}
        return {"network": Player([self.network], options)}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> PoseEvaluator:
        """Accuracy on images as they are and, in a test, moved and with noise."""
        return PoseEvaluator()

    def train(self, mode: bool = True) -> ImageClassifier:
        """Set the mode of all but the SGM, which stays as it was trained."""
        super().train(mode)
        if self.sgm is not None:
            self.sgm.eval()
        return self

    # -- training --------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        """Let the SGM see training images once, and set the gate on validation images."""
        super().on_train_start()
        if self.sgm is None:
            return
        if not self.sgm.fitted and (self.front == "gated" or self.augment == "learned"):
            raise ValueError(
                "model.sgm: its p(η | x̂) was not trained: train it through its phase mle"
            )
        if self.augment == "learned":
            known = (
                KnownOrbits.of_training(self.sgm, self.trainer, k) for k in range(self.copies + 1)
            )
            self._known = [orbits for orbits in known if orbits is not None]
        if self.front == "gated" and not self.batches_seen:
            self._set_gate()

    def _set_gate(self) -> None:
        images = self.trainer.datamodule.split("val")  # type: ignore[attr-defined]
        x = images.__getitems__(range(min(_CALIBRATED_ON, len(images))))[0]
        with without_autocast(x):
            gate = self.canonicaliser().calibrate(x.to(self.device), self.hparams["keep"])
        self.gate.fill_(gate)

    def on_train_end(self) -> None:
        """Forget the orbits of training images."""
        self._known = []

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the network."""
        x = self._inputs(batch)
        with self.turn("network"):
            loss = F.cross_entropy(self._scores(x), labels_of(batch))
            self.minimise(loss)
        if self.log_now:
            self.log_training({"cross_entropy": loss}, len(x))

    @torch.no_grad()
    def _inputs(self, batch: Batch) -> Tensor:
        """What the network is trained on, ``(B, C, H, W)``."""
        x = batch[0]
        with without_autocast(x):
            if self.front == "prototype":
                prototypes: Tensor = self.canonicaliser()(x)[0]
                return prototypes
            if self.moves is not None:
                noise = self.noise(len(x), self.moves.dim, dtype=x.dtype)
                return self.moves.apply(uniform_elements(self.moves, noise), x)
            return self._learned(batch) if self.augment == "learned" else x

    def _learned(self, batch: Batch) -> Tensor:
        """A share of images moved to poses drawn from p(η | x̂)."""
        x = batch[0]
        assert self.sgm is not None
        noise = self.noise(len(x), self.sgm.group.dim + 1, dtype=x.dtype)
        which = torch.special.ndtr(self.shared_noise(1)) * len(self._known)
        orbit = self._known[int(which)](batch[2]) if self._known else orbit_of(self.sgm, x)
        drawn = resampled(self.sgm, x, orbit, self.strength * noise[:, 1:])
        chosen = torch.special.ndtr(noise[:, 0]) < self.share
        return torch.where(chosen[:, None, None, None], drawn.clamp(*_RANGE), x)

    # -- what the model says ---------------------------------------------------------------------

    def canonicaliser(self) -> Canonicaliser:
        """What stands in front of the network, with the gate of this model."""
        assert self.sgm is not None
        if self.front == "prototype":
            made = Canonicaliser(self.sgm, _RANGE, "prototype", -torch.inf)
            return made.to(self.gate.device, self.gate.dtype)
        gate = None if bool(self.gate.isnan()) else float(self.gate)
        made = Canonicaliser(self.sgm, _RANGE, gate=gate, draws=self.hparams["draws"])
        return made.to(self.gate.device, self.gate.dtype)

    def _scores(self, x: Tensor) -> Tensor:
        found: Tensor = self.network(x.contiguous(memory_format=torch.channels_last))
        return found.float() if found.dtype == torch.bfloat16 else found

    def logits(self, x: Tensor) -> Tensor:
        """Logits ``(B, classes)`` of images ``(B, C, H, W)``, whatever stands in front."""
        if self.front == "none":
            return self._scores(x)
        votes = self.hparams["votes"] if self.front == "gated" else 1
        with without_autocast(x):
            copies = self.canonicaliser().poses(x, votes)
        found = self._scores(copies.flatten(0, 1))
        return found.view(votes, len(x), -1).mean(0)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, and the likeliest class."""
        return {"row": batch[2], "y_hat": self.logits(batch[0]).argmax(1, keepdim=True)}


def labels_of(batch: Batch) -> Tensor:
    """Classes ``(B,)`` of a batch's column of targets."""
    return batch[1][:, 0].long()


def _check_numbers(given: Mapping[str, Any]) -> None:
    """Refuse sizes and shares out of range."""
    for name, least in (("width", 1), ("classes", 2), ("votes", 1), ("draws", 1), ("copies", 0)):
        if given[name] < least:
            raise ValueError(f"model.{name} must be at least {least}, got {given[name]}")
    if given["votes"] > given["draws"]:
        raise ValueError(
            f"model.votes must be at most model.draws, got {given['votes']} and {given['draws']}"
        )
    if not 0 < given["keep"] < 1:
        raise ValueError(f"model.keep is a share between 0 and 1, got {given['keep']}")
    if not 0 <= given["share"] <= 1 or given["strength"] < 0:
        raise ValueError(
            "model.share is between 0 and 1 and model.strength at least 0, got "
            f"{given['share']} and {given['strength']}"
        )

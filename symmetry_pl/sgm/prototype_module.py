"""What every method with prototypes shares: its group, its networks, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

from symmetry_pl.core import Batch, DataDescription, SymmetryModule
from symmetry_pl.core.registry import build_named, check_choice, check_name
from symmetry_pl.groups import CloudGroup, Group, ImageGroup, build_any_group
from symmetry_pl.metrics.hidden_group import named_sentence
from symmetry_pl.sgm.cloud_evaluation import CloudEvaluator
from symmetry_pl.sgm.evaluation import PrototypeEvaluator
from symmetry_pl.sgm.frames import FrameNetwork, build_frame
from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.inference import InferenceNetwork, MLPInference
from symmetry_pl.sgm.kernel_mixture import KernelMixture
from symmetry_pl.sgm.orbits import orbit_groups
from symmetry_pl.sgm.ordered_frame import OrderedFrame
from symmetry_pl.sgm.principal_frame import PrincipalFrame
from symmetry_pl.sgm.shared_part_frame import SharedPartFrame
from symmetry_pl.sgm.unordered_frame import UnorderedFrame

_LOOKED_AT, _JUDGED = 4000, 1000  # training images that a frame may learn from, and is judged on
_NUMBERS = 2**26  # pixels and channels of these at most
_MANY = 0.15  # expected share of wrong turns that is warned of

INFERENCE: dict[str, type[InferenceNetwork]] = {
    "mlp": MLPInference,
    "frame": FrameNetwork,
    "ordered": OrderedFrame,
    "unordered": UnorderedFrame,
    "principal": PrincipalFrame,
    "shared_part": SharedPartFrame,
}
GENERATIVE: dict[str, type[nn.Module]] = {"flow": GenerativeNetwork, "kernels": KernelMixture}
_OF_CLOUDS = {"mlp", "ordered", "unordered", "principal", "shared_part", "kernels"}
_OF_IMAGES = {"mlp", "frame", "flow"}


class PrototypeModule(SymmetryModule):
    """Images, or clouds of points, with prototypes: x = T_η(x̂) for an η of a group, and p(η | x̂).

    Args:
        group: of images ``affine``, ``color``, ``affine_color``; of clouds ``so2``, ``so3``, … (see
            ``build_cloud_group``); or one of your own: a name that ``groups.register`` knows, or
            the path of its class.
        group_options: its options, the bounds of random transformations among them.
        inference: of images ``mlp`` (the paper's) and ``frame`` (moments, then a small network; of
            affine and colour groups); of clouds ``ordered`` (points in a fixed order),
            ``unordered`` (objects that are seen often), ``shared_part`` (shapes seen once),
            ``principal`` (principal axes) and, without a frame, ``mlp``; or the path of an
            ``InferenceNetwork`` of your own.
        inference_options: its options.
        generative: p(η | x̂): ``flow`` on images, ``kernels`` on clouds, each where null.
        generative_options: options of ``GenerativeNetwork``, or of ``KernelMixture``.
        orbit_bounds: bounds of the copies that the inference is scored on; the group's if null.
        wide_orbit_bounds: further bounds for a score of its own, ``prototype_spread_wide``.
        orbit_size: K, copies an image in that score.
        orbit_images: images it is taken over, the first of the validation or test set.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for sizes or names that make no model.
    """

    group: Group
    generative: GenerativeNetwork | KernelMixture
    painter: ClassVar[str] = "symmetry_pl.sgm.painter:PrototypePainter"
    headline = ("transport_error", "prototype_spread", "iterate_ratio_1", "nll_eta", "factor_tv")

    def __init__(
        self,
        group: str = "affine",
        group_options: dict[str, Any] | None = None,
        inference: str = "frame",
        inference_options: dict[str, Any] | None = None,
        generative: Literal["flow", "kernels"] | None = None,
        generative_options: dict[str, Any] | None = None,
        orbit_bounds: list[float] | None = None,
        wide_orbit_bounds: list[float] | None = None,
        orbit_size: int = 8,
        orbit_images: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if orbit_size < 2 or orbit_images < 2:
            raise ValueError("orbit_size and orbit_images must be at least 2")
        self.group = build_any_group(group, **(group_options or {}))
        check_name("inference", INFERENCE, inference)
        of_clouds = isinstance(self.group, CloudGroup)
        self._generative = generative or ("kernels" if of_clouds else "flow")
        check_choice("model.generative", self._generative, (*GENERATIVE,))
        self._check_kinds(group, inference)
        # a group without a frame is refused before any data are read
        if inference == "frame" and isinstance(self.group, ImageGroup):
            options = inference_options or {}
            build_frame(self.group, options.get("affine"), options.get("color"))
        if of_clouds and (orbit_bounds or wide_orbit_bounds):
            raise ValueError("model.orbit_bounds are for images: copies of clouds are the group's")
        self.orbits: dict[str, Group] = (
            {"": self.group}
            if of_clouds
            else {**orbit_groups(group, group_options or {}, orbit_bounds, wide_orbit_bounds)}
        )
        self.orbit_size, self.orbit_images = orbit_size, orbit_images
        self._inference = (inference, inference_options or {})
        self._generative_options = generative_options or {}
        self.fitted: Tensor
        self.register_buffer("fitted", torch.tensor(False))  # whether the flow has seen data

    # -- networks --------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no image, or no cloud, that the group acts on."""
        kind = "cloud" if isinstance(self.group, CloudGroup) else "image"
        if data.kind != kind:
            who = type(self).__name__
            if kind == "cloud":
                who = f"{who} with a {type(self.group).__name__}"
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and {who} is for {kind}s"
            )
        if isinstance(self.group, CloudGroup):
            self.group.check_clouds(data.x_shape)
        elif isinstance(self.group, ImageGroup):
            channels, height, width = data.x_shape
            self.group.check_images((channels, height, width))

    def _check_kinds(self, group: str, inference: str) -> None:
        """Refuse networks of images for a group of clouds, and the other way round."""
        of_clouds = isinstance(self.group, CloudGroup)
        for what, name, known in (
            ("inference", inference, INFERENCE),
            ("generative", self._generative, GENERATIVE),
        ):
            fitting = _OF_CLOUDS if of_clouds else _OF_IMAGES
            if name in known and name not in fitting:
                kinds = ("clouds", "images") if of_clouds else ("images", "clouds")
                fit = sorted(fitting & {*known})
                raise ValueError(
                    f"group {group!r} acts on {kinds[0]}, and {what} {name!r} is for {kinds[1]}: "
                    f"take {' or '.join(fit)}"
                )

    def configure_networks(self, data: DataDescription) -> None:
        """The inference network and the flow over η, at the images' shape."""
        sizes = (self.group, data.x_shape)
        name, options = self._inference
        self.inference = build_named("inference", INFERENCE, name, sizes, options)
        if not isinstance(self.inference, InferenceNetwork):
            raise ValueError(
                f"inference {name!r} gives a {type(self.inference).__name__}, which is no "
                "InferenceNetwork"
            )
        made: Any = build_named(
            "generative", GENERATIVE, self._generative, sizes, self._generative_options
        )
        self.generative = made

    def verdict(self, figures: dict[str, float]) -> str | None:
        """Of clouds, the group that the elements of the test are of."""
        evaluator = self._evaluators.get("test")
        if not isinstance(evaluator, CloudEvaluator) or evaluator.named is None:
            return None
        return named_sentence(evaluator.named)

    def configure_evaluator(self, stage: Literal["val", "test"]) -> PrototypeEvaluator:
        """Spread of prototypes, likelihood and resampled factors."""
        kind = CloudEvaluator if isinstance(self.group, CloudGroup) else PrototypeEvaluator
        return kind(self.group, self.orbits, self.orbit_size, self.orbit_images)

    def on_fit_start(self) -> None:
        """Let the inference look at training images before the first batch."""
        x = None if self.batches_seen else self.training_samples(_LOOKED_AT)
        if x is None:
            return
        found = self.inference.adopt(x)
        # Numbers may differ between machines. Loaded, and not copied into the buffers: what a frame
        # has derived from them is then made anew as well.
        state = self.inference.state_dict()
        self.inference.load_state_dict(
            {name: self.trainer.strategy.broadcast(value) for name, value in state.items()}
        )
        if found is not None:
            rank_zero_info(found)
        sure = self.inference.confidence(x[:_JUDGED])
        if sure is not None and (wrong := float(1 - sure.mean())) > _MANY:
            rank_zero_warn(
                f"copies of {100 * wrong:.0f} % of images may get another turn, as where shapes "
                "look alike when turned, or where much else is in the images; the column "
                "confidence of predictions says which images are not sure"
            )

    def training_samples(self, most: int) -> Tensor | None:
        """The first training samples, as many as fit in memory; None without a datamodule."""
        data: Any = getattr(self.trainer, "datamodule", None)
        given = getattr(data, "training_inputs", None)
        if given is None:
            return None
        limit = min(most, max(1, _NUMBERS // prod(data.description.x_shape)))
        x: Tensor = given(limit).to(self.device, self.dtype)
        return x

    def training_batch(self, most: int) -> Batch | None:
        """The first training samples as one batch; None without a datamodule."""
        data: Any = getattr(self.trainer, "datamodule", None)
        if not hasattr(data, "split"):
            return None
        train = data.split("train")
        batch: Batch = train.__getitems__(range(min(most, len(train))))
        return batch

    # -- what the model says ---------------------------------------------------------------------

    def canonicalise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Prototypes, and elements of images or clouds: x = T_element(prototype)."""
        element = self.inference(x)
        return self.group.apply(self.group.inverse(element), x), element

    @property
    def noise_dim(self) -> int:
        """Normal numbers that a draw from p(η | x̂) takes."""
        return self.generative.noise_dim

    def coordinates(self, element: Tensor) -> Tensor:
        """η ``(B, dim)`` of elements, in the chart of the model's group."""
        return self.group.coordinates(element)

    def sample_elements(self, prototypes: Tensor, noise: Tensor) -> Tensor:
        """Elements drawn from p(η | x̂), a function of normal noise ``(B, noise_dim)``."""
        return self.group.element(self.generative.sample(noise, prototypes))

    def resample(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Images of the same orbit as x, as the data would have them, and the elements x to them.

        Each is one warp of x by the composed elements.
        """
        prototypes, element = self.canonicalise(x)
        drawn = self.sample_elements(prototypes, noise)
        change = self.group.compose(self.group.inverse(element), drawn)
        return self.group.apply(change, x), change

    def column_names(self) -> dict[str, Sequence[str]]:
        """Those of η are the names of its coordinates."""
        return {"eta": self.group.names}

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, η, log p(η | x̂), how sure f is where it knows, and the prototypes."""
        prototypes, element = self.canonicalise(batch[0])
        eta = self.coordinates(element)
        sure = self.inference.confidence(batch[0])
        return {
            "row": batch[2],
            "eta": eta,
            "log_prob": self.generative.log_prob(eta, prototypes),
            **({} if sure is None else {"confidence": sure}),
            "prototype": prototypes,
        }

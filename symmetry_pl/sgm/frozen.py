"""A trained SGM inside of another model, which keeps it as it is and is saved with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.registry import imported
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.sgm import SGM

__all__ = ["FRAME_ALONE", "FrozenSGM"]

_CLASS = "_class_path"

FRAME_ALONE: dict[str, Any] = {
    "group": "affine",
    "group_options": {"bounds": [0.25, 0.25, torch.pi, 0.25, 0.25, 0.25], "chart": "polar"},
    "inference": "frame",
    "inference_options": {"widths": []},
    "generative_options": {"widths": [64], "hidden": [32], "base_hidden": [], "layers": 2},
    "spread": None,
    "phases": {"ssl": "0 %"},
}
"""An SGM that has learned nothing: prototypes by moments, and a broad p(η | x̂)."""


class FrozenSGM:
    """Options and weights of an SGM, read from a file or given; ``build`` makes it.

    Args:
        source: a checkpoint of an SGM, or the name of one that comes with the package; or the
            options of one, whose weights come with those of the model that it is inside of, and
            which has learned nothing where there are none.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no checkpoint, or one of another method.
    """

    def __init__(self, source: str | dict[str, Any]) -> None:
        self.weights: dict[str, Tensor] | None = None
        self.trained_on: DataDescription | None = None
        self.where = "model.sgm"
        if isinstance(source, dict):
            self.options = source
            return
        path = checkpoint_path(Path(source).expanduser(), "model.sgm")
        checkpoint = Checkpoint.read(path, "model.sgm")
        family = checkpoint.model_class()
        if not issubclass(family, PrototypeModule):
            raise ValueError(f"model.sgm: {source} holds a {family.__name__}, which is no SGM")
        saved = checkpoint.state["hyper_parameters"]
        plain = {name: value for name, value in saved.items() if not name.startswith("_")}
        self.options = {**plain, _CLASS: checkpoint.class_path}
        self.weights = checkpoint.state["state_dict"]
        self.trained_on = checkpoint.data
        self.where = f"model.sgm: {source}"

    def check_data(self, data: DataDescription) -> None:
        """Refuse images of another shape than the SGM was trained on."""
        if self.trained_on is not None and self.trained_on.x_shape != data.x_shape:
            raise ValueError(
                f"{self.where} was trained on images of {self.trained_on.x_shape}, and these have "
                f"{data.x_shape}"
            )

    def build(self, data: DataDescription) -> PrototypeModule:
        """The SGM for such images, in evaluation mode, without gradients to its weights."""
        path = self.options.get(_CLASS)
        family = SGM if path is None else imported(path, self.where)
        sgm: PrototypeModule = family(
            **{name: value for name, value in self.options.items() if name != _CLASS}
        )
        sgm.describe_data(data)
        if self.weights is not None:
            sgm.load_state_dict(self.weights)
        return sgm.eval().requires_grad_(False)

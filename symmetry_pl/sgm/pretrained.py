"""A trained SGM as a fixed part of a model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.groups import ImageGroup
from symmetry_pl.groups.base import without_autocast
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.sgm.image_form import ImageForm, Level
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["PretrainedSGM"]

Self = TypeVar("Self", bound="PretrainedSGM")


class PretrainedSGM(nn.Module):
    """An SGM that stays as it is, in evaluation mode and without gradients to its weights.

    It is part of the ``state_dict`` and follows the device. Elements are constants to the gradient;
    moved images are differentiable in the images.

    Args:
        sgm: the model, which knows its data.
        value_range: what is black and what is white in the images, as of ``ImageForm``.
        clip: whether moved images are kept within this range.

    Raises:
        ValueError: for a model that does not know its data, or a range that is none.
    """

    def __init__(
        self,
        sgm: PrototypeModule,
        value_range: tuple[Level, Level] = (0.0, 1.0),
        clip: bool = True,
    ) -> None:
        super().__init__()
        if sgm.data is None:
            raise ValueError(
                f"the {type(sgm).__name__} does not know its data: train it with a datamodule"
            )
        self.sgm = sgm.eval().requires_grad_(False)
        self.form = ImageForm(sgm.data.x_shape, value_range, clip)

    @classmethod
    def from_checkpoint(cls: type[Self], path_or_name: Path | str, **options: Any) -> Self:
        """Of a trained SGM.

        Args:
            path_or_name: its checkpoint, or a name that ``symmetry checkpoints`` lists.
            options: the other arguments of the class.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it holds no SGM, or for an option that is refused.
        """
        path = checkpoint_path(Path(path_or_name).expanduser(), "from_checkpoint")
        checkpoint = Checkpoint.read(path, "from_checkpoint")
        family = checkpoint.model_class()
        if not issubclass(family, PrototypeModule):
            raise ValueError(
                f"from_checkpoint: {path} holds a {family.__name__}, which has no prototypes"
            )
        sgm = checkpoint.model()
        assert isinstance(sgm, PrototypeModule)
        if not isinstance(sgm.group, ImageGroup):
            raise ValueError(f"from_checkpoint: {path} holds an SGM of clouds, not of images")
        return cls(sgm, **options)

    @property
    def group(self) -> ImageGroup:
        """The transformations that the model knows of."""
        assert isinstance(self.sgm.group, ImageGroup)
        return self.sgm.group

    def train(self: Self, mode: bool = True) -> Self:
        """Nothing in it has a mode."""
        super().train(mode)
        self.sgm.eval()
        return self

    @torch.no_grad()
    def _orbit(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Prototypes and elements of images in the model's form, whatever autocast says."""
        with without_autocast(seen):
            found: tuple[Tensor, Tensor] = self.sgm.canonicalise(seen.to(self.sgm.dtype))
        return found

    def _check_flow(self, what: str) -> None:
        if not self.sgm.fitted:
            raise ValueError(
                f"{what} needs p(η | x̂), which this model has not learned: train it through its "
                "phase mle"
            )

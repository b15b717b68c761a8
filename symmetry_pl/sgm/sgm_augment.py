"""Random copies of images as their data would have them, in the manner of a transform."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.sgm.image_form import Level
from symmetry_pl.sgm.pretrained import PretrainedSGM
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["SGMAugment"]


class SGMAugment(PretrainedSGM):
    r"""Moves images along their orbits, to poses drawn from p(η | x̂); a transform of tensors.

    What hand-chosen augmentation guesses, how far which image may be turned or shifted, is here
    what the SGM has learned of each prototype: upright digits stay upright. Each image is one warp
    of itself. As transforms of torchvision do, it acts in either mode, and draws from torch's
    global generator. It may stand in a ``Compose``, after the images are tensors, or work through
    a whole batch at once, which is much faster.

    Args:
        sgm: a trained model.
        value_range: what is black and what is white, as of ``ImageForm``.
        share: of images that are moved; the others keep their pixels.
        strength: factor on the noise that poses are made of; below 1 they are more usual ones.
        clip: whether moved images are kept within their range.

    Raises:
        ValueError: for an option out of range, or a model whose p(η | x̂) was not learned.
    """

    def __init__(
        self,
        sgm: PrototypeModule,
        value_range: tuple[Level, Level] = (0.0, 1.0),
        share: float = 1.0,
        strength: float = 1.0,
        clip: bool = True,
    ) -> None:
        super().__init__(sgm, value_range, clip)
        if not 0 <= share <= 1 or not strength >= 0:
            raise ValueError(
                f"share is between 0 and 1 and strength at least 0, got {share} and {strength}"
            )
        self._check_flow("SGMAugment")
        self.share, self.strength = share, strength

    def forward(self, x: Tensor) -> Tensor:
        """Copies of images ``(B, C, H, W)``, or of one, ``(C, H, W)``.

        Raises:
            ValueError: for what are no such images.
        """
        if x.ndim == 3:
            one: Tensor = self(x[None])[0]
            return one
        seen = self.form.seen(x)
        noise = torch.randn(len(x), self.group.dim, device=x.device)
        chosen = torch.rand(len(x), device=x.device) < self.share
        return self.resampled(x, seen, noise, chosen)

    def resampled(self, x: Tensor, seen: Tensor, noise: Tensor, chosen: Tensor) -> Tensor:
        """The same as a function of noise.

        Args:
            x: images ``(B, C, H, W)``.
            seen: in the model's form.
            noise: standard normal ``(B, dim)``.
            chosen: which images are moved, ``(B,)``.
        """
        prototypes, element = self._orbit(seen.detach())
        with torch.no_grad():
            drawn = self.sgm.sample_elements(prototypes, self.strength * noise)
        change = self.group.compose(self.group.inverse(element), drawn)
        return torch.where(chosen[:, None, None, None], self.form.moved(self.group, change, x), x)

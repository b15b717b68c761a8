"""Images as their owner has them, beside those that a model was made for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symmetry_pl.groups import ImageGroup
from symmetry_pl.groups.base import at_least_single

__all__ = ["ImageForm"]

Level = float | Sequence[float]


class ImageForm(nn.Module):
    r"""From images of any range, size and number of channels to those of a model, and back.

    .. math:: v = 2\, \frac{x - \text{black}}{\text{white} - \text{black}} - 1

    A model sees a copy in its own size and channels, and what it says of it, an element, acts on
    the image itself: positions are relative to the frame, so that nothing is lost by the copy.

    Args:
        shape: ``(C, H, W)`` of the model's images, in [−1, 1] with a ground of −1.
        value_range: what is black and what is white, each one number or one a channel. Behind
            torchvision's ``Normalize(mean, std)`` they are −mean / std and (1 − mean) / std; dark
            things on a bright ground have them the other way round.
        clip: whether moved images are kept within the range; cubic interpolation overshoots.

    Raises:
        ValueError: for a range without two different finite ends.

    >>> form = ImageForm((1, 4, 4), value_range=(0, 255))
    >>> form.seen(torch.full((2, 3, 8, 8), 255.0)).unique()
    tensor([1.])
    """

    black: Tensor
    white: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        value_range: tuple[Level, Level] = (0.0, 1.0),
        clip: bool = True,
    ) -> None:
        super().__init__()
        if len(value_range) != 2:
            raise ValueError(f"value_range must be (black, white), got {value_range!r}")
        black, white = (
            torch.tensor(level, dtype=torch.float32).reshape(-1, 1, 1) for level in value_range
        )
        width = white - black
        if not bool(width.isfinite().all()) or bool((width == 0).any()):
            raise ValueError(f"value_range needs two different finite ends, got {value_range!r}")
        self.shape, self.clip = tuple(shape), clip
        self.register_buffer("black", black)
        self.register_buffer("white", white)

    def seen(self, x: Tensor) -> Tensor:
        """Images as the model knows them, ``(B, C, H, W)`` in [−1, 1] and single precision.

        Raises:
            ValueError: as ``check``.
        """
        self.check(x)
        v = self.to_model(x.float())
        channels, height, width = self.shape
        if v.shape[-2:] != (height, width):
            v = F.interpolate(v, (height, width), mode="bilinear", antialias=True)
        if v.shape[1] == channels:
            return v
        return v.mean(1, keepdim=True).expand(-1, channels, -1, -1)

    def moved(self, group: ImageGroup, element: Tensor, x: Tensor) -> Tensor:
        """T_element of images ``(B, c, h, w)``, in their own form and precision."""
        single = at_least_single(x)
        v = self.to_model(single)
        y = self.to_owner(group.apply(element.to(single.dtype), v))
        return y.to(x.dtype)

    def check(self, x: Tensor) -> None:
        """Refuse what is no batch of such images.

        Raises:
            ValueError: for other shapes, whole numbers, a frame of another aspect than the
                model's, or values far out of the range, or none.
        """
        if x.ndim != 4 or not x.is_floating_point() or not x.numel():
            raise ValueError(
                f"images must be a float tensor (B, C, H, W), got {x.dtype} of shape "
                f"{tuple(x.shape)}"
            )
        channels, height, width = self.shape
        levels, given = max(self.black.shape[0], self.white.shape[0]), x.shape[1]
        if levels not in (1, given):
            raise ValueError(f"value_range is of {levels} channels, and images have {given}")
        if given not in (1, channels) and channels != 1:
            raise ValueError(f"images have {given} channels, and the model knows {channels}")
        # the shorter side may be rounded to the pixel
        if abs(x.shape[2] * width - x.shape[3] * height) > max(width, height):
            raise ValueError(
                f"images of {x.shape[2]} x {x.shape[3]} pixels have another aspect than those of "
                f"{height} x {width} that the model knows: a turn would be none; pad them"
            )
        low, high = self.to_model(x.detach().float()).aminmax()
        if not (float(low) >= -3 and float(high) <= 3):  # as well where one is no number
            raise ValueError(
                f"images have values that are none or far out of value_range: black is "
                f"{_levels(self.black)} and white {_levels(self.white)}, and there are "
                f"{float(x.min()):.3g} to {float(x.max()):.3g}"
            )

    def to_model(self, x: Tensor) -> Tensor:
        """Values between black and white as values in [−1, 1]."""
        black, white = self.black.to(x), self.white.to(x)
        return 2 * (x - black) / (white - black) - 1

    def to_owner(self, v: Tensor) -> Tensor:
        """Values in [−1, 1] as values between black and white."""
        if self.clip:
            v = v.clamp(-1, 1)
        black, white = self.black.to(v), self.white.to(v)
        return black + (v + 1) / 2 * (white - black)


def _levels(level: Tensor) -> str:
    return ", ".join(f"{value:.4g}" for value in level.flatten().tolist())

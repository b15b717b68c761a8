"""Hue, saturation and value of colour images, and the group that shifts and scales them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.groups.base import ImageGroup, at_least_single

__all__ = ["ColorGroup", "hsv_to_rgb", "pass_through_clip", "rgb_to_hsv"]


class ColorGroup(ImageGroup):
    r"""Turns of the hue, and factors on saturation and value (SGM, appendix C.2).

    .. math:: h \mapsto h + η_h \bmod 1, \quad s \mapsto \mathrm{clip}(s e^{η_s}), \quad
        v \mapsto \mathrm{clip}(v e^{η_v})

    Coordinates and elements are both η = (hue in turns, log saturation, log value), ``(3,)``;
    elements compose by addition. Clipping to [0, 1] lets gradients pass as if it were not there.

    Where it clips, this is no group action: colours that are pushed past full saturation or value
    do not come back, and a composed element acts as its parts only for colours that stay inside.
    Black stays black, and grey has no hue.

    Args:
        bounds: half widths of the random augmentations.
        offset: their centres; hues are drawn from 0.5 ± 0.5 turns.

    Raises:
        ValueError: for a wrong number of bounds or offsets, a negative bound, or none positive.

    >>> red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
    >>> ColorGroup().apply(torch.tensor([[1 / 3, 0.0, 0.0]]), red).flatten()
    tensor([-1.,  1., -1.])
    """

    exact_composition = False  # clipped colours do not come back

    def __init__(
        self,
        bounds: Sequence[float] = (0.5, 2.301, 0.51),
        offset: Sequence[float] = (0.5, 0.0, 0.0),
    ) -> None:
        super().__init__(
            ("hue", "saturation", "value"),
            ("turns", "log", "log"),
            bounds,
            (3,),
            offset,
            (1.0, None, None),
        )

    def element(self, eta: Tensor) -> Tensor:
        """η itself."""
        return at_least_single(eta)

    def coordinates(self, element: Tensor) -> Tensor:
        """η with its hue in the turn around the offset: [0, 1) for an offset of 0.5."""
        single = at_least_single(element)
        lowest = self.offset[0] - 0.5
        hue = torch.remainder(single[..., :1] - lowest, 1.0) + lowest
        return torch.cat([hue, single[..., 1:]], -1)

    def identity(
        self,
        count: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """``(count, 3)`` zeros."""
        return torch.zeros(count, 3, dtype=dtype, device=device)

    def compose(self, first: Tensor, then: Tensor) -> Tensor:
        """η_first + η_then."""
        return at_least_single(first) + at_least_single(then)

    def inverse(self, element: Tensor) -> Tensor:
        """−η."""
        return -at_least_single(element)

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The largest difference, ``(…,)``, hues by the shorter way round."""
        difference = element - other
        hue = difference[..., :1] - difference[..., :1].round()
        return torch.cat([hue, difference[..., 1:]], -1).abs().amax(-1)

    def apply(self, element: Tensor, x: Tensor) -> Tensor:
        """Recolour image b of ``(B, 3, H, W)`` in [−1, 1] by element b."""
        if x.ndim != 4 or element.shape[:-1] != x.shape[:1]:
            raise ValueError(
                "recolouring needs images (B, 3, H, W) and one element an image, got "
                f"{tuple(x.shape)} and {tuple(element.shape)}"
            )
        self.check_images((x.shape[1], x.shape[2], x.shape[3]))
        hue, saturation, value = at_least_single(element)[..., None, None].unbind(1)
        h, s, v = rgb_to_hsv((at_least_single(x) + 1) / 2).unbind(1)
        v = pass_through_clip(v * value.exp())
        chroma = v * pass_through_clip(s * saturation.exp())
        # 2 rgb − 1, with the factor on one channel instead of on three.
        return _mix(h + hue, 2 * chroma, 2 * v - 1)

    def check_images(self, shape: tuple[int, int, int]) -> None:
        """Raise ValueError if images are not ``(3, H, W)``."""
        super().check_images(shape)
        if shape[0] != 3:
            raise ValueError(
                f"a colour group needs images of 3 channels (red, green, blue), got {shape[0]}"
            )


def rgb_to_hsv(rgb: Tensor) -> Tensor:
    r"""Hue in turns, saturation and value of red, green and blue in [0, 1].

    .. math:: v = \max, \quad s = (\max - \min) / \max, \quad
        h = \tfrac16 \left(0, 2, 4 + \frac{g - b,\ b - r,\ r - g}{\max - \min}\right) \bmod 1

    by whether red, green or blue is largest. Grey has hue 0 and black also saturation 0, with zero
    gradients there instead of NaN.

    Args:
        rgb: ``(…, 3, H, W)``.

    Returns:
        ``(…, 3, H, W)``.
    """
    red, green, blue = rgb.unbind(-3)
    value = rgb.amax(-3)
    chroma = value - rgb.amin(-3)
    coloured, lit = chroma > 0, value > 0
    sixth = torch.where(coloured, 6 * chroma, torch.ones_like(chroma))
    hue = torch.where(
        red == value,
        (green - blue) / sixth,
        torch.where(green == value, (blue - red) / sixth + 1 / 3, (red - green) / sixth + 2 / 3),
    )
    hue = torch.where(coloured, hue - hue.floor(), torch.zeros_like(hue))
    saturation = torch.where(lit, chroma / torch.where(lit, value, 1.0), 0.0)
    return torch.stack([hue, saturation, value], -3)


def hsv_to_rgb(hsv: Tensor) -> Tensor:
    r"""Red, green and blue in [0, 1] of hue in turns, saturation and value.

    .. math:: c_n = v - v s\, \mathrm{clip}(2 - 6 |u_n|), \quad
        u_n = h + n / 6 \ \text{to the nearest whole turn}, \quad n = 3, 1, -1

    which is v − vs · max(0, min(k, 4 − k, 1)) with k = 2 + 6u, without its branches. Any real hue
    will do.

    Args:
        hsv: ``(…, 3, H, W)``.

    Returns:
        ``(…, 3, H, W)``.
    """
    hue, saturation, value = hsv.unbind(-3)
    return _mix(hue, value * saturation, value)


def _mix(hue: Tensor, chroma: Tensor, value: Tensor) -> Tensor:
    """All three channels at once: this is what recolouring spends its time on."""
    shift = hue.new_tensor([1 / 2, 1 / 6, -1 / 6])[:, None, None]
    turns = hue.unsqueeze(-3) + shift
    away = (turns - turns.detach().round()).abs()
    missing = (2 - 6 * away).clamp(0, 1)
    return value.unsqueeze(-3) - chroma.unsqueeze(-3) * missing


class _PassThroughClip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0], None, None


def pass_through_clip(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Values clipped to [low, high], with the gradient of what was not."""
    clipped: Tensor = _PassThroughClip.apply(x, low, high)
    return clipped

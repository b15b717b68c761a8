r"""Affine warps of images: one interpolation, at any matrix.

Positions are normalised, (x, y) in [−1, 1]² with x to the right and y down; ±1 are the *centres*
of the outermost pixels (``align_corners=True``), so that on an image of width W a shift of 1 is
(W − 1)/2 pixels. A matrix takes homogeneous positions of the OUTPUT to positions of the INPUT, as
in spatial transformers (Jaderberg et al. 2015):

.. math:: y(p) = x(A p)

Hence y after A₁, then A₂, is x(A₁ A₂ p): the matrices of successive warps multiply from the right.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from symmetry_pl.groups.base import at_least_single

__all__ = ["BACKGROUND", "Interpolation", "border", "pixel_grid", "warp"]

Interpolation: TypeAlias = Literal["bicubic", "bilinear"]

BACKGROUND = -1.0


def warp(
    x: Tensor,
    matrices: Tensor,
    interpolation: Interpolation = "bicubic",
    fill: Tensor | None = None,
) -> Tensor:
    r"""y(p) = x(A p), with −1 wherever A p lies out of the frame.

    Bicubic is Keys' kernel with a = −0.75 and may leave [−1, 1] by up to 0.5 at edges; nothing is
    clipped. At the frame both kernels blend with the background.

    Args:
        x: ``(B, C, H, W)``, background −1.
        matrices: A, ``(B, 3, 3)`` or ``(B, 2, 3)``, output to input.
        interpolation: ``"bicubic"`` or ``"bilinear"``; on digits bicubic loses a third of what
            bilinear loses there and back, for about twice the time.
        fill: another background, that of each image and channel, ``(B, C)``.

    Returns:
        ``(B, C, H, W)``, differentiable in both, in the precision of x, float32 at least.

    Raises:
        ValueError: if there is not one matrix for each image.

    >>> x = torch.tensor([[-1.0, 0.0, 1.0]]).expand(1, 1, 3, 3)
    >>> a = torch.tensor([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> warp(x, a)[0, 0, 0]  # one pixel, half the width between the outer centres, to the left
    tensor([ 0.,  1., -1.])
    """
    if x.ndim != 4 or matrices.shape[:-2] != x.shape[:1]:
        raise ValueError(
            f"a warp needs images (B, C, H, W) and one matrix an image, got {tuple(x.shape)} and "
            f"{tuple(matrices.shape)}"
        )
    single = at_least_single(x)
    grid = pixel_grid(matrices.to(single.dtype), x.shape[-2], x.shape[-1])
    # Zeros are the padding that grid_sample has.
    outside = BACKGROUND if fill is None else fill.to(single)[:, :, None, None]
    raised = grid_sample(
        single - outside, grid, mode=interpolation, padding_mode="zeros", align_corners=True
    )
    return raised + outside


def border(x: Tensor) -> Tensor:
    """What an image's outermost pixels are, in the median of each channel: ``(B, C)``.

    −1 exactly where more than half of them are black. A constant to the gradient.
    """
    x = x.detach()
    sides = (x[..., 0, :], x[..., -1, :], x[..., 1:-1, 0], x[..., 1:-1, -1])
    return torch.cat(sides, -1).median(-1).values


def pixel_grid(matrices: Tensor, height: int, width: int) -> Tensor:
    """A p for the centre p of every pixel, ``(B, H, W, 2)``.

    A row's and a column's share are added by broadcasting. One matrix product would be hardly
    faster, but follows the user's choice of TensorFloat-32 or autocast, which would move pixels.
    """
    x = torch.linspace(-1, 1, width, dtype=matrices.dtype, device=matrices.device)
    y = torch.linspace(-1, 1, height, dtype=matrices.dtype, device=matrices.device)
    across = matrices[:, :2, 0, None] * x + matrices[:, :2, 2, None]
    down = matrices[:, :2, 1, None] * y
    return (across[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)

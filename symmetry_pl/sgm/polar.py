r"""Images on circles about a frame's centre, where a turn is a circular shift."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

__all__ = ["ANGLES", "RADII", "Turn", "highest", "polar_samples", "radii"]

RADII, ANGLES = 12, 32
"""Circles, and positions on each."""

_REACH = 0.95  # of the outer edge of the last ring, in half widths of the prototype
_FINE = 4  # values of a curve for each position
_RIVAL = ANGLES * _FINE // 8  # 45 degrees


class Turn(NamedTuple):
    """Where a curve on the circle is highest, and how far above the rest.

    Attributes:
        angle: radians, ``(B,)``.
        gap: the peak less the highest value more than 45 degrees away, ``(B,)``.
    """

    angle: Tensor
    gap: Tensor


def radii(like: Tensor) -> Tensor:
    """Radii of the circles, ``(RADII,)``, in half widths of the prototype."""
    steps = torch.arange(RADII, dtype=like.dtype, device=like.device)
    return (steps + 0.5) * (_REACH / RADII)


def polar_samples(
    image: Tensor, linear: Tensor, centre: Tensor, angle: Tensor | None = None
) -> Tensor:
    r"""An image on circles of its frame, bilinear and 0 outside.

    .. math:: s_{rθ} = \text{image}\bigl(μ + L^{-1}\, r\, (\cos(θ + φ), \sin(θ + φ))\bigr)

    A turn of the image that the frame follows is a circular shift along θ.

    Args:
        image: ``(B, H, W)``.
        linear: L ``(B, 2, 2)``, from the image to the prototype.
        centre: μ ``(B, 2)``.
        angle: φ ``(B,)``; 0 if None.

    Returns:
        ``(B, RADII, ANGLES)``.
    """
    theta = torch.arange(ANGLES, dtype=linear.dtype, device=linear.device) * (2 * math.pi / ANGLES)
    turned = theta.expand(len(image), -1) if angle is None else theta + angle[:, None]
    circle = torch.stack([turned.cos(), turned.sin()], -1) @ torch.linalg.inv(linear).mT
    grid = radii(linear)[:, None, None] * circle[:, None] + centre[:, None, None]
    return grid_sample(image[:, None], grid.to(image), align_corners=True)[:, 0]


def highest(spectrum: Tensor, within: float = math.pi) -> Turn:
    """Peak of a curve on the circle.

    Args:
        spectrum: its ``torch.fft.rfft`` from ``ANGLES`` values, ``(B, ANGLES // 2 + 1)``.
        within: greatest angle to either side of 0 where the peak may be.
    """
    fine = ANGLES * _FINE
    # the shortest wave stands for both its signs, which a longer transform tells apart
    halves = torch.cat([spectrum[:, :-1], spectrum[:, -1:] / 2], 1)
    curve = torch.fft.irfft(halves, n=fine) * _FINE
    place = torch.arange(fine, device=curve.device)
    away = torch.minimum(place, fine - place)
    top = curve.masked_fill(away > within / (2 * math.pi) * fine, -math.inf).argmax(1)
    left, middle, right = (
        curve.gather(1, ((top + step) % fine)[:, None])[:, 0] for step in (-1, 0, 1)
    )
    bend = 2 * middle - left - right
    offset = (right - left) / 2 / torch.where(bend > 0, bend, torch.ones_like(bend))
    offset = torch.where(bend > 0, offset, torch.zeros_like(offset)).clamp(-0.5, 0.5)
    signed = torch.where(top > fine // 2, top - fine, top)
    far = (place - top[:, None]).remainder(fine)
    far = torch.minimum(far, fine - far) > _RIVAL
    rival = curve.masked_fill(~far, -math.inf).amax(1)
    return Turn((signed + offset) * (2 * math.pi / fine), middle - rival)

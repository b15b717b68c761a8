r"""What of an image is drawn on it: spikes, noise, ground, polarity and contrast taken away.

Moments read an image as a density on black. Here noisy images, dark ink on light paper, and grounds
that rise across the image become such a density first. Every step follows from the image alone and
none looks at directions, so that what is made of the density stays equivariant.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.groups.base import at_least_single, without_autocast

__all__ = ["Cleaned", "clean"]

_SIDE = 28.0  # pixels of the images that lengths are said for
_WIDTH, _RING = 0.8, 4.0  # of the smoothing and of the border, in such pixels
_SPIKE = 0.25  # by which a pixel must leave the range of its neighbours
_SMALL_NOISE = 0.03  # at which half of the smoothing is taken
_ROUNDING = 1 / 512  # half a step of 8 bits
_MAD = 1.4826  # standard deviations of a Gaussian in its median absolute deviation
_LOW, _LOW_NORMAL = 0.25, 0.3186  # quantile of |v - Gv| that noise is read from: of a Gaussian's
_ROUNDS, _TUKEY, _RIDGE = 6, 3.0, 1e-2  # of the ground's fit
_SLOPE_RIDGE, _SLOPE, _LOWEST = 0.02**2, 1.2, 0.25  # of the contrast
_ABOVE = 2.5  # deviations of the ground that do not count as ink
_FULL, _VIEW = 1.25, 1.5  # the most that a density and a view reach


class Cleaned(NamedTuple):
    """What the front end says of images.

    Attributes:
        density: w, 0 … 1.25, ``(B, H, W)``; of plain images as ``foreground`` gives it.
        view: the image in units of its contrast above its ground, −1.5 … 1.5, ``(B, H, W)``.
        noise: standard deviation s of white noise, of 1, ``(B,)``.
        spikes: share of pixels that were clamped, ``(B,)``.
        plain: without noise but for spikes, on flat black, ``(B,)``.
    """

    density: Tensor
    view: Tensor
    noise: Tensor
    spikes: Tensor
    plain: Tensor


def clean(x: Tensor, threshold: float = 0.05) -> Cleaned:
    r"""Density and view of images, whatever their ground, polarity, contrast and noise.

    .. math:: w = \operatorname{clip}\Bigl(\frac{r}{c} - 2.5\,\frac{m}{c} - \text{threshold}\Bigr),
        \qquad r = p\,(y - g)

    Lengths are for 28 pixels and scale with the image's shorter side.

    1. v is the brightest channel in [0, 1]. A pixel that leaves the range of its eight neighbours
       by more than .25 is a spike, and is clamped to it.
    2. Noise s: median :math:`|v - Gv|` of a Gaussian G of .8 pixels, over what it is of white noise
       of 1; :math:`y = v + a (Gv - v)` with :math:`a = s^2 / (s^2 + .03^2)`.
    3. Ground g: a polynomial of degree 2, from the border ring of 4 pixels first, then of all
       pixels by Tukey's weights (Beaton and Tukey 1974); m is the median of :math:`|y - g|`.
    4. Polarity p: the sign of :math:`\sum (Gv - g)^3`.
    5. Contrast c: the height of ink as a line in the ground under it. Its slope is −1 where white
       ink covers the ground, 1 where black does, and 0 where ink adds to it.

    Images without noise on flat black are left as they are, but for spikes: w is what
    ``foreground`` gives.

    Args:
        x: ``(B, C, H, W)`` in [−1, 1], float32 or float64.
        threshold: of 1, that does not count as ink.
    """
    x = at_least_single(x)
    with without_autocast(x):
        return _cleaned(x, threshold)


def _cleaned(x: Tensor, threshold: float) -> Cleaned:
    """The same, in the type that x has."""
    raw = (x.amax(1) + 1) / 2
    unit = max(min(raw.shape[-2:]) / _SIDE, 0.25)
    v = _without_spikes(raw)
    smooth, gain = _smoothed(v, _WIDTH * unit)
    noise = (v - smooth).abs().flatten(1).quantile(_LOW, 1) / (_LOW_NORMAL * gain)
    plain = _plain(v, noise, unit)
    a = noise.square() / (noise.square() + _SMALL_NOISE**2)
    y = torch.lerp(v, smooth, a[:, None, None])
    ground = _ground(smooth, unit)
    rest = y - ground
    sign = torch.where((smooth - ground).pow(3).sum((1, 2)) < 0, -1.0, 1.0).to(y)[:, None, None]
    ink = sign * rest
    contrast = _contrast(ink, ground)
    floor = _ABOVE * rest.abs().flatten(1).median(1).values[:, None, None] / contrast + threshold
    density = (ink / contrast - floor).clamp(0, _FULL)
    view = (sign * (v - ground) / contrast).clamp(-_VIEW, _VIEW)
    still = plain[:, None, None]
    return Cleaned(
        torch.where(still, F.softshrink(v, threshold), density),
        torch.where(still, v.clamp(-_VIEW, _VIEW), view),
        noise,
        (v != raw).flatten(1).to(v).mean(1),
        plain,
    )


def _plain(v: Tensor, noise: Tensor, unit: float) -> Tensor:
    """Which images are smooth, and dark on half of their border."""
    ring = _ring(v.shape[-2], v.shape[-1], round(_RING * unit)).to(v.device)
    return (noise < _ROUNDING) & (v[:, ring].abs().median(1).values < _ROUNDING)


def _without_spikes(v: Tensor) -> Tensor:
    """Pixels clamped to the range of their neighbours, where that moves them far."""
    high = _neighbours(v)
    low = -_neighbours(-v)
    clamped = torch.minimum(torch.maximum(v, low), high)
    return torch.where((clamped - v).abs() > _SPIKE, clamped, v)


def _neighbours(v: Tensor) -> Tensor:
    """The largest of the up to eight neighbours of each pixel."""
    padded = F.pad(v, (1, 1, 1, 1), value=-math.inf)
    middle = padded[:, 1:-1]
    above_below = torch.maximum(padded[:, :-2], padded[:, 2:])
    column = torch.maximum(middle, above_below)
    beside = torch.maximum(column[..., :-2], column[..., 2:])
    return torch.maximum(beside, above_below[..., 1:-1])


def _smoothed(v: Tensor, width: float) -> tuple[Tensor, float]:
    """Images under a Gaussian, edges repeated; and what 1 − G leaves of white noise of 1."""
    reach = min(max(1, round(3 * width)), min(v.shape[-2:]) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=v.dtype, device=v.device)
    kernel = torch.softmax(-offsets.square() / (2 * width**2), 0)
    padded = F.pad(v[:, None], (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, -1))
    smooth = F.conv2d(rows, kernel.view(1, 1, -1, 1))[:, 0]
    peak = float(kernel[reach]) ** 2
    return smooth, math.sqrt(1 - 2 * peak + float(kernel.square().sum()) ** 2)


def _ring(height: int, width: int, depth: int) -> Tensor:
    """Pixels up to ``depth`` from the border, ``(H, W)``."""
    depth = max(1, depth)
    ring = torch.ones(height, width, dtype=torch.bool)
    ring[depth : height - depth, depth : width - depth] = False
    return ring


def _monomials(height: int, width: int, like: Tensor) -> Tensor:
    """1, x, y, x², xy, y² at the centres of pixels, ``(H · W, 6)``."""
    across = torch.linspace(-1, 1, width, dtype=like.dtype, device=like.device).repeat(height)
    down = torch.linspace(-1, 1, height, dtype=like.dtype, device=like.device)
    down = down.repeat_interleave(width)
    one = torch.ones_like(across)
    return torch.stack([one, across, down, across**2, across * down, down**2], 1)


def _ground(smooth: Tensor, unit: float) -> Tensor:
    """The polynomial that most of an image lies on, ``(B, H, W)``: Tukey's reweighting."""
    height, width = smooth.shape[-2:]
    pool = max(1, round(2 * unit))
    small = F.avg_pool2d(smooth[:, None], pool)[:, 0] if min(height, width) > 2 * pool else smooth
    rows, columns = small.shape[-2:]
    # centres of the pooled pixels, where the image's own are
    design = _pooled_monomials(height, width, rows, columns, pool, smooth)
    products = (design[:, :, None] * design[:, None, :]).flatten(1)
    ring = _ring(rows, columns, round(_RING * unit / pool)).flatten().to(smooth.device)
    ridge = torch.diag(design.new_tensor([0.0] + [_RIDGE] * 5))
    values = small.flatten(1)
    weight = ring.to(values).expand_as(values)
    beta = values.new_zeros(len(values), 6)
    for k in range(_ROUNDS):
        share = weight / weight.sum(1, keepdim=True)
        gram = (share @ products).view(-1, 6, 6) + ridge
        beta = torch.linalg.solve(gram, (share * values) @ design)
        far = (values - beta @ design.T).abs()
        spread = (far[:, ring] if k < 2 else far).median(1, keepdim=True).values
        reach = _TUKEY * _MAD * spread.clamp(min=_ROUNDING)
        weight = (1 - (far / reach).square()).clamp(min=0).square()
        weight = torch.where(weight.sum(1, keepdim=True) > 0, weight, ring.to(weight))
    full = beta @ _monomials(height, width, smooth).T
    return full.view_as(smooth)


def _pooled_monomials(
    height: int, width: int, rows: int, columns: int, pool: int, like: Tensor
) -> Tensor:
    if (rows, columns) == (height, width):
        return _monomials(height, width, like)
    whole = _monomials(height, width, like).T.view(6, 1, height, width)
    return F.avg_pool2d(whole, pool).flatten(1).T


def _contrast(ink: Tensor, ground: Tensor) -> Tensor:
    """Height of full ink over the ground at each pixel, ``(B, H, W)``, above 0."""
    r, g = ink.flatten(1).clamp(min=0), ground.flatten(1)
    top = r.amax(1, keepdim=True)
    weight = (r / top.clamp(min=_ROUNDING)).pow(4)
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1e-12)
    height, level = (weight * r).sum(1, keepdim=True), (weight * g).sum(1, keepdim=True)
    away = g - level
    slope = (weight * away * (r - height)).sum(1, keepdim=True)
    slope = slope / ((weight * away.square()).sum(1, keepdim=True) + _SLOPE_RIDGE)
    line = height + slope.clamp(-_SLOPE, _SLOPE) * away
    lowest = (_LOWEST * line.amax(1, keepdim=True)).clamp(min=_ROUNDING)
    return torch.maximum(line, lowest).view_as(ink)

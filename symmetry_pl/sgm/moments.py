r"""Moments of images, and the affine frame in which they are standard.

An image is read as a density w(p) over the plane. A warp moves moments of a density exactly as it
moves the plane, so whatever is made of moments alone is equivariant by construction (Rothe,
Süsse and Voss 1996, "The method of normalization to determine invariants").
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

__all__ = [
    "EMPTY",
    "FOLD_WEIGHTS",
    "Fit",
    "Moments",
    "angular_moments",
    "foreground",
    "normaliser",
    "profile_peak",
]

Fit: TypeAlias = Literal["affine", "similarity", "isometry", "shift"]

EMPTY = 1e-3
"""Pixels of full brightness: a density with a smaller sum has no moments to speak of."""

FOLD_WEIGHTS = (1.0, 0.4, 0.2, 0.05)
"""Of 1-, 2-, 3- and 4-fold moments in the profile. Those of many folds are small, so that profiles
of shapes with a mirror axis peak on this axis: of two peaks beside it noise would choose one."""

_DIRECTIONS = 64  # where the profile is looked at; its shortest wave has 16 of them
_THINNEST = 0.5  # pixels: smaller standard deviations are those of the pixel, not of the shape


class Moments(NamedTuple):
    """Centroid ``(B, 2)`` and inverse square root ``(B, 2, 2)`` of the second central moments."""

    centre: Tensor
    whitening: Tensor


def foreground(x: Tensor, threshold: float = 0.05) -> Tensor:
    r"""Signed density of an image: how far its brightest channel is from the background.

    .. math:: w = \operatorname{sign}(v) \max(0, |v| - \text{threshold}), \qquad
        v = \max_c (x_c + 1) / 2

    The brightest channel is the value of HSV, which neither hue nor saturation change. Darker than
    the background are the rings of cubic interpolation, which keep their sign, as moments are then
    right. Noise keeps it too, but cancels only in the mean, and where nothing has clipped it: see
    ``front_end`` for noisy images.

    Args:
        x: ``(B, C, H, W)`` in [−1, 1], background −1.
        threshold: of 1, that does not count.

    Returns:
        ``(B, H, W)``.
    """
    return torch.nn.functional.softshrink((x.amax(1) + 1) / 2, threshold)


def normaliser(
    w: Tensor, fit: Fit = "affine", window: float = 1.7, iterations: int = 2
) -> tuple[Moments, Tensor]:
    r"""The moments of densities, seen through a Gaussian window in their own frame.

    .. math:: L \leftarrow \sqrt{\tfrac{k^2}{1 + k^2}}\; Σ_k^{-1/2}, \qquad
        w_k(p) = w(p) \exp\bigl(-\lVert L (p - μ_k) \rVert^2 / 2 k^2\bigr)

    with μ_k and Σ_k of the windowed density, from the plain moments. The window turns with the
    image, so each iterate is equivariant; the factor makes a Gaussian a fixed point. It makes
    what lies far out, and content that the frame of the image cuts off, weigh less; noise within
    the window weighs as before.

    Args:
        w: densities ``(B, H, W)``.
        fit: ``"affine"`` whitens; any other scales x and y alike.
        window: k in standard deviations; ``inf`` for none.
        iterations: how often the window is set anew.

    Returns:
        Moments, in float64, and the windowed densities ``(B, H, W)``.
    """
    moments = _moments(w, fit)
    if math.isinf(window):
        return moments, w
    shrink = math.sqrt(window**2 / (1 + window**2))
    seen = w
    for _ in range(iterations):
        seen = w * _window(moments, window, w)
        moments = _moments(seen, fit)
        moments = Moments(moments.centre, moments.whitening * shrink)
    return moments, seen


def angular_moments(w: Tensor, moments: Moments) -> Tensor:
    r"""Complex moments of one to four folds, of positions q = x + iy in the whitened frame.

    .. math:: c_1 = \langle |q|^2 q \rangle, \quad c_2 = \langle |q|^2 q^2 \rangle, \quad
        c_3 = \langle q^3 \rangle, \quad c_4 = \langle q^4 \rangle

    as means over w (Flusser, Zitová and Suk 2009, ch. 2). A turn of the image by φ turns c_n by
    nφ; c_n vanishes for shapes of an m-fold symmetry unless m divides n.

    Args:
        w: densities ``(B, H, W)``.
        moments: their whitening.

    Returns:
        Real and imaginary parts ``(B, 4, 2)``, in float64.
    """
    # Moments of the image's own axes, as symmetric tensors, so that whitening is a product.
    table = _table(w, moments.centre, 4)
    table = table / _mass(table)[:, None, None]
    two = torch.arange(2, device=w.device)
    s3 = two[:, None, None] + two[:, None] + two
    s4 = s3[..., None] + two
    a = moments.whitening
    third = torch.einsum("bijk,bpi,bqj,brk->bpqr", table[:, 3 - s3, s3], a, a, a)
    fourth = torch.einsum("bijkl,bpi,bqj,brk,bsl->bpqrs", table[:, 4 - s4, s4], a, a, a, a)
    xxx, xxy = third[:, 0, 0, 0], third[:, 0, 0, 1]
    xyy, yyy = third[:, 0, 1, 1], third[:, 1, 1, 1]
    x4, x3y, x2y2 = fourth[:, 0, 0, 0, 0], fourth[:, 0, 0, 0, 1], fourth[:, 0, 0, 1, 1]
    xy3, y4 = fourth[:, 0, 1, 1, 1], fourth[:, 1, 1, 1, 1]
    parts = (
        xxx + xyy, xxy + yyy,
        x4 - y4, 2 * (x3y + xy3),
        xxx - 3 * xyy, 3 * xxy - yyy,
        x4 - 6 * x2y2 + y4, 4 * (x3y - xy3),
    )  # fmt: skip
    return torch.stack(parts, -1).view(-1, 4, 2)


def profile_peak(c: Tensor) -> Tensor:
    r"""Direction φ in which the smooth angular profile of a shape is highest.

    .. math:: φ = \arg\max_φ \sum_n k_n \operatorname{Re}(c_n e^{-inφ})

    All folds speak at once, so that a shape needs just one of them to have a direction. A shape
    of m-fold symmetry has m equal peaks, each of which gives the same picture.

    Args:
        c: angular moments ``(B, n, 2)``.

    Returns:
        ``(B,)`` radians; 0 where all moments vanish.
    """
    n = torch.arange(1, c.shape[1] + 1, dtype=c.dtype, device=c.device)
    k = c * c.new_tensor(FOLD_WEIGHTS)[:, None]
    grid = torch.arange(_DIRECTIONS, dtype=c.dtype, device=c.device) * (2 * math.pi / _DIRECTIONS)
    angle = n[:, None] * grid
    waves = (k[..., 0, None] * angle.cos() + k[..., 1, None] * angle.sin()).sum(1)
    phi = grid[waves.argmax(-1)]
    step = math.pi / _DIRECTIONS
    for _ in range(4):  # Newton's method, from within half a step of the peak
        angle = n * phi[:, None]
        inner = k[..., 0] * angle.cos() + k[..., 1] * angle.sin()
        outer = k[..., 1] * angle.cos() - k[..., 0] * angle.sin()
        slope, bend = (n * outer).sum(-1), (n.square() * inner).sum(-1)
        ratio = slope / torch.where(bend > 0, bend, torch.ones_like(bend))
        phi = phi + torch.where(bend > 0, ratio, torch.zeros_like(ratio)).clamp(-step, step)
    return phi


def _axes(w: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of columns and rows, in float64."""
    height, width = w.shape[-2:]
    x = torch.linspace(-1, 1, width, dtype=torch.float64, device=w.device)
    return x, torch.linspace(-1, 1, height, dtype=torch.float64, device=w.device)


def _table(w: Tensor, centre: Tensor, order: int) -> Tensor:
    """Sums of w dx^i dy^j ``(B, i, j)`` about centres ``(B, 2)``, in float64."""
    x, y = _axes(w)
    dx, dy = _powers(x - centre[:, :1], order), _powers(y - centre[:, 1:], order)
    return (dy.mT @ (w.double() @ dx)).mT


def _powers(d: Tensor, order: int) -> Tensor:
    """1, d, …, d^order along a new last axis."""
    columns = [torch.ones_like(d)]
    for _ in range(order):
        columns.append(columns[-1] * d)
    return torch.stack(columns, -1)


def _mass(table: Tensor) -> Tensor:
    """Sum of each density, 1 for those that are empty."""
    mass = table[:, 0, 0]
    return torch.where(mass < EMPTY, torch.ones_like(mass), mass)


def _moments(w: Tensor, fit: Fit) -> Moments:
    table = _table(w, torch.zeros(w.shape[0], 2, dtype=torch.float64, device=w.device), 2)
    table = table / _mass(table)[:, None, None]
    mx, my = table[:, 1, 0], table[:, 0, 1]
    xx, xy, yy = table[:, 2, 0] - mx**2, table[:, 1, 1] - mx * my, table[:, 0, 2] - my**2
    if fit != "affine":
        xx, xy, yy = (xx + yy) / 2, torch.zeros_like(xy), (xx + yy) / 2
    floor = (2 * _THINNEST / max(w.shape[-1] - 1, w.shape[-2] - 1, 1)) ** 2
    return Moments(torch.stack([mx, my], -1), _inverse_root(xx, xy, yy, floor))


def _window(moments: Moments, width: float, w: Tensor) -> Tensor:
    """exp(−‖L (p − μ)‖² / 2 width²) at each pixel's centre, ``(B, H, W)``, in w's precision."""
    x, y = _axes(w)
    dx, dy = x - moments.centre[:, :1], y - moments.centre[:, 1:]
    metric = moments.whitening.mT @ moments.whitening / (-2 * width**2)
    across = (metric[:, 0, 0, None] * dx**2).to(w)[:, None, :]
    mixed = (2 * metric[:, 0, 1, None] * dx).to(w)[:, None, :]
    down, dy = (metric[:, 1, 1, None] * dy**2).to(w)[:, :, None], dy.to(w)[:, :, None]
    return torch.exp(torch.addcmul(across + down, mixed, dy))


def _inverse_root(xx: Tensor, xy: Tensor, yy: Tensor, floor: float) -> Tensor:
    """(B, 2, 2) symmetric S^(−1/2) of S = [[xx, xy], [xy, yy]], eigenvalues at least ``floor``."""
    mean, half = (xx + yy) / 2, (xx - yy) / 2
    square = half.square() + xy.square()
    # Nothing to turn where both eigenvalues agree; the root of 0 has no gradient.
    apart = square > (1e-6 * floor) ** 2
    radius = torch.where(apart, square, torch.ones_like(square)).sqrt()
    reach = torch.where(apart, radius, torch.zeros_like(radius))
    large = (mean + reach).clamp(min=floor).rsqrt()
    small = (mean - reach).clamp(min=floor).rsqrt()
    middle, slope = (large + small) / 2, (large - small) / 2 / radius
    return torch.stack(
        [middle + slope * half, slope * xy, slope * xy, middle - slope * half], -1
    ).view(-1, 2, 2)

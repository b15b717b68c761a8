"""The sprites of dSprites, drawn again from their geometry.

A sprite is a polygon around its centre, turned, scaled and moved, with its corners rounded to
1/256 pixel; a pixel is lit if its centre is inside. This is what the graphics hardware that made
the data set does, and a shifted mask is not: places are 32/31 pixels apart.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.images.dsprites_factors import SHAPES, wrap_orientation

__all__ = ["SIDE", "factors_of", "pose", "render", "render_rows", "unpack_rows"]

Array: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.uint64]

SIDE = 64
"""Width and height of an image in pixels."""
_MARGIN, _TRAVEL = SIDE / 4, SIDE / 2  # centres of sprites go from 16 to 48
_SNAP = 256.0  # corners a pixel
_ELLIPSE = (0.19949, 0.11279)  # half-axes, in image widths
_ALL = np.uint64(2**64 - 1)


def _polygons() -> tuple[Array, ...]:
    """Corners ``(K, 2)`` of each shape at scale 1, in image widths from its centre, y down.

    The heart's curve is that of the author of the data set. Numbers of corners and half-axes of
    the ellipse were fitted to the 320 frames of the published animation, which come out in every
    pixel. All 737,280 settings together light 128,329,850 pixels; the published file, by its
    mean of 0.0424944, 128,328,862: near it, and not it.
    """
    square = 0.15 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    t = 2 * math.pi * np.arange(100) / 100
    ellipse = np.stack([_ELLIPSE[0] * np.cos(t), _ELLIPSE[1] * np.sin(t)], axis=1)
    t = 2 * math.pi * np.arange(150) / 150
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    heart = np.stack([0.15 * np.sin(t) ** 3, -0.0225 - 0.3 / 29 * height], axis=1)
    return square, ellipse, heart


_POLYGONS = _polygons()


def render(factors: Tensor) -> Tensor:
    """Images of sprites, as in batches of ``DSpritesDataModule``.

    Args:
        factors: shape, scale, orientation, posX, posY ``(B, 5)``, any real numbers but for the
            shape, which is 0, 1 or 2.

    Returns:
        ``(B, 1, 64, 64)``, float32: 1 in the sprite, −1 elsewhere; what leaves the frame is cut.

    Raises:
        ValueError: for another shape, a scale that is not positive, or a number that is not
            finite.
    """
    values = factors.detach().to("cpu", torch.float64).numpy()
    bits = torch.from_numpy(unpack_rows(render_rows(values)))
    return bits.to(factors.device, torch.float32).mul_(2).sub_(1)[:, None]


def render_rows(factors: Array) -> Rows:
    """Rows of pixels ``(B, 64)`` of sprites, bit j being column j (see ``render``)."""
    if factors.ndim != 2 or factors.shape[1] != 5:
        raise ValueError(f"factors must be (B, 5), got {factors.shape}")
    if not np.isfinite(factors).all() or not (factors[:, 1] > 0).all():
        raise ValueError("factors must be finite, and scales positive")
    if not np.isin(factors[:, 0], range(len(SHAPES))).all():
        raise ValueError("the shape of a sprite must be 0, 1 or 2")
    rows = np.zeros((len(factors), SIDE), np.uint64)
    for shape, corners in enumerate(_POLYGONS):
        of_shape = np.flatnonzero(factors[:, 0] == shape)
        if len(of_shape):
            rows[of_shape] = _fill(*_place(corners, factors[of_shape]))
    return rows


def unpack_rows(rows: Rows) -> npt.NDArray[np.uint8]:
    """Pixels ``(B, 64, 64)``, 0 or 1, of rows ``(B, 64)``."""
    octets = rows.astype("<u8", copy=False).view(np.uint8).reshape(len(rows), SIDE, SIDE // 8)
    return np.unpackbits(octets, axis=-1, bitorder="little")


def _place(corners: Array, factors: Array) -> tuple[Array, Array]:
    """Corners in pixels, ``(B, K)`` each for x and y."""
    _, scale, angle, pos_x, pos_y = factors.T[:, :, None]
    cosine, sine = SIDE * scale * np.cos(angle), SIDE * scale * np.sin(angle)
    u, v = corners.T
    x = _MARGIN + _TRAVEL * pos_x + cosine * u + sine * v
    y = _MARGIN + _TRAVEL * pos_y - sine * u + cosine * v
    return np.rint(x * _SNAP) / _SNAP, np.rint(y * _SNAP) / _SNAP


def _fill(x: Array, y: Array) -> Rows:
    """Rows of pixels whose centre is inside of polygons ``(B, K)``, by the even-odd rule.

    Every crossing of an edge with a line of pixel centres toggles all pixels to its right.
    """
    count, corners = x.shape
    first = np.clip(np.ceil(y - 0.5), 0, SIDE).astype(np.int32)
    last = np.roll(first, -1, axis=1)
    crossings = np.abs(last - first).ravel()
    edge = np.repeat(np.arange(count * corners), crossings)
    nth = np.arange(len(edge)) - (np.cumsum(crossings) - crossings)[edge]
    row = np.minimum(first, last).ravel()[edge] + nth
    slope = _difference(x, edge) / _difference(y, edge)
    at = x.ravel()[edge] + (row + 0.5 - y.ravel()[edge]) * slope
    column = np.clip(np.ceil(at - 0.5), 0, SIDE)
    right = np.left_shift(_ALL, np.minimum(column, SIDE - 1).astype(np.uint64))
    right[column == SIDE] = 0
    rows = np.zeros(count * SIDE, np.uint64)
    np.bitwise_xor.at(rows, edge // corners * SIDE + row, right)
    return rows.reshape(count, SIDE)


def _difference(values: Array, edge: npt.NDArray[np.int64]) -> Array:
    """End less start of some edges of polygons ``(B, K)``."""
    difference: Array = (np.roll(values, -1, axis=1) - values).ravel()[edge]
    return difference


def pose(factors: Tensor) -> Tensor:
    r"""Matrices from places in an image to places in the picture of the canonical sprite.

    .. math:: A = \frac{1}{s} \begin{pmatrix} \cos a & -\sin a \\ \sin a & \cos a \end{pmatrix}
        \begin{pmatrix} 1 & 0 & -t_x \\ 0 & 1 & -t_y \end{pmatrix}, \quad
        t = \frac{32\, (\mathrm{posX}, \mathrm{posY}) - 16}{31.5}

    Image(p) = canonical(A p) for normalised p, −1 … 1 between the centres of the outermost pixels,
    x right and y down; the canonical sprite has scale 1 and orientation 0, and is in the centre.
    If a method finds the prototype x̂(p) = x(F⁻¹ p) of an image x and resamples x'(p) = x̂(G p),
    then the pose of x' is pose(x) F⁻¹ G.

    Args:
        factors: ``(B, 5)`` (see ``render``); shapes do not matter.

    Returns:
        ``(B, 3, 3)``, float64.
    """
    _, scale, angle, *places = factors.to(torch.float64).unbind(1)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    t_x, t_y = ((_TRAVEL * p + _MARGIN - SIDE / 2) / ((SIDE - 1) / 2) for p in places)
    zero, one = torch.zeros_like(scale), torch.ones_like(scale)
    entries = [
        cosine, -sine, sine * t_y - cosine * t_x,
        sine, cosine, -sine * t_x - cosine * t_y,
        zero, zero, one,
    ]  # fmt: skip
    return torch.stack(entries, dim=1).view(-1, 3, 3)


def factors_of(poses: Tensor, shape: Tensor) -> Tensor:
    r"""Factors of the sprites of given poses: the inverse of ``pose`` on its image.

    For a matrix with linear part L and shift b that is no pose,

    .. math:: s = \det(L)^{-1/2}, \quad a = \mathrm{atan2}(L_{21} - L_{12}, L_{11} + L_{22}), \quad
        t = -L^{-1} b

    of which a is the angle of the rotation nearest to L. An ellipse is the picture of many linear
    maps, as its own turns into itself are no rotations: its a is the angle of its long axis.

    Args:
        poses: ``(B, 3, 3)``.
        shape: 0, 1 or 2, ``(B,)``; orientations are given modulo its symmetry (``SYMMETRIES``).

    Returns:
        ``(B, 5)``, float64.

    Raises:
        ValueError: for a matrix whose linear part has no positive determinant.
    """
    linear, shift = poses[:, :2, :2].to(torch.float64), poses[:, :2, 2:].to(torch.float64)
    determinant = torch.linalg.det(linear)
    if not bool((determinant > 0).all()):
        raise ValueError("a pose must have a linear part of positive determinant")
    angle = torch.atan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
    angle = torch.where(shape.to(angle.device) == 1, _long_axis(linear), angle)
    wrapped = wrap_orientation(angle.cpu().numpy(), shape.cpu().numpy())
    centre = -torch.linalg.solve(linear, shift)[:, :, 0]
    places = (centre * (SIDE - 1) / 2 + SIDE / 2 - _MARGIN) / _TRAVEL
    columns = [shape.to(linear), determinant.rsqrt(), torch.from_numpy(wrapped).to(linear)]
    return torch.stack([*columns, places[:, 0], places[:, 1]], dim=1)


def _long_axis(linear: Tensor) -> Tensor:
    """Angle (B,), anticlockwise as seen, of the long axis of the ellipse that L makes canonical."""
    back = torch.linalg.inv(linear)
    spread = back @ torch.diag(back.new_tensor(_ELLIPSE).square()) @ back.mT
    return torch.atan2(-2 * spread[:, 0, 1], spread[:, 0, 0] - spread[:, 1, 1]) / 2

"""Images in a NumPy array, checked one by one, with errors that name them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.files.array_files import load_array
from symmetry_pl.datamodules.images.image_files import CONSTANT, Channels, Pictures, resized

__all__ = ["images_of", "read_array"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow has it
_CHUNK = 1024


def read_array(
    path: Path,
    key: str | None,
    value_range: list[float] | None,
    channels: Channels,
    resize: list[int] | None,
) -> Pictures:
    """Read the images of a ``.npy`` or ``.npz`` file, of which ``key`` names the array.

    Raises:
        ValueError: as ``images_of``, or for a file that cannot be read.
    """
    return images_of(*load_array(path, key), value_range, channels, resize)


def images_of(
    array: npt.NDArray[Any],
    where: str,
    value_range: list[float] | None,
    channels: Channels,
    resize: list[int] | None,
) -> Pictures:
    """The images of an array ``(N, H, W)``, ``(N, H, W, 1)`` or ``(N, H, W, 3)``.

    Args:
        array: bytes, truth values or floats.
        where: what it is called in messages.
        value_range: the values that are black and white; null for 0 and 255 of bytes, 0 and 1 of
            others.
        channels: ``grey`` or ``rgb`` to convert, ``auto`` to leave as it is.
        resize: height and width to stretch images to; null to leave as they are.

    Raises:
        ValueError: if the array is of another shape or type, or holds only 0 and 1 as bytes.
    """
    shape = array.shape[:-1] if array.ndim == 4 and array.shape[-1] in (1, 3) else array.shape
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            f"{where} has shape {array.shape}, but images must be (N, height, width), or "
            "(N, height, width, channels) with 1 or 3 channels last"
        )
    if array.dtype != np.uint8 and array.dtype.kind not in "fb":
        raise ValueError(f"{where} holds {array.dtype}, but images must be bytes (uint8) or floats")
    low, high = value_range or (0.0, 255.0 if array.dtype == np.uint8 else 1.0)
    if array.dtype == np.uint8 and value_range is None and array.max() <= 1:
        raise ValueError(
            f"{where} holds no byte above 1: set data.value_range to [0, 1], or to [0, 255] if it "
            "is really so dark"
        )
    step = 255 / (high - low)
    as_bytes = array.dtype.kind in "ub" and low == 0 and step == int(step)
    grey = channels == "grey" or (channels == "auto" and array.shape[3:] != (3,))
    height, width = resize or shape[1:]
    images = torch.empty(
        len(array), 1 if grey else 3, height, width,
        dtype=torch.uint8 if as_bytes else torch.float32,
    )  # fmt: skip
    bad: dict[int, str] = {}
    for start in range(0, len(array), _CHUNK):
        part = np.asarray(array[start : start + _CHUNK])
        part = part.reshape(*part.shape[:3], -1)
        bad |= {start + i: why for i, why in _faults(part, low, high)}
        if as_bytes:
            x = torch.from_numpy(part.astype(np.uint8) * np.uint8(step))
        else:
            x = torch.from_numpy(2 * (part.astype(np.float64) - low) / (high - low) - 1).float()
            x = x.clamp_(-1, 1)
        x = _recoloured(x.permute(0, 3, 1, 2), grey)
        images[start : start + _CHUNK] = x if resize is None else resized(x, resize)
    images[list(bad)] = 0 if as_bytes else -1
    return Pictures(images, [f"image {i}" for i in range(len(array))], bad)


def _faults(images: npt.NDArray[Any], low: float, high: float) -> Iterator[tuple[int, str]]:
    """Images ``(B, H, W, C)`` that cannot be used, and why."""
    least = images.min((1, 2, 3)).astype(np.float64)  # NaN if there is one
    most = images.max((1, 2, 3)).astype(np.float64)
    slack = 0.0
    if images.dtype.kind == "f":  # 0.7 may have become 0.69999999
        slack = float(np.finfo(images.dtype).eps) * max(abs(low), abs(high))
    within = (least >= low - slack) & (most <= high + slack)
    for i in np.flatnonzero(~within | ~(least < most)):
        if not np.isfinite(images[i]).all():
            yield int(i), "has missing or infinite values"
        elif not within[i]:
            found = f"{least[i]:.4g} to {most[i]:.4g}"
            yield int(i), f"has values from {found}, outside data.value_range=[{low:g}, {high:g}]"
        else:
            yield int(i), CONSTANT


def _recoloured(x: Tensor, grey: bool) -> Tensor:
    """Images ``(B, C, H, W)`` with one channel or three."""
    if grey and x.shape[1] == 3:
        luma = (x.to(torch.float64) * torch.tensor(_LUMA).double()[:, None, None]).sum(1, True)
        return luma.round().to(x.dtype) if x.dtype == torch.uint8 else luma.to(x.dtype)
    return x if grey else x.expand(-1, 3, -1, -1)

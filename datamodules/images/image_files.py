"""Images in the files of a folder, checked one by one, with errors that name them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from symmetry_pl.messages import listed

__all__ = ["CONSTANT", "Channels", "Pictures", "read_folder", "resized", "summary"]

Channels: TypeAlias = Literal["auto", "grey", "rgb"]
CONSTANT = "is all of one value"
"""Why an image without anything on it cannot be used."""

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_GREY = ("1", "L", "LA", "La")
_DEEP = ("I", "F")  # and "I;16" and its kin: Pillow would cut them off at 255 without a word
_ROTATED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


class Pictures(NamedTuple):
    """Images read from somewhere.

    Args:
        images: bytes, or float32 in [−1, 1], ``(N, C, H, W)``; black in unusable places.
        names: one an image, for messages and predictions.
        bad: why an image cannot be used, by place.
    """

    images: Tensor
    names: list[str]
    bad: dict[int, str]


class _Header(NamedTuple):
    """What a file says of its image before it is decoded: (height, width) and whether grey."""

    size: tuple[int, int]
    grey: bool


def read_folder(folder: Path, channels: Channels, resize: list[int] | None) -> Pictures:
    """Read all image files in a folder and its subfolders, in the order of their names.

    Pictures are turned as their EXIF says, and what is transparent is laid on black.

    Args:
        folder: the folder; hidden files, and files with other endings, are passed over.
        channels: ``grey``, ``rgb``, or ``auto`` for RGB unless all files are grey.
        resize: height and width to stretch images to; null if they have one size.

    Raises:
        ValueError: if there is no image file, or two are of different sizes.
    """
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and path.is_file()
    )
    if not paths:
        raise ValueError(f"data.path is {folder}, which has no image files ({', '.join(_ENDINGS)})")
    names = [path.relative_to(folder).as_posix() for path in paths]
    bad: dict[int, str] = {}
    headers: dict[int, _Header] = {}
    for row, path in enumerate(paths):
        _collect(row, partial(_header, path), headers, bad)
    first = next(iter(headers.values()), _Header((1, 1), True))
    if resize is None:
        for row, header in headers.items():
            if header.size != first.size:
                sizes = [
                    f"{names[i]} is {_by(headers[i].size)}" for i in (next(iter(headers)), row)
                ]
                raise ValueError(
                    f"{folder}: images must be of one size, but {' and '.join(sizes)} (width × "
                    "height): set data.resize to [height, width]"
                )
    grey = channels == "grey" or (channels == "auto" and all(h.grey for h in headers.values()))
    size = tuple(resize or first.size)
    images = torch.zeros(len(paths), 1 if grey else 3, *size, dtype=torch.uint8)
    decoded: dict[int, Tensor] = {}
    for row in headers:
        _collect(row, partial(_decode, paths[row], grey, resize), decoded, bad)
        if row in decoded:
            images[row] = decoded.pop(row)
    return Pictures(images, names, bad)


def _collect(row: int, read: Callable[[], Any], found: dict[int, Any], bad: dict[int, str]) -> None:
    try:
        found[row] = read()
    except ValueError as error:
        bad[row] = str(error)
    except Exception as error:  # decoders raise whatever they meet in a damaged file
        bad[row] = f"cannot be read ({error})"


def _header(path: Path) -> _Header:
    with Image.open(path) as image:
        if image.mode in _DEEP or image.mode.startswith("I;"):
            raise ValueError(
                f"has pixels of more than 8 bits (mode {image.mode}), which only arrays may have"
            )
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError("holds more than one picture")
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _ROTATED:
            width, height = height, width
        return _Header((height, width), image.mode in _GREY)


def _decode(path: Path, grey: bool, resize: list[int] | None) -> Tensor:
    """Bytes ``(C, H, W)``."""
    with Image.open(path) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened) or opened
        if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
            front = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", front.size, (0, 0, 0, 255)), front)
        pixels = np.array(image.convert("L" if grey else "RGB"))
    if pixels.min() == pixels.max():
        raise ValueError(CONSTANT)
    values = torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1)
    return values if resize is None else resized(values[None], resize)[0]


def resized(x: Tensor, size: list[int]) -> Tensor:
    """Images stretched to (height, width), averaging over pixels where they shrink."""
    from torchvision.transforms.v2.functional import resize  # takes seconds to import

    values: Tensor = resize(x.float(), size, antialias=True)
    return values.round().to(torch.uint8) if x.dtype == torch.uint8 else values.clamp_(-1, 1)


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]} × {size[0]}"


def summary(pictures: Pictures) -> str:
    """How many images cannot be used, and the first ones with the reason.

    Example:
        >>> summary(Pictures(torch.empty(3, 1, 2, 2), ["a", "b", "c"], {1: "is blue"}))
        '1 of 3 images cannot be used (b is blue)'
    """
    bad = sorted(pictures.bad.items())
    shown = [f"{pictures.names[row]} {why}" for row, why in bad[:3]]
    count = f"{len(bad)} of {len(pictures.names)} images cannot be used"
    return f"{count} ({listed(shown, count=len(bad))})"

"""The files of MNIST, in the IDX format, found or downloaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from symmetry_pl.datamodules.files.download import data_root, locate
from symmetry_pl.datamodules.files.gunzip import content_of

__all__ = ["FILES", "IdxFile", "mnist_file", "mnist_images", "mnist_labels", "read_idx"]

_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FOLDERS = ("mnist", "MNIST/raw", "")  # the second is where torchvision keeps them


class IdxFile(NamedTuple):
    """Name of an IDX file, and the SHA-256 of its uncompressed bytes."""

    name: str
    sha256: str


FILES = {
    ("train", "images"): IdxFile(
        "train-images-idx3-ubyte",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    ("train", "labels"): IdxFile(
        "train-labels-idx1-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    ("test", "images"): IdxFile(
        "t10k-images-idx3-ubyte",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    ("test", "labels"): IdxFile(
        "t10k-labels-idx1-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
"""By split and content."""


def read_idx(path: str | Path) -> npt.NDArray[np.uint8]:
    """Array of unsigned bytes in an IDX file, gzipped or not.

    The format: two zero bytes, a type (8 for unsigned bytes), the number of dimensions, their
    sizes as big-endian 32-bit integers, and the numbers, last dimension fastest.

    Args:
        path: the file; gzip is recognised by its first bytes.

    Returns:
        For MNIST ``(N, 28, 28)`` or ``(N,)``; not writable.

    Raises:
        ValueError: if it is not such a file, or has more or fewer bytes than it announces.
    """
    content = b"".join(content_of(path))
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if len(shape) != content[3] or len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} announces an array of shape {shape}, but has {len(content) - start} bytes "
            "after its header: it is damaged"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def mnist_file(
    root: str | Path | None,
    split: Literal["train", "test"],
    content: Literal["images", "labels"] = "images",
) -> Path:
    """Path of a file of MNIST whose checksum is right, gzipped or not.

    It is looked for in ``root``, in its folder ``mnist``, and where torchvision keeps it; if it is
    in none of them, it is downloaded into ``mnist``.

    Args:
        root: folder with data; null for ``$SYMMETRY_DATA`` or the cache.
        split: ``"train"`` (60,000 digits) or ``"test"`` (10,000).
        content: which of the two files.

    Raises:
        FileNotFoundError: if there is no such file and it cannot be downloaded.
        ValueError: if the file has another checksum.
    """
    name, sha256 = FILES[split, content]
    archive = f"{name}.gz"
    for folder in _FOLDERS:
        for filename in (archive, name):
            if (data_root(root) / folder / filename).is_file():
                return locate(
                    "MNIST", root, filename, _URL + archive, sha256,
                    uncompressed=True, folder=folder,
                )  # fmt: skip
    return locate("MNIST", root, archive, _URL + archive, sha256, uncompressed=True, folder="mnist")


def mnist_images(root: str | Path | None, split: Literal["train", "test"]) -> npt.NDArray[np.uint8]:
    """Digits ``(N, 28, 28)``, 0 … 255, in their published order (see ``mnist_file``)."""
    return read_idx(mnist_file(root, split, "images"))


def mnist_labels(root: str | Path | None, split: Literal["train", "test"]) -> npt.NDArray[np.uint8]:
    """Which digits they are ``(N,)``, 0 … 9, in the same order (see ``mnist_file``)."""
    return read_idx(mnist_file(root, split, "labels"))

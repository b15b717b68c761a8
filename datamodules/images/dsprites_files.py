"""The published file of dSprites: found or downloaded, and read without unpacking it in memory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from symmetry_pl.datamodules.files.download import locate
from symmetry_pl.messages import shortened

__all__ = ["dsprites_file", "read_sprites"]

_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_URL = f"https://github.com/deepmind/dsprites-dataset/raw/master/{_FILE}"
_SHA1 = "3e0a46a9238e425f46a6ef9e9bdfd7cedb35d50f"
_MEMBER = "imgs.npy"
_CHUNK = 1024  # images unpacked at once: 4 MiB


def dsprites_file(root: str | Path | None, download: bool = True) -> Path:
    """Path of the file of all 737,280 images whose checksum is right (26 MB).

    It is looked for in ``root`` and in its folder ``dsprites``; if it is in neither, it is
    downloaded into the latter.

    Args:
        root: folder with data; null for ``$SYMMETRY_DATA`` or the cache.
        download: whether to try the network.

    Raises:
        FileNotFoundError: if there is no such file and it cannot be downloaded.
        ValueError: if the file has another checksum.
    """
    return locate(
        "dSprites", root, _FILE, _URL, _SHA1,
        algorithm="sha1", folder="dsprites", download=download,
    )  # fmt: skip


def read_sprites(path: str | Path, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Some images of the file, packed.

    The array of all images, 3 GB, goes by in pieces; the pickle of descriptions that is also in the
    file is never touched.

    Args:
        path: the ``.npz`` file.
        wanted: row numbers ``(S,)``, ascending.

    Returns:
        Rows of pixels ``(S, 64)``, bit j being column j (see ``dsprites_renderer.unpack_rows``).

    Raises:
        ValueError: if it is no such file, or has no such rows.
    """
    try:
        with ZipFile(path) as archive, archive.open(_MEMBER) as member:
            return _read(path, member, wanted)
    except Exception as error:  # zip and NumPy raise whatever they meet in a damaged file
        raise ValueError(
            f"{path} is not the published file of dSprites: {shortened(str(error), 200)}"
        ) from error


def _read(
    path: str | Path, member: IO[bytes], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"{path}: {_MEMBER} has version {version} of the NPY format, not 1.0")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(member)
    if shape[1:] != (64, 64) or dtype != np.uint8 or by_column or shape[0] <= wanted[-1]:
        raise ValueError(f"{path} holds {dtype} of shape {shape}, not the images of dSprites")
    packed = np.empty((len(wanted), 64), np.uint64)
    ends = np.searchsorted(wanted, np.arange(0, shape[0] + _CHUNK, _CHUNK))
    for piece, (start, end) in enumerate(pairwise(ends.tolist())):
        size = min(_CHUNK, shape[0] - piece * _CHUNK) * 64 * 64
        content = member.read(size)
        if len(content) != size:
            raise ValueError(f"{path} is cut short: delete it")
        images = np.frombuffer(content, np.uint8).reshape(-1, 64, 64)
        bits = np.packbits(images[wanted[start:end] - piece * _CHUNK], axis=-1, bitorder="little")
        packed[start:end] = bits.view("<u8")[:, :, 0]
        if end == len(wanted):
            break
    return packed

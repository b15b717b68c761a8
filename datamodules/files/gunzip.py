"""Gzip files from anywhere: damaged ones and bombs are refused, in bounded time and memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

__all__ = ["content_of"]

_MAGIC = b"\x1f\x8b"  # the first two bytes of a gzip file
_CHUNK = 1 << 20
_UNCHECKED = 1 << 28  # bytes of content that any file may have
_RATIO = 400  # content to file; text reaches 100, zeros 1,030


def content_of(path: str | Path, where: str = "", unzip: bool = True) -> Iterator[bytes]:
    """The content of a file, piece by piece; of a gzip file, what is in it.

    Args:
        path: the file; its first bytes say whether it is gzipped.
        where: what to call it in messages; its path if empty.
        unzip: whether to unpack it.

    Raises:
        ValueError: if a gzip file is damaged, or its content is more than 256 MiB and 400 times as
            large as the file: it was made to fill a memory.
    """
    with open(path, "rb") as raw:
        zipped = unzip and raw.read(len(_MAGIC)) == _MAGIC
        raw.seek(0)
        yield from (
            _unzipped(raw, where or str(path)) if zipped else iter(partial(raw.read, _CHUNK), b"")
        )


def _unzipped(raw: IO[bytes], where: str) -> Iterator[bytes]:
    size = 0
    with gzip.GzipFile(fileobj=raw) as file:
        try:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > _UNCHECKED and size > _RATIO * raw.tell():
                    raise ValueError(
                        f"{where} is not read on, as it unpacks to more than {_RATIO} times its "
                        "size: unpack it yourself if that is right"
                    )
                yield chunk
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{where} is a damaged gzip file ({error}): delete it") from error

"""Gzip files from anywhere: damaged ones and bombs are refused, in bounded time and memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import IO

__all__ = ["MAGIC", "unzipped"]

MAGIC = b"\x1f\x8b"
"""The first two bytes of a gzip file."""

_CHUNK = 1 << 20
_UNCHECKED = 1 << 28  # bytes of content that any file may have
_RATIO = 400  # content to file; text reaches 100, zeros 1,030


def unzipped(raw: IO[bytes], where: str) -> Iterator[bytes]:
    """The content of an open gzip file, piece by piece.

    Args:
        raw: the file, at its start.
        where: what to call it in messages.

    Raises:
        ValueError: if it is damaged, or its content is more than 256 MiB and 400 times as large as
            the file: it was made to fill a memory.
    """
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

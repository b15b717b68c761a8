"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["atomic_file", "atomic_write"]


@contextmanager
def atomic_file(path: Path | str) -> Iterator[IO[bytes]]:
    """A file that appears under its name once it is complete, in the place of an older one.

    It is written beside its place, under a name that no other process takes (``file.name``), and
    moved there when the block ends; where the block raises, the older file stays.

    Args:
        path: its place; folders on the way are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        os.close(handle)
        with open(partial, "wb") as file:  # by its name, so that file.name is a path
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)  # mkstemp makes files that only their owner may read
        os.replace(partial, target)
    except OSError as error:
        if error.errno is not None:
            error.filename = str(target)  # a write that fails does not say of what
        raise
    finally:
        Path(partial).unlink(missing_ok=True)


def atomic_write(path: Path | str, content: str | bytes) -> None:
    r"""Write the whole file or none of it; text as UTF-8, its line ends as they are.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_write(Path(folder) / "new" / "a.txt", "α\n")
    ...     (Path(folder) / "new" / "a.txt").read_bytes()
    b'\xce\xb1\n'
    """
    with atomic_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)

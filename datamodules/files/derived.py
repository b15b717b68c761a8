"""Columns computed from a data file row by row, kept so that it is done once."""

from __future__ import annotations

import gzip
import os
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_info

from symmetry_pl.core.files import atomic_write

__all__ = ["DerivedColumns", "cache_root"]

_SLOW = 20_000  # rows
_SAVE_EVERY = 60.0  # seconds, so that a run that is stopped goes on from there


def cache_root(folder: str | None = None) -> Path:
    """Folder of derived data: ``folder``, else that of the user's cache.

    It is never beside the data, which are often shared or read-only.
    """
    if folder is not None:
        return Path(folder).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "symmetry_pl" / "derived"


class DerivedColumns:
    """Texts computed from each row of one file, of which any part may be known.

    A column is a gzipped file of one line a row, empty where the text is not known yet. It is
    written whole to a temporary file and renamed, so that it is never seen half, once a minute and
    at the end. A process that cannot write just computes again.

    Args:
        folder: where columns are kept.
        checksum: of the file the rows are from; columns of other content are never mixed up.
        count: N, its rows.
    """

    def __init__(self, folder: Path, checksum: str, count: int) -> None:
        self.folder = folder
        self.checksum = checksum
        self.count = count

    def path(self, name: str) -> Path:
        """File of a column."""
        return self.folder / f"{self.checksum[:16]}.{name}.txt.gz"

    def column(
        self, name: str, rows: Sequence[int], compute: Callable[[int], str], cost: str = ""
    ) -> list[str]:
        """A column, of length N, in which at least ``rows`` are known.

        Args:
            name: of the column, with whatever versions its texts depend on.
            rows: rows that are needed.
            compute: text of a row, not empty and of one line.
            cost: what to say of the time it takes, where there are many rows.
        """
        values = self._load(name)
        missing = [row for row in rows if not values[row]]
        if not missing:
            return values
        if len(missing) > _SLOW:
            rank_zero_info(
                f"computing {name} of {len(missing)} molecules{cost}, once: it will be in "
                f"{self.path(name)}"
            )
        saved = time.monotonic()
        for row in missing:
            values[row] = compute(row)
            if time.monotonic() - saved > _SAVE_EVERY:
                self._save(name, values)
                saved = time.monotonic()
        self._save(name, values)
        return values

    def _load(self, name: str) -> list[str]:
        try:
            with gzip.open(self.path(name), "rt", encoding="utf-8", newline="\n") as file:
                values = file.read().split("\n")[:-1]
        except (OSError, EOFError, zlib.error, UnicodeDecodeError):
            return [""] * self.count
        return values if len(values) == self.count else [""] * self.count

    def _save(self, name: str, values: list[str]) -> None:
        target = self.path(name)
        content = "".join(f"{value}\n" for value in values).encode()
        try:
            atomic_write(target, gzip.compress(content, 6, mtime=0))
        except OSError as error:
            warnings.warn(
                f"cannot keep {name} in {self.folder} ({error}), so it will be computed again: "
                "set data.cache to a folder that can be written",
                stacklevel=2,
            )

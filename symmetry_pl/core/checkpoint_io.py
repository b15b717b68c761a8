"""Checkpoints that take the place of older ones only when they are whole."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from symmetry_pl.core.files import atomic_file

__all__ = ["WholeCheckpointIO"]


class WholeCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its place, read it back, and move it there.

    Until then the older one stays, whatever happens: a full disk, a kill, a fault of the medium.
    Lightning writes to the folder for temporary files first, and copies over the old checkpoint
    where that is another file system.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Save it; places that are no files of this machine are left to Lightning.

        Raises:
            OSError: if it cannot be written, or is read back as something else.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with atomic_file(path) as file:
            file.write(content.getbuffer())
            file.flush()
            _read_back(file.name, path)


def _read_back(partial: str, path: Any) -> None:
    """Check the checksum of every part of a file."""
    try:
        with zipfile.ZipFile(partial) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise OSError(f"{path} was read back damaged: the older one stays") from error
    if damaged is not None:
        raise OSError(f"{path} was read back damaged ({damaged}): the older one stays")

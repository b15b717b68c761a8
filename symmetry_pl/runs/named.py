"""Checkpoints that come with the package, by name."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symmetry_pl.messages import shortened

__all__ = ["NamedCheckpoint", "checkpoint_path", "named_checkpoints"]

_ROOT = Path(__file__).resolve().parents[1] / "checkpoints"


@dataclass(frozen=True)
class NamedCheckpoint:
    """A checkpoint that comes with the package.

    It lies as a run does, ``config.yaml`` beside ``checkpoints/last.ckpt``, with a ``card.json``.

    Args:
        name: what options and ``symmetry_pl.load`` call it.
        folder: where it lies.
        card: what it is, on what data it was trained, by which commit, its figures and checksum.
    """

    name: str
    folder: Path
    card: dict[str, Any]

    @property
    def path(self) -> Path:
        """The checkpoint itself."""
        return self.folder / "checkpoints" / "last.ckpt"


def named_checkpoints() -> dict[str, NamedCheckpoint]:
    """All that there are, by name."""
    folders = sorted(path.parent for path in _ROOT.glob("*/card.json"))
    return {
        folder.name: NamedCheckpoint(
            folder.name, folder, json.loads((folder / "card.json").read_text())
        )
        for folder in folders
    }


def checkpoint_path(name: str | Path, option: str) -> Path:
    """The file that an option names: one that is there, or a named checkpoint's.

    Args:
        name: a path, or a name that ``symmetry checkpoints`` lists.
        option: for messages.

    Raises:
        FileNotFoundError: if there is neither, with a similar name.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = named_checkpoints()
    if str(name) in known:
        return known[str(name)].path
    if path.suffix or len(path.parts) > 1 or not known:
        raise FileNotFoundError(f"{option}: there is no checkpoint {shortened(str(name))}")
    near = difflib.get_close_matches(str(name), known, 1)
    guess = f"did you mean {near[0]}?" if near else f"named ones are {', '.join(known)}"
    raise FileNotFoundError(
        f"{option}: there is no checkpoint {shortened(str(name))}, neither file nor name: {guess}"
    )

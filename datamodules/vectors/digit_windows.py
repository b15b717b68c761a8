"""Windows of MNIST digits: as they are, shifted about the middle, or anywhere around a digit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.files.mnist_files import mnist_file, mnist_images, mnist_labels
from symmetry_pl.datamodules.streams import STREAMS

__all__ = ["DigitWindows"]

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_SIDE = 28
_VALIDATION_SHARE = 12  # every twelfth of the training images: the last 5,000 of 60,000
_ATTEMPTS = 10_000  # at one window that is not blank


class DigitWindows:
    """Digits with their labels, and how windows are cut out of them; zeros lie around a digit.

    ``mnist`` is every digit once, in an order of its seed, in the middle of the window;
    ``shifted_mnist`` a random digit, moved by up to ``shift`` pixels each way; ``mnist_crops`` a
    window at a random place that touches the digit, none of them blank (as Efe and Özakın 2026
    make them, but at whole pixels).

    Args:
        kind: one of these.
        shape: height and width of a window.
        shift: of ``shifted_mnist``.
    """

    def __init__(
        self,
        kind: Literal["mnist", "shifted_mnist", "mnist_crops"],
        shape: tuple[int, int],
        shift: int,
    ) -> None:
        self.kind, self.shape, self.shift = kind, shape, shift
        self._images: dict[str, Bytes] = {}
        self._labels: dict[str, Bytes] = {}

    @staticmethod
    def prepare(root: str | Path | None) -> None:
        """Find or download the files."""
        for part in ("train", "test"):
            for content in ("images", "labels"):
                mnist_file(root, part, content)

    def read(self, root: str | Path | None) -> None:
        """Read the files, once."""
        if self._images:
            return
        images, labels = mnist_images(root, "train"), mnist_labels(root, "train")
        held = max(1, len(images) // _VALIDATION_SHARE)
        self._images = {
            "train": images[:-held],
            "val": images[-held:],
            "test": mnist_images(root, "test"),
        }
        self._labels = {
            "train": labels[:-held],
            "val": labels[-held:],
            "test": mnist_labels(root, "test"),
        }

    def most(self, split: str) -> int | None:
        """How many samples there are of a split, where each digit is there once."""
        return len(self._images[split]) if self.kind == "mnist" else None

    def draw(self, seed: int, split: str, rows: Rows) -> tuple[Array, Array]:
        """Windows ``(B, H, W)``, 0 … 1, and labels ``(B,)``; each a function of its number."""
        images, labels = self._images[split], self._labels[split]
        if self.kind == "mnist":
            keys = counter_uniform(seed, STREAMS[split], np.arange(len(images)), 1)[:, 0]
            which = np.argsort(keys)[rows % len(images)]
            none = np.zeros(len(rows), np.int64)
            return self._cut(images[which], none, none), labels[which].astype(np.float64)
        if self.kind == "shifted_mnist":
            uniform = counter_uniform(seed, STREAMS[split], rows, 3)
            which = (uniform[:, 0] * len(images)).astype(np.int64)
            moves = (uniform[:, 1:] * (2 * self.shift + 1)).astype(np.int64) - self.shift
            return self._cut(images[which], *moves.T), labels[which].astype(np.float64)
        found = np.empty((len(rows), *self.shape))
        digits = np.empty(len(rows))
        left = np.arange(len(rows))
        for attempt in range(_ATTEMPTS):
            stream = STREAMS[split] + len(STREAMS) * attempt
            uniform = counter_uniform(seed, stream, rows[left], 3)
            which = (uniform[:, 0] * len(images)).astype(np.int64)
            reach = [(_SIDE + side) // 2 for side in self.shape]
            down, right = (
                (u * (2 * r + 1)).astype(np.int64) - r
                for u, r in zip(uniform[:, 1:].T, reach, strict=True)
            )
            found[left] = self._cut(images[which], down, right)
            digits[left] = labels[which]
            left = left[found[left].max((1, 2)) == 0]
            if not len(left):
                return found, digits
        raise ValueError(f"the {split} images of MNIST in data.root are blank")

    def _cut(self, images: Bytes, down: Rows, right: Rows) -> Array:
        """Windows whose middles are this far from those of the images."""
        height, width = self.shape
        margin = _SIDE + max(height, width) + self.shift
        top = margin + (_SIDE - height) // 2 + down
        left = margin + (_SIDE - width) // 2 + right
        wide = np.zeros((len(images), _SIDE + 2 * margin, _SIDE + 2 * margin), np.uint8)
        wide[:, margin : margin + _SIDE, margin : margin + _SIDE] = images
        rows = np.arange(len(images))[:, None, None]
        y = top[:, None, None] + np.arange(height)[:, None]
        x = left[:, None, None] + np.arange(width)
        windows: Array = wide[rows, y, x] / 255.0
        return windows

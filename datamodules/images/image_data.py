"""What datamodules of images share: sets held in memory as bytes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from symmetry_pl.datamodules.base import BatchDataset, SymmetryDataModule

__all__ = ["ImageDataModule", "ImageDataset"]


class ImageDataset(BatchDataset):
    r"""Images held as bytes; ``__getitems__`` makes a whole batch of floats at once.

    .. math:: x = 2\, \frac{v}{255}\, c - 1

    with bytes v and a colour c, so that black is −1 exactly.

    Args:
        images: bytes ``(N, C, H, W)``; or float32, taken as they are, in [−1, 1].
        y: targets ``(N, t)``; none by default.
        rows: row numbers in the source ``(N,)``; by default 0 … N − 1.
        tints: one colour c an image ``(N, 3)``, 0 … 1, that bytes of one channel are painted in;
            the batch then has three.

    Raises:
        ValueError: for another shape or type, numbers out of range, or unequal lengths.
    """

    def __init__(
        self,
        images: Tensor,
        y: Tensor | None = None,
        rows: Tensor | None = None,
        tints: Tensor | None = None,
    ) -> None:
        if (
            images.ndim != 4
            or images.shape[1] not in (1, 3)
            or images.dtype not in (torch.uint8, torch.float32)
        ):
            raise ValueError(
                f"images must be bytes or float32 (N, 1 or 3, H, W), got {images.dtype} of shape "
                f"{tuple(images.shape)}"
            )
        if tints is not None and (images.dtype != torch.uint8 or images.shape[1] != 1):
            raise ValueError("only bytes of one channel can be painted")
        if images.dtype == torch.float32 and len(images):
            low, high = (float(v) for v in images.aminmax())
            if not (low >= -1 and high <= 1):
                raise ValueError(f"images must lie in [-1, 1], got {low:.4g} to {high:.4g}")
        self.images = images
        self.y = torch.empty(len(images), 0) if y is None else y
        self.rows = torch.arange(len(images)) if rows is None else rows
        self.tints = tints
        self.index: Tensor | None = None
        for name, part in (("y", self.y), ("rows", self.rows), ("tints", tints)):
            if part is not None and len(part) != len(images):
                raise ValueError(f"{len(images)} images, but {len(part)} {name}")

    def subset(self, index: Tensor) -> ImageDataset:
        """Some of the images ``(n,)``, in this order, in the memory of all."""
        chosen = ImageDataset.__new__(ImageDataset)
        chosen.images, chosen.y, chosen.rows = self.images, self.y, self.rows
        chosen.tints = self.tints
        chosen.index = index if self.index is None else self.index[index]
        return chosen

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of one image in a batch."""
        channels, height, width = self.images.shape[1:]
        return (channels if self.tints is None else 3, height, width)

    def __len__(self) -> int:
        return len(self.images if self.index is None else self.index)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Images ``(B, C, H, W)`` in [−1, 1], targets ``(B, t)`` and row numbers ``(B,)``."""
        i = torch.as_tensor(indices, dtype=torch.int64)
        if self.index is not None:
            i = self.index[i]
        x = self.images[i].to(torch.float32)
        if self.images.dtype == torch.uint8:
            x = x.div_(127.5)
            if self.tints is not None:
                x = x * self.tints[i, :, None, None]
            x = x.sub_(1.0)
        return x, self.y[i], self.rows[i]


class ImageDataModule(SymmetryDataModule):
    """Base of datamodules of images held in memory.

    Batches are ``(x, y, row)``: images ``(B, C, H, W)``, float32 in [−1, 1] with −1 for black,
    which is also what lies outside of the frame; targets ``(B, t)``, ``(B, 0)`` where there are
    none; and row numbers ``(B,)``. Sets are the same on every process.
    """

    def setup(self, stage: str | None = None) -> None:
        """Nothing: sets are made when they are first asked for."""

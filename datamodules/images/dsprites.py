"""dSprites with planted distributions of its factors (SGM, appendix C.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import BatchDataset
from symmetry_pl.datamodules.images.dsprites_factors import (
    FACTORS,
    SHAPES,
    draw_factors,
    factors_at,
    histogram_bins,
    planted_settings,
    setting_numbers,
)
from symmetry_pl.datamodules.images.dsprites_files import dsprites_file, read_sprites
from symmetry_pl.datamodules.images.dsprites_renderer import (
    SIDE,
    Rows,
    factors_of,
    pose,
    render_rows,
    unpack_rows,
)
from symmetry_pl.datamodules.images.image_data import ImageDataModule
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.samplers import StreamSampler
from symmetry_pl.datamodules.streams import STREAMS

__all__ = ["DSpritesDataModule", "SpriteDataset"]

_CHUNK = 1024  # sprites rendered at once


class SpriteDataset(BatchDataset):
    """Endless draws of sprites by index; ``__getitems__`` makes a whole batch at once.

    Args:
        sprites: rows of pixels ``(S, 64)`` of all sprites that can be drawn.
        numbers: their rows in the published file ``(S,)``, ascending.
        split: ``"train"``, ``"val"`` or ``"test"``: three independent streams.
        samples: nominal length (any index may be asked for).
        seed: seed of the draws.
    """

    def __init__(
        self,
        sprites: Rows,
        numbers: npt.NDArray[np.int64],
        split: str,
        samples: int,
        seed: int,
    ) -> None:
        self.sprites = sprites
        self.numbers = numbers
        self.stream = STREAMS[split]
        self.samples = samples
        self.seed = seed

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of one image in a batch."""
        return (1, SIDE, SIDE)

    def __len__(self) -> int:
        return self.samples

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Images ``(B, 1, 64, 64)``, factors ``(B, 5)`` and the indices ``(B,)``."""
        index = np.asarray(indices, dtype=np.int64)
        positions = draw_factors(counter_uniform(self.seed, self.stream, index, len(FACTORS)))
        found = np.searchsorted(self.numbers, setting_numbers(positions))
        bits = torch.from_numpy(unpack_rows(self.sprites[found]))
        x = bits.to(torch.float32).mul_(2).sub_(1)[:, None]
        return x, torch.from_numpy(factors_at(positions)).float(), torch.from_numpy(index)


class DSpritesDataModule(ImageDataModule):
    """An endless stream of sprites whose factors have planted distributions, given the shape.

    Batches are images ``(B, 1, 64, 64)``, −1 or 1; factors ``(B, 5)``: shape (0 square, 1 ellipse,
    2 heart), scale, orientation in radians, anticlockwise as seen, posX and posY in 0 … 1, right
    and down; and the number of the draw ``(B,)``. Draws are functions of (split_seed, split,
    number) and follow ``dsprites_factors.planted``: shapes are equally likely; hearts are upright,
    in the upper or lower part of the left half; squares have any orientation, ellipses up to 90°.

    Sprites come from the published file, or are rendered again from their geometry, which takes
    less than a second and no file; that the data are re-rendered is logged and in
    ``description.extra``. The file is looked for in ``root`` and in its folder ``dsprites``.

    Args:
        batch_size: images a step and process.
        source: ``file`` for the published file, downloaded where there is none; ``rendered``;
            ``auto`` for the file where it is or can be downloaded, else rendered.
        samples_per_epoch: training images that count as one epoch, over all processes.
        eval_samples: size of the validation set and of the test set.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for an option out of range or a damaged file.
        FileNotFoundError: if the file is asked for, not there and cannot be downloaded.
    """

    def __init__(
        self,
        batch_size: int = 512,
        source: Literal["auto", "file", "rendered"] = "auto",
        samples_per_epoch: int = 51_200,
        eval_samples: int = 10_240,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **kwargs)
        check_choice("source", source, ("auto", "file", "rendered"))
        check_at_least(1, samples_per_epoch=samples_per_epoch, eval_samples=eval_samples)
        self.source = source
        self.samples = {"train": samples_per_epoch, "val": eval_samples, "test": eval_samples}
        self._sprites: Rows | None = None
        self._numbers: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._made = ""

    @property
    def description(self) -> DataDescription:
        """Images of shape (1, 64, 64); ``extra`` says whether they are re-rendered."""
        if self._sprites is None:
            raise RuntimeError("call setup() of the DSpritesDataModule first")
        units = tuple("rad" if name == "orientation" else "" for name in FACTORS)
        return DataDescription(
            "image", (1, SIDE, SIDE), FACTORS, units, extra={"source": self._made}
        )

    def prepare_data(self) -> None:
        """Find or download the file, on one process of each machine."""
        if self.source != "rendered":
            try:
                dsprites_file(self.root)
            except FileNotFoundError:
                if self.source == "file":
                    raise

    def setup(self, stage: str | None = None) -> None:
        """Read or render all sprites that can be drawn; once."""
        if self._sprites is not None:
            return
        settings = planted_settings()
        self._numbers = setting_numbers(settings)
        path = None
        if self.source != "rendered":
            try:
                path = dsprites_file(self.root, download=False)
            except FileNotFoundError:
                if self.source == "file":
                    raise
        if path is not None:
            self._sprites = read_sprites(path, self._numbers)
            self._made = "published file"
            return
        factors = factors_at(settings)
        pieces = range(0, len(factors), _CHUNK)
        self._sprites = np.concatenate([render_rows(factors[i : i + _CHUNK]) for i in pieces])
        self._made = "re-rendered"
        rank_zero_info("dSprites: re-rendered from its geometry, not the published images")

    def moved_factors(self, y: Tensor, change: Tensor) -> Tensor:
        """Factors ``(B, 5)`` of sprites of factors y after a warp by ``change`` ``(B, 3, 3)``."""
        return factors_of(pose(y) @ change.to(torch.float64), y[:, 0]).to(y)

    def factor_bins(self) -> dict[str, dict[str, tuple[list[float], float | None]]]:
        """Edges and periods of the bins that factors are compared in, by shape and factor."""
        return {shape: histogram_bins(i) for i, shape in enumerate(SHAPES)}

    def make_split(self, name: str) -> SpriteDataset:
        """The draws of a split."""
        if self._sprites is None:
            raise RuntimeError("call setup() of the DSpritesDataModule first")
        return SpriteDataset(
            self._sprites, self._numbers, name, self.samples[name], self.split_seed
        )

    def train_dataloader(self) -> DataLoader[Any]:
        """Fresh draws in every epoch."""
        sampler = StreamSampler(self.samples["train"], self.world_size, self.rank)
        return self._loader(self.split("train"), train=True, sampler=sampler)

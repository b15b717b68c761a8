"""The artificial data of the STIB paper: a noisy spiral hidden in a square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri
from torch import Tensor
from torch.utils.data import DataLoader

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import BatchDataset, SymmetryDataModule
from symmetry_pl.datamodules.options import check_choice
from symmetry_pl.datamodules.samplers import StreamSampler
from symmetry_pl.datamodules.streams import STREAMS


def spiral(uniform: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    r"""Inputs and targets from five uniform numbers a sample.

    .. math:: x \sim U[-4, 4]^2, \quad t = 2 x_0 + x_1 + 0.1\,\varepsilon_0, \quad
        y = 0.55\, t\, (\cos t, \sin t) + 0.2\,(\varepsilon_1, \varepsilon_2)

    This is y = 0.05 (z_0 + 10 z)(cos z_0, sin z_0) of STIB, section 5.1, with the paper's two
    latent vectors z_0, z_1 being one vector t with one noise draw, as in its code.

    Args:
        uniform: ``(B, 5)`` in (0, 1).

    Returns:
        x ``(B, 2)`` and y ``(B, 2)``, dimensionless.
    """
    x = 8.0 * uniform[:, :2] - 4.0
    noise = ndtri(uniform[:, 2:])
    t = 2.0 * x[:, 0] + x[:, 1] + 0.1 * noise[:, 0]
    direction = np.stack([np.cos(t), np.sin(t)], axis=1)
    return x, 0.55 * t[:, None] * direction + 0.2 * noise[:, 1:]


class SpiralDataset(BatchDataset):
    """Endless samples by index; ``__getitems__`` makes a whole batch at once.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``: three independent streams.
        samples: nominal length (any index may be asked for).
        seed: seed of the data.
        dtype: of the tensors.
    """

    def __init__(
        self, split: str, samples: int, seed: int = 0, dtype: torch.dtype | None = None
    ) -> None:
        self.stream = STREAMS[split]
        self.samples = samples
        self.seed = seed
        self.dtype = dtype if dtype is not None else torch.get_default_dtype()

    def __len__(self) -> int:
        return self.samples

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The batch of these indices: x ``(B, 2)`` and y ``(B, 2)``."""
        x, y = spiral(counter_uniform(self.seed, self.stream, indices, 5))
        return torch.from_numpy(x).to(self.dtype), torch.from_numpy(y).to(self.dtype)


class SpiralDataModule(SymmetryDataModule):
    """An endless stream of fresh training samples, and fixed validation and test sets.

    Args:
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        samples_per_epoch: training samples that count as one epoch, over all processes.
        eval_samples: size of the validation set and of the test set (10,000 in the paper).
        dtype: ``"float32"`` or ``"float64"``.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for a size below 1 or an unknown dtype.
    """

    def __init__(
        self,
        batch_size: int = 60,
        eval_batch_size: int = 10_000,
        samples_per_epoch: int = 18_000,
        eval_samples: int = 10_000,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs)
        for name, value in (
            ("samples_per_epoch", samples_per_epoch),
            ("eval_samples", eval_samples),
        ):
            if value < 1:
                raise ValueError(f"data.{name} must be at least 1 (an empty split), got {value}")
        check_choice("dtype", dtype, ("float32", "float64"))
        self.samples_per_epoch = samples_per_epoch
        self.eval_samples = eval_samples
        self.dtype: torch.dtype = getattr(torch, dtype)

    @property
    def description(self) -> DataDescription:
        """Two real inputs, two dimensionless targets."""
        return DataDescription("vector", (2,), ("y0", "y1"))

    def colours(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The noise-free position t = 2 x0 + x1 along the spiral, as in the paper's figures.

        It cannot be read off y alone: the arms t and −t cross where cos t = 0.
        """
        return {"t = 2 x0 + x1": 2 * x[:, 0] + x[:, 1]}

    def make_split(self, name: str) -> SpiralDataset:
        """One of three independent streams."""
        samples = self.samples_per_epoch if name == "train" else self.eval_samples
        return SpiralDataset(name, samples, self.split_seed, self.dtype)

    def train_dataloader(self) -> DataLoader[Any]:
        """Fresh samples in every epoch."""
        sampler = StreamSampler(self.samples_per_epoch, self.world_size, self.rank)
        return self._loader(self.split("train"), train=True, sampler=sampler)

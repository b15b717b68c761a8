"""What datamodules of plain vectors share: splits held in memory, and their loaders."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri
from torch import Tensor

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import BatchDataset, SymmetryDataModule
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.waveforms import (
    TRANSFORMS,
    hidden_matrix,
    ideal_description,
)
from symmetry_pl.groups.domain import Topology

__all__ = [
    "DrawnDataModule",
    "VectorDataModule",
    "VectorDataset",
    "normal_noise",
]

_NOISE = 1 << 33  # added to a stream for its noise
_CHUNK = 4096  # draws at once: their temporaries stay in the cache


def normal_noise(
    seed: int, stream: int, rows: npt.NDArray[np.int64], dim: int
) -> npt.NDArray[np.float64]:
    """Standard normal numbers ``(B, dim)`` that depend on (seed, stream, row) alone.

    They are of other streams than the samples: the signals are the same at every level of noise.
    """
    normal: npt.NDArray[np.float64] = ndtri(counter_uniform(seed, _NOISE + stream, rows, dim))
    return normal


class VectorDataset(BatchDataset):
    """Rows of numbers; ``__getitems__`` makes a whole batch at once.

    Args:
        x: inputs ``(N, d)``.
        rows: row numbers in the source ``(N,)``; by default 0 … N − 1.
        y: targets ``(N, t)``; none by default.
    """

    def __init__(self, x: Tensor, rows: Tensor | None = None, y: Tensor | None = None) -> None:
        self.x = x
        self.y = x.new_empty(len(x), 0) if y is None else y
        self.rows = torch.arange(len(x)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.x)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs ``(B, d)``, targets ``(B, t)``, and row numbers ``(B,)``."""
        i = torch.as_tensor(indices, dtype=torch.int64)
        return self.x[i], self.y[i], self.rows[i]


class VectorDataModule(SymmetryDataModule):
    """Base of datamodules whose samples are vectors in memory.

    Batches are ``(x, y, row)``: inputs ``(B, d)``, targets ``(B, t)``, ``(B, 0)`` where there are
    none, and row numbers ``(B,)``. Splits are made when they are first asked for, and are the same
    on every process.

    Args:
        topology: whether the hidden line of pixels has ends (``chain``) or closes (``ring``).
        dtype: ``"float32"`` or ``"float64"``.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        kwargs: options of ``SymmetryDataModule``.
    """

    def __init__(
        self,
        topology: Topology = "chain",
        dtype: Literal["float32", "float64"] = "float32",
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs)
        check_choice("topology", topology, ("chain", "ring"))
        check_choice("dtype", dtype, ("float32", "float64"))
        self.topology = topology
        self.dtype: torch.dtype = getattr(torch, dtype)

    def training_inputs(self, limit: int | None = None) -> Tensor:
        """The training set itself, or the first of it, the same on every process.

        Args:
            limit: number of samples n; null for all. Training samples are in random order.

        Returns:
            ``(n, d)``, a view: not to be changed in place.
        """
        x: Tensor = self.split("train").x
        return x[:limit]


class DrawnDataModule(VectorDataModule):
    r"""Base of vectors drawn at random along a line of pixels that a matrix hides.

    .. math:: x = Q^\top (s + \nu\, \varepsilon), \quad \varepsilon \sim N(0, I)

    A subclass gives s, scaled; the rows of Q are the hidden basis. In place of Qᵀ a transform
    ``linear`` has any matrix. The training set is drawn once; validation and test sets are other
    streams.
    """

    def hide(
        self,
        dim: int,
        transform: str,
        transform_seed: int,
        samples: int,
        eval_samples: int,
        noise: float,
        condition: float = 2.0,
    ) -> None:
        """Set what all such data share; called once, by ``__init__`` of the subclass.

        Args:
            dim: number of pixels d, at least 3.
            transform: a key of ``TRANSFORMS``, or ``linear``.
            transform_seed: of a random basis or matrix.
            samples: size of the training set.
            eval_samples: size of the validation set and of the test set.
            noise: ν, in units of the standard deviation of s.
            condition: κ of ``linear``.
        """
        check_choice("transform", transform, (*TRANSFORMS, "linear"))
        check_at_least(3, dim=dim)
        check_at_least(1, samples=samples, eval_samples=eval_samples)
        check_at_least(0, noise=noise)
        check_at_least(1, condition=condition)
        self.transform = transform
        self.basis = hidden_matrix(transform, dim, transform_seed, condition)
        self.samples = {"train": samples, "val": eval_samples, "test": eval_samples}
        self.noise = noise

    @abstractmethod
    def raw(self, split: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Samples s of these numbers ``(B, d)``: each a function of (split_seed, split, number)."""

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``, with the true symmetry in ``extra``, for scoring only."""
        return ideal_description(self.transform, self.basis, self.topology)

    def make_split(self, name: str) -> VectorDataset:
        """Draw the set, piece by piece, so that the memory is that of the result."""
        count, dim = self.samples[name], len(self.basis)
        drawn = torch.empty(count, dim, dtype=self.dtype)
        for start in range(0, count, _CHUNK):
            # always whole pieces: the last bits of a matrix product depend on the number of rows
            rows = np.arange(start, start + _CHUNK)
            x = self.raw(name, rows)
            if self.noise:
                x = x + self.noise * normal_noise(self.split_seed, STREAMS[name], rows, dim)
            drawn[start : start + _CHUNK] = torch.from_numpy(x @ self.basis)[: count - start]
        return VectorDataset(drawn)

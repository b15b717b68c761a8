"""What datamodules of clouds share: sets held in memory, points that are missing, units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.base import BatchDataset

__all__ = ["CloudDataset", "fault_of", "normalised", "padded", "thinned"]

Array = npt.NDArray[np.float64]


class CloudDataset(BatchDataset):
    """Clouds ``(N, n, d)`` in memory, NaN where a point is missing.

    Args:
        x: clouds, float32 or float64.
        rows: row numbers in the source ``(N,)``; by default 0 … N − 1.
    """

    def __init__(self, x: Tensor, rows: Tensor | None = None) -> None:
        self.x = x
        self.rows = torch.arange(len(x)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.x)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Clouds ``(B, n, d)``, no targets ``(B, 0)``, and row numbers ``(B,)``."""
        i = torch.as_tensor(indices, dtype=torch.int64)
        return self.x[i], self.x.new_empty(len(i), 0), self.rows[i]


def fault_of(cloud: Array, least: int = 2) -> str | None:
    """Why a cloud ``(n, d)`` cannot be used, in a clause; None where it can.

    >>> fault_of(np.array([[0.0, np.nan], [1.0, 2.0], [2.0, 1.0]]))
    'has a point with some coordinates missing and others not'
    """
    missing = np.isnan(cloud)
    if np.isinf(cloud).any():
        return "has infinite coordinates"
    if (missing.any(1) != missing.all(1)).any():
        return "has a point with some coordinates missing and others not"
    there = cloud[~missing.any(1)]
    if len(there) < least:
        return f"has {len(there)} points, and {least} are needed at least"
    if not np.ptp(there, axis=0).any():
        return "has all its points in one place"
    return None


def normalised(cloud: Array, centre: bool, scale: bool) -> Array:
    """A cloud about its mean, and with a root mean square radius of 1, where asked for."""
    if centre:
        cloud = cloud - np.nanmean(cloud, axis=0)
    if scale:
        radius = np.sqrt(np.nanmean(np.square(cloud).sum(1)))
        cloud = cloud / (radius if radius > 0 else 1.0)
    return cloud


def thinned(cloud: Array, points: int, seed: int) -> Array:
    """``points`` of the points of a cloud at random, all of them where it has fewer."""
    if len(cloud) <= points:
        return cloud
    kept = np.random.default_rng(seed).choice(len(cloud), points, replace=False)
    return cloud[kept]


def padded(clouds: Sequence[Array], points: int | None = None) -> Array:
    """Clouds of different sizes as one array ``(N, n, d)``, NaN behind the last point of each.

    >>> padded([np.zeros((1, 2)), np.ones((2, 2))])[0].tolist()
    [[0.0, 0.0], [nan, nan]]
    """
    most = max(map(len, clouds)) if points is None else points
    whole = np.full((len(clouds), most, clouds[0].shape[1]), np.nan)
    for place, cloud in enumerate(clouds):
        whole[place, : len(cloud)] = cloud
    return whole

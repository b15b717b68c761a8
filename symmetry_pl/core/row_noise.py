"""Noise that is a function of the row it is for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from symmetry_pl.core.counter import counter_uniform

__all__ = ["row_normal"]

_STREAM = 0x7AB1E


def row_normal(x: Tensor) -> Tensor:
    """Standard normal numbers that depend on each row's own numbers alone, in single precision.

    Args:
        x: rows ``(B, d)``.

    Returns:
        ``(B, d)``; equal rows have equal numbers, whatever batch they are in.

    >>> noise = row_normal(torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]))
    >>> bool((noise[0] == noise[2]).all()), bool((noise[0] == noise[1]).any())
    (True, False)
    """
    # adding 0 makes −0 a 0, which is the same number with other bits
    bits = (x.detach() + 0.0).float().cpu().contiguous().numpy().view(np.uint32).astype(np.uint64)
    key = np.zeros(len(bits), np.uint64)
    for column in bits.T:
        key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    most = np.uint64((1 << 57) // max(1, x.shape[1]))  # that the counter takes
    drawn = counter_uniform(0, _STREAM, key % most, x.shape[1])
    normal: Tensor = torch.special.ndtri(torch.from_numpy(drawn)).to(x)
    return normal

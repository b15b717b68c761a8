"""Grey values as their bits: images of zeros and ones, one for each binary digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "bit_planes"]

Array = npt.NDArray[np.float64]

BITS = 8
"""Bits of a grey value."""


def bit_planes(images: Array, bits: int = BITS) -> Array:
    """The highest bits of grey values 0 … 1 in steps of 1/255.

    Args:
        images: ``(B, H, W)``.
        bits: how many, 1 to 8.

    Returns:
        ``(B, bits, H, W)`` of 0 and 1, the highest bit first.

    >>> bit_planes(np.array([[[0.0, 128 / 255, 1.0]]]), 2).tolist()
    [[[[0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0]]]]
    """
    grey = np.rint(255 * images).astype(np.int64)
    places = np.arange(BITS - 1, BITS - 1 - bits, -1)
    return np.asarray(grey[:, None] >> places[:, None, None] & 1, np.float64)

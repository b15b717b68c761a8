"""Random numbers that depend on where they are asked for, and on nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_UINT = np.uint64


def counter_uniform(
    seed: int, stream: int, index: npt.ArrayLike, columns: int
) -> npt.NDArray[np.float64]:
    """Uniform numbers in (0, 1) that depend on (seed, stream, index, column) alone.

    A counter-based generator (the finaliser of splitmix64 over a counter): sample i is the same
    whatever batch, worker or process asks for it, and a batch is made by a handful of array
    operations.

    Args:
        seed: seed of the data set.
        stream: which stream, e.g. training or test.
        index: sample numbers ``(B,)``, each below 2^57 / columns.
        columns: numbers a sample.

    Returns:
        ``(B, columns)``, multiples of 2^-53 shifted by half of that.

    >>> a = counter_uniform(0, 0, [0, 1, 2], 2)
    >>> bool((a[1:] == counter_uniform(0, 0, [1, 2], 2)).all())
    True
    """
    mask = 2**64 - 1
    key = _UINT((seed * 0x9E3779B97F4A7C15 + (stream + 1) * 0xD1B54A32D192ED03) & mask)
    counter = np.asarray(index, dtype=_UINT)[:, None] * _UINT(columns) + np.arange(
        columns, dtype=_UINT
    )
    z = counter * _UINT(0x9E3779B97F4A7C15) + key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> _UINT(shift))) * _UINT(factor)
    z ^= z >> _UINT(31)
    uniform: npt.NDArray[np.float64] = ((z >> _UINT(11)).astype(np.float64) + 0.5) * 2.0**-53
    return uniform

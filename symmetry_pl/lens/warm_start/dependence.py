"""How many neighbouring rows depend on each other: those of one series, or of one image."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["block_length"]

_DIRECTIONS = 8
_CERTAIN = 8.0  # squared standard errors at the first lags
_LEFT = 2.5  # below which a lag counts as none
_TIMES = 4  # a block is so many times as long as the dependence
_BLOCKS = 20  # at least


def block_length(x: Tensor, generator: torch.Generator) -> int:
    r"""Rows a block, so that blocks are nearly independent of each other; 1 if rows are.

    .. math:: r_l^2 = \max_f \frac1m \sum_j \mathrm{corr}^2(f_{j,i}, f_{j,i+l})

    for projections f_j of the rows on m random directions, or the squares of these, whose
    correlations decide how far second moments scatter. Where n r_1² … n r_3² are above chance,
    four times the first of three lags in a row at which n r_l² falls to chance.

    Args:
        x: rows in their order, ``(n, d)``.
        generator: draws the directions.

    >>> generator = torch.Generator().manual_seed(0)
    >>> series = torch.randn(5000, generator=generator)
    >>> block_length(torch.randn(2000, 5, generator=generator), generator)
    1
    >>> block_length(series.unfold(0, 10, 1), generator) >= 10  # windows that overlap
    True
    """
    n, d = x.shape
    most = n // (_TIMES * _BLOCKS)
    if most < 6:
        return 1
    x = x.double()
    x = (x - x.mean(0)) / x.std(0, correction=0)
    directions = torch.randn(d, _DIRECTIONS, dtype=x.dtype, generator=generator)
    along = x @ torch.nn.functional.normalize(directions, dim=0)
    features = torch.cat([along, along.square()], 1)
    features = features - features.mean(0)
    power = torch.fft.rfft(features, n=2 * n, dim=0).abs().square()
    sums = torch.fft.irfft(power, dim=0)[: most + 1]
    squares = n * (sums[1:] / sums[0]).square()
    above = squares.unflatten(1, (2, _DIRECTIONS)).mean(2).amax(1)
    if float(above[:3].mean()) < _CERTAIN:
        return 1
    below = (above.unfold(0, 3, 1).mean(1) < _LEFT).nonzero()
    first = int(below[0]) + 1 if len(below) else most
    return _TIMES * first

"""Second moments of four quarters of the samples, from which those of halves and whole follow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Moments"]

_QUARTERS = 4
_CHUNK = 4096
_LIVE = 0.002  # share of samples in which a pixel must differ from its usual value
_LEAST = 4  # samples of a quarter
_PROBE = 1001  # rows whose median is the usual value


class Moments:
    """Means and covariances of samples, quarter by quarter; one pass over the data.

    Sample i is in quarter i modulo 4. A pixel is *live* if it differs from its usual value (the
    median) in more than .2 % of the samples, and varies in every quarter; all else leaves it out.

    Args:
        x: samples, ``(n, d)``.

    Attributes:
        samples: n.
        dim: d, live pixels or not.
        live: indices of the live pixels, ``(m,)``.

    Raises:
        ValueError: if x is no matrix of finite numbers with at least 16 rows, or fewer than three
            pixels are live.
    """

    def __init__(self, x: Tensor) -> None:
        if x.ndim != 2 or not x.is_floating_point():
            raise ValueError(f"samples must be real vectors (n, d), got shape {tuple(x.shape)}")
        self.samples, self.dim = x.shape
        if self.samples < _QUARTERS * _LEAST:
            raise ValueError(
                f"a hidden domain needs at least {_QUARTERS * _LEAST} samples, got {self.samples}"
            )
        x = x.detach().cpu()
        self.live = _live(x)
        parts = [_sums(x[k::_QUARTERS], self.live) for k in range(_QUARTERS)]
        varies = torch.stack([second.diagonal() for _, _, second in parts]).amin(0) > 0
        self._parts = [
            (count, mean[varies], second[varies][:, varies]) for count, mean, second in parts
        ]
        self.live = self.live[varies]
        if len(self.live) < 3:
            raise ValueError(
                f"{len(self.live)} of {self.dim} pixels ever change, and a hidden domain needs at "
                "least 3"
            )

    def covariance(self, quarters: Sequence[int] = range(_QUARTERS)) -> Tensor:
        """Covariance of the live pixels over some quarters, ``(m, m)``, float64."""
        chosen = [self._parts[k] for k in quarters]
        count = sum(part[0] for part in chosen)
        mean = torch.stack([n * m for n, m, _ in chosen]).sum(0) / count
        total = torch.zeros_like(chosen[0][2])
        for n, m, second in chosen:
            total += second
            total.addr_(m - mean, m - mean, alpha=n)
        return total / count

    def correlation(self, quarters: Sequence[int] = range(_QUARTERS)) -> Tensor:
        """Correlation of the live pixels over some quarters, ``(m, m)``, float64."""
        return correlation_of(self.covariance(quarters))


def correlation_of(covariance: Tensor) -> Tensor:
    """Covariances in units of the standard deviations."""
    scale = covariance.diagonal().sqrt()
    return covariance / scale[:, None] / scale


def _live(x: Tensor) -> Tensor:
    """Indices of pixels that are not nearly always the same."""
    usual = x[:: max(1, len(x) // _PROBE)].median(0).values
    changes = torch.zeros(x.shape[1], dtype=torch.int64)
    for part in torch.split(x, _CHUNK):
        if not torch.isfinite(part).all():
            raise ValueError("samples have missing or infinite numbers")
        changes += (part != usual).sum(0)
    return (changes > _LIVE * len(x)).nonzero()[:, 0]


def _sums(x: Tensor, live: Tensor) -> tuple[int, Tensor, Tensor]:
    """Number, mean and centred sums of squares and products of some samples."""
    mean = torch.zeros(len(live), dtype=torch.float64)
    for part in torch.split(x, _CHUNK):
        mean += part[:, live].double().sum(0)
    mean /= len(x)
    second = torch.zeros(len(live), len(live), dtype=torch.float64)
    for part in torch.split(x, _CHUNK):
        centred = part[:, live].double() - mean
        second.addmm_(centred.T, centred)
    return len(x), mean, second

"""A positive control: the least leak, put into a code by hand, that the probe sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.information.probes import MIN_POINTS, probe
from symmetry_pl.metrics.dealt import DealtMetric

__all__ = ["LEAKS", "VisibleLeak"]

LEAKS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Shares of Z1 that are put into Z0, in deviations."""

UNSEEN = 1.6
"""What stands for a share that is larger than all of them."""


class VisibleLeak(DealtMetric):
    r"""The smallest t of `LEAKS` whose leak the held-out probe sees on these very rows.

    .. math:: \tilde z_0 = z_0 + t\, (z_1 \cdot b)\, a

    with z1 and z0 in deviations of each column, and a, b random unit vectors. The probe of Y from
    it sees the leak where its information, or its R², is above the 95 % quantile of the permutation
    null. Without it, a Z0 that is not above the null says nothing.

    `compute` returns a scalar: t, 1.6 where the probe sees none of them, NaN for too few rows.

    Args:
        seed: Of the directions and the probe.
        **kwargs: As of `torchmetrics.Metric`.

    Example:
        >>> y = torch.linspace(-2, 2, 400)[:, None]
        >>> z0 = torch.sin(997 * y)
        >>> leak = VisibleLeak()
        >>> leak.update(z0, y, y)
        >>> bool(leak.compute() <= 0.4)
        True
    """

    z0: list[Tensor]
    z1: list[Tensor]
    y: list[Tensor]

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        for name in ("z0", "z1", "y"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, z0: Tensor, z1: Tensor, y: Tensor) -> None:
        """Add a batch of codes `(B, d0)` and `(B, d1)` and targets `(B, m)`."""
        self._deal(len(z0))
        for rows, new in ((self.z0, z0), (self.z1, z1), (self.y, y)):
            rows.append(new.detach())

    def compute(self) -> Tensor:
        """Return the smallest t that is seen."""
        z0, z1, y = (p.double().cpu().numpy() for p in self._in_order(self.z0, self.z1, self.y))
        return torch.tensor(self._least(_in_deviations(z0), _in_deviations(z1), y))

    def _least(self, z0: Any, z1: Any, y: Any) -> float:
        if len(z0) < MIN_POINTS:
            return math.nan
        rng = np.random.default_rng(self.seed)
        a, b = (_unit(rng.normal(size=z.shape[1])) for z in (z0, z1))
        for t in LEAKS:
            found = probe(z0 + t * np.outer(z1 @ b, a), y, seed=self.seed)
            if found.mi > found.mi_null95 or found.r2 > max(0.0, found.r2_null95):
                return t
        return UNSEEN


def _in_deviations(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spread = z.std(0)
    scaled: npt.NDArray[np.float64] = (z - z.mean(0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def _unit(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = direction / np.linalg.norm(direction)
    return unit

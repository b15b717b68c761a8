"""Columns of integers, of few levels or of one value: a density needs noise within a step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_TIES = 0.5  # a lattice has at most so many different values a row
_LEVELS = 10_000  # and at most so many steps from end to end
_ROUND = 0.02  # steps are whole numbers to so much: single precision, scaled columns


class Lattice(nn.Module):
    r"""Uniform noise within the step of columns that lie on a lattice, and rounding back to it.

    .. math:: w_j = x_j + h_j (u_j - 1/2), \quad u_j \sim U(0, 1), \qquad
        x_j = a_j + h_j \,\mathrm{round}\bigl((w_j - a_j) / h_j\bigr)

    so that w has a density where x has none (Theis et al. 2016, *A note on the evaluation of
    generative models*, sec. 3.1), and x is got back exactly. A column without a lattice has h = 0
    and passes; one that is constant has h = 1, so that it becomes noise that tells nothing.

    Whoever needs codes that do not depend on chance makes u a function of the row itself
    (``core.row_noise``): equal rows then have equal codes, whatever batch they are in.

    Args:
        dim: columns of x ``(B, dim)``.
    """

    step: Tensor
    anchor: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("step", torch.zeros(dim))
        self.register_buffer("anchor", torch.zeros(dim))

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Find the lattice of each column of training rows ``(N, dim)``."""
        for j, column in enumerate(x.double().cpu().numpy().T):
            values = np.unique(column)
            self.anchor[j] = float(values[0])
            self.step[j] = _step(values, len(column))

    @property
    def on_lattice(self) -> Tensor:
        """Which columns have a step, ``(dim,)``."""
        found: Tensor = self.step > 0
        return found

    def spread(self, x: Tensor, normal: Tensor) -> Tensor:
        """Rows ``(B, dim)`` with noise: u is Φ of standard normal numbers ``(B, dim)``."""
        w: Tensor = x + self.step * (torch.special.ndtr(normal) - 0.5)
        return w

    def snap(self, w: Tensor) -> Tensor:
        """The rows that ``spread`` has made w ``(B, dim)`` of."""
        whole = self.on_lattice
        step = torch.where(whole, self.step, 1.0)
        return torch.where(whole, self.anchor + step * torch.round((w - self.anchor) / step), w)

    def extra_repr(self) -> str:
        """How many columns have a step, for ``print(module)``."""
        return f"{int(self.on_lattice.sum())} of {len(self.step)} columns on a lattice"


def _step(values: npt.NDArray[np.float64], rows: int) -> float:
    """The step of a lattice that holds sorted values; 0 where there is none, 1 for one value."""
    if len(values) == 1:
        return 1.0
    if len(values) > _TIES * rows:
        return 0.0
    gaps = np.diff(values)
    step = float(gaps.min())
    steps = gaps / step
    if steps.sum() > _LEVELS or np.abs(steps - np.round(steps)).max() > _ROUND:
        return 0.0
    return float((values[-1] - values[0]) / np.round(steps).sum())

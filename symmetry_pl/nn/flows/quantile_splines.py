"""A monotone map of each column that makes its distribution about normal."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_LEAST_GAP = 1e-4  # between knots, in deviations: below a column has a spike, not a density
_TAIL = 2.0  # a tail is at most so much steeper than its last bin


class QuantileSplines(nn.Module):
    r"""Monotone rational-quadratic splines through the quantiles of each column.

    .. math:: v_j = S_j(x_j), \qquad S_j(q_{jk}) = \Phi^{-1}\bigl((k + 1/2) / K\bigr)

    with q the K quantiles of training rows, slopes at the knots by the harmonic mean of both sides
    (Gregory & Delbourgo 1982, eq. 2.6 for the spline), and linear tails. Nothing of it is trained.
    With ``measure`` left out it is the identity.

    Args:
        dim: columns of x ``(B, dim)``.
        knots: K ≥ 2.

    >>> splines = QuantileSplines(1, 4)
    >>> splines.measure(torch.tensor([[0.0], [1.0], [10.0], [100.0], [1000.0]]))
    >>> x = torch.tensor([[5.0], [2000.0]])
    >>> v, log_slope = splines(x)
    >>> bool(torch.allclose(splines.inverse(v), x, rtol=1e-4))
    True
    """

    at: Tensor
    value: Tensor
    slope: Tensor

    def __init__(self, dim: int, knots: int) -> None:
        super().__init__()
        if knots < 2:
            raise ValueError(f"splines through quantiles need at least 2 knots, got {knots}")
        line = torch.linspace(-2.0, 2.0, knots)[:, None].expand(knots, dim)
        self.register_buffer("at", line.clone())
        self.register_buffer("value", line.clone())
        self.register_buffer("slope", torch.ones(knots, dim))

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Take the quantiles of training rows ``(N, dim)``."""
        rows, knots = len(x), len(self.at)
        ordered = x.double().sort(0)[0]
        share = (torch.arange(knots, dtype=torch.float64, device=x.device) + 0.5) / knots
        place = (share * rows - 0.5).clamp(0, rows - 1)
        below = place.floor().long()
        above = (below + 1).clamp(max=rows - 1)
        part = (place - below)[:, None]
        at = ordered[below] * (1 - part) + ordered[above] * part
        gap = _LEAST_GAP * ordered.std(0, unbiased=False) + 1e-9
        for k in range(1, knots):
            at[k] = torch.maximum(at[k], at[k - 1] + gap)
        value = torch.special.ndtri(share)[:, None].expand_as(at)
        secant = value.diff(dim=0) / at.diff(dim=0)
        slope = torch.empty_like(at)
        slope[1:-1] = 2 / (1 / secant[:-1] + 1 / secant[1:])
        end = torch.special.ndtri(share.new_tensor(1 - 0.5 / rows))
        for k, edge in ((0, ordered[0]), (-1, ordered[-1])):
            reach = (edge - at[k]).abs().clamp_min(10 * gap)
            tail = (end - value[k].abs()) / reach
            slope[k] = tail.clamp(secant[k] / 5, _TAIL * secant[k])
        self.at.copy_(at)
        self.value.copy_(value)
        self.slope.copy_(slope)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images ``(B, dim)`` of x ``(B, dim)``, and the sum of the log-slopes ``(B,)``."""
        inside = torch.minimum(torch.maximum(x, self.at[0]), self.at[-1])
        k = (inside >= self.at[1:-1, None]).sum(0)
        x0, y0, width, height, d0, d1 = self._bins(k)
        secant = height / width
        theta = (inside - x0) / width
        rest = 1 - theta
        bottom = secant + (d0 + d1 - 2 * secant) * theta * rest
        image = y0 + height * (secant * theta.square() + d0 * theta * rest) / bottom
        top = d1 * theta.square() + 2 * secant * theta * rest + d0 * rest.square()
        excess = x - inside
        tail = torch.where(excess > 0, self.slope[-1], self.slope[0])
        slope = torch.where(excess == 0, (secant / bottom).square() * top, tail)
        return image + excess * tail, slope.log().sum(1)

    def inverse(self, v: Tensor) -> Tensor:
        """The x ``(B, dim)`` of images v ``(B, dim)``."""
        inside = torch.minimum(torch.maximum(v, self.value[0]), self.value[-1])
        k = (inside >= self.value[1:-1, None]).sum(0)
        x0, y0, width, height, d0, d1 = self._bins(k)
        secant = height / width
        rise = inside - y0
        bend = d0 + d1 - 2 * secant
        a = height * (secant - d0) + rise * bend
        b = height * d0 - rise * bend
        c = secant * rise
        root = (b.square() + 4 * a * c).clamp_min(0).sqrt()
        theta = torch.where(b < 0, (root - b) / (2 * a), 2 * c / (root + b)).clamp(0, 1)
        excess = v - inside
        tail = torch.where(excess > 0, self.slope[-1], self.slope[0])
        return x0 + theta * width + excess / tail

    def _bins(self, k: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Left end, value there, width, height, and slopes of both ends, of bins k ``(B, dim)``."""
        x0, x1 = self.at.gather(0, k), self.at.gather(0, k + 1)
        y0, y1 = self.value.gather(0, k), self.value.gather(0, k + 1)
        return x0, y0, x1 - x0, y1 - y0, self.slope.gather(0, k), self.slope.gather(0, k + 1)


def knots_for(rows: int) -> int:
    """Knots that so many rows carry: one for 20 rows, 4 to 32.

    >>> knots_for(200), knots_for(10**6)
    (10, 32)
    """
    return max(4, min(32, math.floor(rows / 20)))

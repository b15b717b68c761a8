r"""Three scalar-input networks with one hidden layer: their outputs, slopes and gradients.

For one conditioning pixel j the input of a network is the number s = y_j, and

.. math:: o(s) = b_2 + \sum_h \mathrm{lrelu}(s W_{jh} + b_h) V_h

is piecewise linear in s with at most H break points, −b_h / W_jh. ``SlotTable`` sums intercepts
and slopes between them once, after which a sample costs a binary search and a row, not H products.
``DirectNetworks`` multiplies matrices, which pays for few samples a pixel. Both are exact.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["NEGATIVE_SLOPE", "DirectNetworks", "NetworkWeights", "Networks", "SlotTable"]

NEGATIVE_SLOPE = 0.2
"""Slope of the leaky ReLU for negative numbers."""


class NetworkWeights(NamedTuple):
    """Weights of three networks (leading axis), or gradients to them.

    Attributes:
        first: W, ``(3, d, H)``; row j for the conditioning pixel j.
        bias: b, ``(3, H)``.
        second: V, ``(3, H, C)``.
        offset: b₂, ``(3, C)``.
    """

    first: Tensor
    bias: Tensor
    second: Tensor
    offset: Tensor


class Networks(Protocol):
    """What both ways of evaluation offer, for conditioning pixels of their choice.

    Attributes:
        width: numbers that a sample needs room for, in each of a few temporaries.
    """

    width: int

    def outputs(self, s: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """o(s) and do/ds, ``(3, n, C)``, of inputs ``(n,)`` at conditioning pixels ``(n,)``."""
        ...

    def accumulate(self, s: Tensor, slots: Tensor, to_outputs: Tensor) -> None:
        """Take note of ∂L/∂o, ``(3, n, C)``, of such inputs."""
        ...

    def finish(self, gradients: NetworkWeights) -> None:
        """Add ∂L/∂weights of all that was noted."""
        ...


class DirectNetworks:
    """Matrix products, for any mix of conditioning pixels.

    Args:
        weights: of the three networks.
    """

    def __init__(self, weights: NetworkWeights) -> None:
        self.width = max(weights.second.shape[1:])
        self._weights = weights
        self._noted: NetworkWeights | None = None

    def _before_activation(self, s: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """W rows and s W + b, both ``(3, n, H)``."""
        first = self._weights.first.index_select(1, slots)
        return first, torch.addcmul(self._weights.bias[:, None], s[:, None], first)

    def outputs(self, s: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Networks``."""
        first, before = self._before_activation(s, slots)
        second = self._weights.second
        slope = torch.bmm(_sloped(first, before), second)
        hidden = torch.nn.functional.leaky_relu_(before, NEGATIVE_SLOPE)
        return torch.baddbmm(self._weights.offset[:, None], hidden, second), slope

    def accumulate(self, s: Tensor, slots: Tensor, to_outputs: Tensor) -> None:
        """See ``Networks``."""
        if self._noted is None:
            self._noted = NetworkWeights(*map(torch.zeros_like, self._weights))
        _, before = self._before_activation(s, slots)
        to_hidden = _sloped(torch.bmm(to_outputs, self._weights.second.mT), before)
        hidden = torch.nn.functional.leaky_relu_(before, NEGATIVE_SLOPE)
        self._noted.offset.add_(to_outputs.sum(1))
        self._noted.second.baddbmm_(hidden.mT, to_outputs)
        self._noted.bias.add_(to_hidden.sum(1))
        self._noted.first.index_add_(1, slots, to_hidden.mul_(s[:, None]))

    def finish(self, gradients: NetworkWeights) -> None:
        """See ``Networks``."""
        for total, part in zip(gradients, self._noted or (), strict=False):
            total += part
        self._noted = None


def _sloped(x: Tensor, before: Tensor) -> Tensor:
    """Multiply by the activation's slope at ``before``: one kernel, where ``where`` is several."""
    sloped: Tensor = torch.ops.aten.leaky_relu_backward(x, before, NEGATIVE_SLOPE, False)
    return sloped


class SlotTable:
    """Intercept and slope of every output between the break points of one conditioning pixel.

    Args:
        weights: of the three networks.
        slot: j, the conditioning pixel.
    """

    def __init__(self, weights: NetworkWeights, slot: int) -> None:
        hidden, self.width = weights.second.shape[1:]
        first = weights.first[:, slot]
        never = torch.full_like(first, torch.inf)  # a unit of no weight breaks nowhere
        breaks, order = torch.where(first == 0, never, -weights.bias / first).sort(-1)
        self._slot, self._breaks, self._order = slot, breaks, order
        self._begin = hidden * torch.arange(3, device=first.device)[:, None]
        # (3, 2, H): what a unit adds to intercept and slope, per unit of its outgoing weight
        self._gain = torch.stack([weights.bias, first], 1).gather(
            2, order[:, None].expand(3, 2, -1)
        )
        self._second = self._sorted(weights.second)
        bias, weight = self._gain.unbind(1)
        one = torch.ones_like(bias)
        self._before = torch.where(
            (weight < 0) | ((weight == 0) & (bias > 0)), one, NEGATIVE_SLOPE * one
        )
        self._jump = (1 - NEGATIVE_SLOPE) * weight.sign()
        table = self._second.new_empty(3, hidden + 1, 2, self.width)
        torch.bmm(self._gain * self._before[:, None], self._second, out=table[:, 0])
        table[:, 0, 0] += weights.offset
        steps = (self._gain * self._jump[:, None]).mT[..., None]
        torch.mul(steps, self._second[:, :, None], out=table[:, 1:])
        self._table = table.cumsum_(1)
        self._noted: Tensor | None = None

    def _sorted(self, second: Tensor) -> Tensor:
        rows = (self._order + self._begin).flatten()
        return second.flatten(0, 1).index_select(0, rows).view_as(second)

    def _rows(self, s: Tensor) -> Tensor:
        interval = torch.searchsorted(self._breaks, s.expand(3, -1).contiguous())
        return (interval + self._begin + torch.arange(3, device=s.device)[:, None]).flatten()

    def outputs(self, s: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Networks``; all slots must be the table's."""
        lines = self._table.flatten(0, 1).index_select(0, self._rows(s)).view(3, len(s), 2, -1)
        slope = lines[:, :, 1]
        return torch.addcmul(lines[:, :, 0], s[:, None], slope), slope

    def accumulate(self, s: Tensor, slots: Tensor, to_outputs: Tensor) -> None:
        """See ``Networks``; all slots must be the table's."""
        if self._noted is None:
            self._noted = torch.zeros_like(self._table)
        lines = torch.stack([to_outputs, to_outputs * s[:, None]], 2)
        self._noted.flatten(0, 1).index_add_(0, self._rows(s), lines.flatten(0, 1))

    def finish(self, gradients: NetworkWeights) -> None:
        """See ``Networks``."""
        if self._noted is None:
            return
        sums = self._noted.cumsum_(1)
        upto, total = sums[:, :-1], sums[:, -1:].clone()
        # Samples above a break point see the unit's slope after it, the others that before it.
        after, gain = self._before + self._jump, self._gain
        to_second = torch.bmm((gain * after[:, None]).mT, total[:, 0])
        to_gain = after[:, None] * torch.bmm(total[:, 0], self._second.mT)
        for k in range(2):
            change = self._jump * gain[:, k]
            to_second.addcmul_(change[..., None], upto[:, :, k], value=-1)
            to_gain[:, k] -= self._jump * (upto[:, :, k] * self._second).sum(2)
        rows = (self._order + self._begin).flatten()
        gradients.second.flatten(0, 1).index_add_(0, rows, to_second.flatten(0, 1))
        gradients.bias.scatter_add_(1, self._order, to_gain[:, 0])
        gradients.first[:, self._slot].scatter_add_(1, self._order, to_gain[:, 1])
        gradients.offset.add_(total[:, 0, 0])
        self._noted = None

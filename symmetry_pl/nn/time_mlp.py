"""A network of vectors and a time, as velocities of flows are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP

__all__ = ["TimeMLP"]

_LONGEST = 10_000.0  # ratio of the largest and the smallest frequency of the embedding


class TimeMLP(nn.Module):
    r"""v(x, t): an MLP on x beside as many numbers made of t.

    .. math:: e_k(t) = \sin(t\, 10^{-4 k / (w/2 - 1)}), \quad k = 0 \dots w/2 - 1

    and as many cosines go through one hidden layer of width w to the numbers of x (the network of
    LieFlow's code, with its initial weights).

    Args:
        inputs: columns of x ``(B, inputs)``.
        outputs: columns of v.
        width: units a hidden layer; even, and at least 4.
        depth: hidden layers.

    Raises:
        ValueError: for another width.

    >>> TimeMLP(6, 3, width=8)(torch.zeros(5, 6), torch.rand(5)).shape
    torch.Size([5, 3])
    """

    frequencies: Tensor

    def __init__(self, inputs: int, outputs: int, width: int = 128, depth: int = 4) -> None:
        super().__init__()
        if width < 4 or width % 2:
            raise ValueError(f"width must be even and at least 4, got {width}")
        steps = torch.arange(width // 2) / (width // 2 - 1)
        self.register_buffer("frequencies", torch.exp(-math.log(_LONGEST) * steps), False)
        self.embedding = MLP(width, inputs, width, 1, "relu")
        self.mlp = MLP(2 * inputs, outputs, width, depth, "relu")
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Velocities ``(B, outputs)`` of x ``(B, inputs)`` at times ``(B,)``."""
        phase = t[:, None] * self.frequencies
        told = self.embedding(torch.cat([phase.sin(), phase.cos()], 1))
        out: Tensor = self.mlp(torch.cat([x, told], 1))
        return out

"""The network of a coupling: kept coordinates, and a context if there is one, to parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP


class Conditioner(nn.Module):
    """Parameters of a coupling's map, zeros at the start, so that the coupling is the identity.

    Args:
        features: network of the hidden layers; its input is the kept coordinates, of an angle the
            sine and the cosine (after the numbers), and the context.
        head: linear layer from features to parameters; its weights and biases are set to zero.
        angles: columns of the kept coordinates that are angles, in half turns.
    """

    def __init__(self, features: nn.Module, head: nn.Linear, angles: Sequence[int] = ()) -> None:
        super().__init__()
        self.features, self.head, self.angles = features, head, list(angles)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)

    def forward(self, kept: Tensor, context: Tensor | None = None) -> Tensor:
        """Parameters ``(B, outputs)`` from ``(B, kept)`` and a context ``(B, k)`` or None."""
        seen = [kept]
        if self.angles:
            numbers = [i for i in range(kept.shape[1]) if i not in self.angles]
            phase = math.pi * kept[:, self.angles]
            seen = [kept[:, numbers], phase.sin(), phase.cos()]
        if context is not None:
            seen.append(context)
        joined = torch.cat(seen, 1) if len(seen) > 1 else kept
        parameters: Tensor = self.head(self.features(joined))
        return parameters


def spread_conditioner(
    kept: int,
    parameters: int,
    width: int | list[int],
    depth: int = 2,
    activation: str = "silu",
) -> Conditioner:
    """An MLP whose biases are spread out.

    With zero biases all units of a net of few inputs bend at the origin, and the likelihood
    converges more slowly; so weights and biases are those of PyTorch's default.

    Args:
        kept: kept coordinates.
        parameters: of the coupling's map.
        width: units a hidden layer, or one number a layer.
        depth: hidden layers, where ``width`` is one number.
        activation: see ``MLP``.
    """
    layers = list(MLP(kept, parameters, width, depth, activation))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    head = layers.pop()
    assert isinstance(head, nn.Linear)
    return Conditioner(nn.Sequential(*layers), head)

"""Multi-layer perceptrons."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from torch import nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.2),
    "tanh": nn.Tanh,
}


class MLP(nn.Sequential):
    """``depth`` hidden layers of equal width, then a linear output.

    It maps ``(…, inputs)`` to ``(…, outputs)``. Weights are Xavier-uniform and biases zero, as
    in the STIB paper's code.

    Args:
        inputs: size of the last axis of the input ``(…, inputs)``.
        outputs: size of the last axis of the output.
        width: units a hidden layer, or one number a layer.
        depth: hidden layers, where ``width`` is one number.
        activation: one of ``softplus silu gelu relu leaky_relu tanh``; the slope of the fifth is
            .2 below 0.
        bias: whether the layers have biases. A homogeneous activation (ReLU) without biases gives
            a homogeneous map; softplus does not, as softplus(0) = ln 2.

    Raises:
        ValueError: for an unknown activation or a size below 1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int | list[int] = 256,
        depth: int = 2,
        activation: str = "softplus",
        bias: bool = True,
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {activation!r}")
        hidden = list(width) if isinstance(width, (list, tuple)) else [width] * depth
        sizes = [inputs, *hidden, outputs]
        if min(sizes) < 1:
            raise ValueError(f"layer sizes must be positive, got {sizes}")
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(itertools.pairwise(sizes)):
            if i:
                layers.append(ACTIVATIONS[activation]())
            linear = nn.Linear(a, b, bias=bias)
            nn.init.xavier_uniform_(linear.weight)
            if bias:
                nn.init.zeros_(linear.bias)
            layers.append(linear)
        super().__init__(*layers)

"""The MLP block of the SGM paper: dense, GELU, layer norm, dropout."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


class FeatureMLP(nn.Sequential):
    """The hidden layers alone, ``(B, inputs)`` to ``(B, widths[-1])``.

    Each is a dense layer (LeCun-normal, zero bias), the tanh form of GELU, a layer norm and
    dropout: the defaults of the published code.

    Args:
        inputs: columns of the input.
        widths: units of each layer, at least one layer.
        dropout: share of units dropped after each layer, in training.

    Raises:
        ValueError: without layers, or for a share outside [0, 1).

    >>> sum(p.numel() for p in FeatureMLP(784, [2048, 1024, 512, 256]).parameters())
    4369664
    """

    def __init__(self, inputs: int, widths: Sequence[int], dropout: float = 0.0) -> None:
        if not widths or min(widths) < 1:
            raise ValueError(f"widths must be at least one positive number, got {list(widths)}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is a share in [0, 1), got {dropout}")
        layers: list[nn.Module] = []
        for a, b in zip([inputs, *widths[:-1]], widths, strict=True):
            linear = nn.Linear(a, b)
            nn.init.trunc_normal_(linear.weight, std=1.0, a=-2.0, b=2.0)
            linear.weight.data.mul_(_UNIT / a**0.5)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.GELU(approximate="tanh"), nn.LayerNorm(b, eps=1e-6)]
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers)


_UNIT = 1 / 0.87962566103423978
"""Makes a normal cut off at two standard deviations one of unit variance."""

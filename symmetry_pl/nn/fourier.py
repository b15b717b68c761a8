"""A predictor on trainable random Fourier features, for targets that wind quickly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP


class FourierPredictor(nn.Module):
    """y = MLP([sin W z, cos W z, z]) with W trained from W ~ N(0, scale²).

    A plain MLP learns low frequencies first and stops short of a spiral with several turns; the
    features bring the high ones (Rahimi & Recht 2007; Tancik et al. 2020, eq. 5).

    Args:
        inputs: columns of z ``(B, inputs)``.
        outputs: columns of y ``(B, outputs)``.
        features: rows of W; the MLP sees ``2 features + inputs`` numbers.
        scale: standard deviation of the initial frequencies, in radians per unit of z.
        width: units a hidden layer.
        depth: hidden layers.
        activation: see ``MLP``.

    Raises:
        ValueError: if ``features`` or ``scale`` is not positive.

    >>> FourierPredictor(1, 2, features=8)(torch.zeros(5, 1)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        features: int = 64,
        scale: float = 3.0,
        width: int | list[int] = 128,
        depth: int = 1,
        activation: str = "silu",
    ) -> None:
        super().__init__()
        if features < 1 or not scale > 0:
            raise ValueError(
                "a Fourier predictor needs at least 1 feature and a positive scale, "
                f"got features={features} and scale={scale}"
            )
        self.scale = scale
        self.frequencies = nn.Parameter(scale * torch.randn(features, inputs))
        self.mlp = MLP(2 * features + inputs, outputs, width, depth, activation)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()  # biases spread out: fits sooner than with zeros

    def forward(self, z: Tensor) -> Tensor:
        """Predictions ``(B, outputs)`` from z ``(B, inputs)``."""
        phase = z @ self.frequencies.T
        return self.mlp(torch.cat([phase.sin(), phase.cos(), z], 1))  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        features, inputs = self.frequencies.shape
        return f"inputs={inputs}, features={features}, initial scale={self.scale:g}"

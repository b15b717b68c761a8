"""A split code, and what a model makes of a batch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Code(NamedTuple):
    """A split code; ``y`` where a decoder is told it.

    Attributes:
        z0: what should know nothing of Y, ``(B, d0)``.
        z1: what should know all of it, ``(B, d1)``; ``None`` for a method without.
        y: targets ``(B, t)``, standardised; ``None`` where the decoder is told none.
    """

    z0: Tensor
    z1: Tensor | None = None
    y: Tensor | None = None


class Evaluation(NamedTuple):
    """What a model makes of a batch, at the posterior mean and without noise (z := μ).

    Attributes:
        code: the code.
        x_hat: reconstruction, of the shape of x.
        y_hat: predicted target ``(B, t)`` in standardised units; ``None`` where a model has none.
        x_search: like ``x_hat``, but searched for; ``None`` where nothing was.
        nll: −log p(x | z1) in nats ``(B,)``, of a method that has this likelihood.
    """

    code: Code
    x_hat: Tensor
    y_hat: Tensor | None
    x_search: Tensor | None = None
    nll: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """What there is, by name: ``x_hat``, ``y_hat``, ``z0``, ``z1`` and ``x_search``."""
        found = {
            "x_hat": self.x_hat,
            "y_hat": self.y_hat,
            "z0": self.code.z0,
            "z1": self.code.z1,
            "x_search": self.x_search,
        }
        return {name: value for name, value in found.items() if value is not None}

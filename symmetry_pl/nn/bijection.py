"""The proxy bijection of STIB: two networks that are trained to undo each other."""

from __future__ import annotations

from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP


class Bijection(nn.Module):
    """h: Y → Ỹ and h⁻¹: Ỹ → Y, two networks tied by ‖h⁻¹(h(y)) − y‖² (STIB, Fig. 3).

    The penalty is what makes h invertible on the data; without it h could throw information
    about Y away, and the mutual information with Ỹ would no longer bound that with Y.

    Args:
        dim: columns of y ``(B, dim)``.
        proxy_dim: columns of Ỹ; the paper uses ``dim``.
        width: units a hidden layer.
        depth: hidden layers.
        activation: see ``MLP``.
    """

    def __init__(
        self,
        dim: int,
        proxy_dim: int,
        width: int | list[int] = 256,
        depth: int = 2,
        activation: str = "softplus",
    ) -> None:
        super().__init__()
        self.h = MLP(dim, proxy_dim, width, depth, activation)
        self.h_inverse = MLP(proxy_dim, dim, width, depth, activation)

    def forward(self, y: Tensor) -> Tensor:
        """ỹ = h(y), ``(B, dim)`` to ``(B, proxy_dim)``."""
        proxy: Tensor = self.h(y)
        return proxy

    def penalty(self, y: Tensor, proxy: Tensor) -> Tensor:
        """Mean over the batch of ‖h⁻¹(ỹ) − y‖², a scalar."""
        error: Tensor = self.h_inverse(proxy) - y
        return error.square().sum(1).mean()

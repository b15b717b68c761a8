"""Coupling layers: some coordinates move by an invertible map that the others choose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_pl.nn.flows.rational_quadratic import MIN_BIN, rational_quadratic
from symmetry_pl.nn.mlp import MLP

MAX_LOG_SCALE = 2.0
"""Bound of an affine coupling's log-scale; without one, a single outlier can overflow exp."""


class Coupling(nn.Module):
    """y_kept = x_kept, y_moved = f(x_moved; c(x_kept)), with a triangular Jacobian.

    f acts on each moved coordinate alone: ``"affine"`` is y = x eˢ + t with
    s = 2 tanh(s̃/2) (Dinh et al. 2017, Real NVP, eq. 7), ``"spline"`` the monotone
    rational-quadratic spline of Durkan et al. 2019, which can also move mass around inside
    [−tail_bound, tail_bound]. The last layer of the conditioner c starts at zero, so the layer
    starts as the identity.

    Args:
        moved: indices of the coordinates that move.
        kept: indices of those that choose the map; together they are a permutation of 0 … D−1.
        kind: ``"spline"`` or ``"affine"``.
        bins: bins of a spline.
        tail_bound: the spline is the identity beyond.
        width: units a hidden layer of the conditioner.
        depth: hidden layers of the conditioner.
        activation: see ``MLP``.

    Raises:
        ValueError: for an unknown kind, or a spline without bins or length.
    """

    moved: Tensor
    kept: Tensor
    restore: Tensor

    def __init__(
        self,
        moved: list[int],
        kept: list[int],
        kind: str = "spline",
        bins: int = 16,
        tail_bound: float = 4.0,
        width: int | list[int] = 64,
        depth: int = 2,
        activation: str = "silu",
    ) -> None:
        super().__init__()
        if kind not in ("spline", "affine"):
            raise ValueError(f"coupling must be 'spline' or 'affine', got {kind!r}")
        if kind == "spline" and not (2 <= bins < 1 / MIN_BIN and tail_bound > 0):
            raise ValueError(
                "a spline coupling needs 2 to 999 bins and a positive tail_bound, "
                f"got bins={bins} and tail_bound={tail_bound}"
            )
        self.kind, self.bins, self.tail_bound = kind, bins, float(tail_bound)
        self.register_buffer("moved", torch.tensor(moved))
        self.register_buffer("kept", torch.tensor(kept))
        # Stored, not derived: a checkpoint restores all three, and with them the whole map.
        self.register_buffer("restore", torch.tensor([*moved, *kept]).argsort())
        self.each = 3 * bins - 1 if kind == "spline" else 2
        self.conditioner = MLP(len(kept), len(moved) * self.each, width, depth, activation)
        # A net of few inputs needs the spread-out biases of PyTorch's default: with zero biases all
        # its units bend at the origin, and the likelihood converges more slowly.
        linears = [layer for layer in self.conditioner if isinstance(layer, nn.Linear)]
        for linear in linears:
            linear.reset_parameters()
        nn.init.zeros_(linears[-1].weight)
        nn.init.zeros_(linears[-1].bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x ``(B, D)`` to y ``(B, D)`` and log|det ∂y/∂x| ``(B,)``."""
        return self._apply_map(x, inverse=False)

    def inverse(self, y: Tensor) -> Tensor:
        """Map y ``(B, D)`` to the x of ``forward(x)[0] == y``."""
        return self._apply_map(y, inverse=True)[0]

    def _apply_map(self, x: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        kept, moved = x[:, self.kept], x[:, self.moved]
        params = self.conditioner(kept).T.unflatten(0, (-1, self.each)).transpose(0, 1)
        if self.kind == "spline":
            image, log_slope = rational_quadratic(
                moved.T, params.contiguous(), self.tail_bound, inverse
            )
            moved = image.T
        else:
            log_slope = MAX_LOG_SCALE * torch.tanh(params[0] / MAX_LOG_SCALE)
            scale, shift = log_slope.exp().T, params[1].T
            moved = (moved - shift) / scale if inverse else moved * scale + shift
        return torch.cat([moved, kept], 1)[:, self.restore], log_slope.sum(0)

    def extra_repr(self) -> str:
        """What moves, for ``print(module)``."""
        spline = f", bins={self.bins}, tail_bound={self.tail_bound:g}"
        return (
            f"{self.kind}: moves {len(self.moved)} of {len(self.restore)}"
            f"{spline if self.kind == 'spline' else ''}"
        )

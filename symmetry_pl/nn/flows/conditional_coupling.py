"""A coupling of nflows that a context conditions, on coordinates that may be angles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from nflows.transforms.coupling import CouplingTransform
from torch import Tensor, nn

from symmetry_pl.nn.feature_mlp import FeatureMLP
from symmetry_pl.nn.flows.rational_quadratic import rational_quadratic


def wrap(u: Tensor) -> Tensor:
    """Angles in half turns, brought to [−1, 1).

    >>> wrap(torch.tensor([0.25, 1.0, -1.5]))
    tensor([ 0.2500, -1.0000,  0.5000])
    """
    return u - 2 * torch.floor((u + 1) / 2)


class Conditioner(nn.Module):
    """Kept coordinates and context to spline parameters, zeros at the start.

    Args:
        angles: columns of the kept coordinates that are angles in half turns; the network sees
            their sine and cosine.
        kept: number of kept coordinates.
        context: columns of the context.
        outputs: parameters.
        hidden: units of the hidden layers, at least one layer.
        dropout: share of units dropped, in training.
    """

    def __init__(
        self,
        angles: Sequence[int],
        kept: int,
        context: int,
        outputs: int,
        hidden: Sequence[int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.angles = list(angles)
        self.numbers = [i for i in range(kept) if i not in self.angles]
        self.features = FeatureMLP(kept + len(self.angles) + context, hidden, dropout)
        self.head = nn.Linear(hidden[-1], outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, kept: Tensor, context: Tensor) -> Tensor:
        """Parameters ``(B, outputs)`` from ``(B, kept)`` and ``(B, context)``."""
        seen = [kept, context]
        if self.angles:
            phase = math.pi * kept[:, self.angles]
            seen = [kept[:, self.numbers], phase.sin(), phase.cos(), context]
        parameters: Tensor = self.head(self.features(torch.cat(seen, 1)))
        return parameters


class ConditionalCoupling(CouplingTransform):  # type: ignore[misc]
    """Splines on every moved coordinate, chosen by the kept coordinates and a context.

    What it adds to the couplings of nflows: a start at the identity, dropout, slopes of the tails
    that are learned, angles, and an inverse without the assertion that a discriminant is
    positive, which rounding can make fail in the midst of sampling.

    A coordinate on a line takes the spline of ``rational_quadratic``; an angle, in half turns, is
    turned by a learned amount and then takes a circular spline, so that its seam can be anywhere.

    Args:
        moved: whether each coordinate moves.
        circular: whether each coordinate is an angle, in half turns.
        context: columns of the context.
        bins: of a spline.
        bound: of splines on lines.
        edge_slopes: whether the slopes of the tails are learned, or 1.
        hidden: units of the conditioner's hidden layers.
        dropout: of the conditioner.
    """

    def __init__(
        self,
        moved: Sequence[bool],
        circular: Sequence[bool],
        context: int,
        bins: int,
        bound: float,
        edge_slopes: bool,
        hidden: Sequence[int],
        dropout: float,
    ) -> None:
        moving = [angle for angle, moves in zip(circular, moved, strict=True) if moves]
        kept = [angle for angle, moves in zip(circular, moved, strict=True) if not moves]
        lines, angles = moving.count(False), moving.count(True)
        each = 3 * bins + 1 if edge_slopes else 3 * bins - 1
        outputs = lines * each + angles * (3 * bins + 1)
        seen = [i for i, angle in enumerate(kept) if angle]

        def conditioner(count: int, _: int) -> Conditioner:
            return Conditioner(seen, count, context, outputs, hidden, dropout)

        super().__init__([int(moves) for moves in moved], conditioner)
        self.bound = bound
        self.sizes = [lines * each, angles, angles * 3 * bins]
        self.lines = [i for i, angle in enumerate(moving) if not angle]
        self.angles = [i for i, angle in enumerate(moving) if angle]
        self.order = [*self.lines, *self.angles]

    def _transform_dim_multiplier(self) -> int:
        return 0  # the conditioner knows: lines and angles take different numbers of parameters

    def _coupling_transform_forward(
        self, inputs: Tensor, transform_params: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self._apply_splines(inputs, transform_params, inverse=False)

    def _coupling_transform_inverse(
        self, inputs: Tensor, transform_params: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self._apply_splines(inputs, transform_params, inverse=True)

    def _apply_splines(
        self, inputs: Tensor, params: Tensor, inverse: bool
    ) -> tuple[Tensor, Tensor]:
        """Map ``(B, moved)``; the log-determinant is ``(B,)``."""
        x = inputs.T
        splines, turns, circles = torch.split(params.T, self.sizes)
        images, log_slopes = [], []
        if self.lines:
            image, log_slope = rational_quadratic(
                x[self.lines], _bins_first(splines, len(self.lines)), self.bound, inverse
            )
            images.append(image)
            log_slopes.append(log_slope)
        if self.angles:
            angle = x[self.angles] if inverse else wrap(x[self.angles] + turns)
            image, log_slope = rational_quadratic(
                angle, _bins_first(circles, len(self.angles)), 1.0, inverse
            )
            images.append(wrap(image - turns) if inverse else image)
            log_slopes.append(log_slope)
        moved = torch.empty_like(x)
        moved[self.order] = torch.cat(images)
        return moved.T, torch.cat(log_slopes).sum(0)


def _bins_first(params: Tensor, coordinates: int) -> Tensor:
    return params.reshape(-1, coordinates, params.shape[1]).contiguous()

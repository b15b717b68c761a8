"""Invertible maps of single coordinates, whose parameters a conditioner gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from symmetry_pl.nn.flows.rational_quadratic import rational_quadratic

MAX_LOG_SCALE = 2.0
"""Bound of an affine map's log-scale; without one, a single outlier can overflow exp."""


class Elementwise(Protocol):
    """Invertible maps of n coordinates, one for each; all parameters zero give the identity."""

    parameters: int
    """Numbers a row that they take, of all coordinates together."""

    def __call__(self, x: Tensor, params: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """Images ``(B, n)`` of x ``(B, n)``, and the sum of their log-slopes ``(B,)``.

        Args:
            x: coordinates; images, if ``inverse``.
            params: ``(B, parameters)``.
            inverse: map images to coordinates instead; log-slopes are then of the inverse.
        """


class Affine:
    """y = x eˢ + t with s = 2 tanh(s̃/2), so that |s| < 2 (Dinh et al. 2017, Real NVP, eq. 7).

    Args:
        coordinates: n.

    >>> Affine(1)(torch.tensor([[3.0]]), torch.tensor([[0.0, 1.0]]), inverse=False)
    (tensor([[4.]]), tensor([0.]))
    """

    def __init__(self, coordinates: int) -> None:
        self.parameters = 2 * coordinates

    def __call__(self, x: Tensor, params: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """Images ``(B, n)`` and the sum of the log-slopes ``(B,)``, see ``Elementwise``."""
        raw, shift = params.chunk(2, 1)
        log_scale = MAX_LOG_SCALE * torch.tanh(raw / MAX_LOG_SCALE)
        if inverse:
            return (x - shift) / log_scale.exp(), -log_scale.sum(1)
        return x * log_scale.exp() + shift, log_scale.sum(1)

    def __repr__(self) -> str:
        return "affine maps"


class Splines:
    """Monotone rational-quadratic splines of coordinates on lines and of angles.

    A coordinate on a line takes the spline of ``rational_quadratic``; an angle, in half turns, is
    turned by a learned amount and then takes a circular spline, so that its seam can be anywhere.

    Args:
        circular: whether each of the n coordinates is an angle, in half turns.
        bins: of a spline.
        bound: of splines on lines.
        edge_slopes: whether the slopes of the tails are learned, or 1.

    >>> splines = Splines([False, True], bins=4, bound=3.0)
    >>> splines(torch.tensor([[2.0, 0.5]]), torch.zeros(1, splines.parameters), inverse=False)[0]
    tensor([[2.0000, 0.5000]])
    """

    def __init__(
        self, circular: Sequence[bool], bins: int, bound: float, edge_slopes: bool = False
    ) -> None:
        self.bins, self.bound = bins, float(bound)
        self.lines = [i for i, angle in enumerate(circular) if not angle]
        self.angles = [i for i, angle in enumerate(circular) if angle]
        each = 3 * bins + 1 if edge_slopes else 3 * bins - 1
        self.sizes = [len(self.lines) * each, len(self.angles), len(self.angles) * 3 * bins]
        self.parameters = sum(self.sizes)

    def __call__(self, x: Tensor, params: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """Images ``(B, n)`` and the sum of the log-slopes ``(B,)``, see ``Elementwise``."""
        columns = x.T
        on_lines, turns, on_circles = torch.split(params.T, self.sizes)
        if not self.angles:
            image, log_slope = self._along(columns, on_lines, inverse)
        elif not self.lines:
            image, log_slope = self._around(columns, turns, on_circles, inverse)
        else:
            images, log_slopes = zip(
                self._along(columns[self.lines], on_lines, inverse),
                self._around(columns[self.angles], turns, on_circles, inverse),
                strict=True,
            )
            image = torch.empty_like(columns)
            image[[*self.lines, *self.angles]] = torch.cat(images)
            log_slope = torch.cat(log_slopes)
        return image.T, log_slope.sum(0)

    def _along(self, x: Tensor, params: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        return rational_quadratic(x, _bins_first(params, len(x)), self.bound, inverse)

    def _around(
        self, angle: Tensor, turns: Tensor, params: Tensor, inverse: bool
    ) -> tuple[Tensor, Tensor]:
        start = angle if inverse else wrap(angle + turns)
        image, log_slope = rational_quadratic(start, _bins_first(params, len(angle)), 1.0, inverse)
        return wrap(image - turns) if inverse else image, log_slope

    def __repr__(self) -> str:
        return f"splines of {self.bins} bins within ±{self.bound:g}"


def wrap(u: Tensor) -> Tensor:
    """Angles in half turns, brought to [−1, 1).

    >>> wrap(torch.tensor([0.25, 1.0, -1.5]))
    tensor([ 0.2500, -1.0000,  0.5000])
    """
    return u - 2 * torch.floor((u + 1) / 2)


def _bins_first(params: Tensor, coordinates: int) -> Tensor:
    """Parameters ``(p n, B)`` as ``(p, n, B)``."""
    return params.reshape(-1, coordinates, params.shape[1]).contiguous()

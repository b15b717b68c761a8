"""The affine group of the plane acting on images: shift, rotate, scale and shear by one warp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from symmetry_pl.groups.affine_charts import (
    AffineChart,
    ExponentialChart,
    PolarChart,
    RigidChart,
)
from symmetry_pl.groups.base import ImageGroup
from symmetry_pl.groups.matrices import affine_inverse, multiply
from symmetry_pl.groups.warp import Interpolation, border, warp

__all__ = ["AffineGroup"]

Chart = Literal["exponential", "polar", "rigid"]
Fill = Literal["black", "border"]


class AffineGroup(ImageGroup):
    r"""Affine transformations of the plane, as matrices ``(3, 3)`` from output to input positions.

    Coordinates are (x-shift, y-shift, rotation, x-scale, y-scale[, shear]): shifts in half widths
    and half heights of the image (0.25 of 28 pixels is 3.4 pixels), rotation in radians, scales
    and shear as logarithms. Because matrices take output to input positions, a positive shift
    moves the picture left or up, a positive rotation turns it counter-clockwise on the screen, and
    a scale of s shrinks it by exp(−s).

    * chart ``"exponential"`` (SGM, appendix C.1): A = exp(Σ η_i G_i); five parameters as in the
      paper, or six with the shear. Coordinates exist where the principal logarithm does.
    * chart ``"polar"``, six parameters: A p = R(θ) exp(S) (p + t); coordinates exist for
      every matrix of positive determinant, θ in (−π, π].
    * chart ``"rigid"``, the first three parameters: A p = R(θ) (p + t), shifts and turns alone.

    Five parameters are not closed under composition, [rotation, x-scale] being the shear: their
    composed elements are affine matrices that five coordinates cannot name, and nothing can be
    exactly invariant to "all five" without being invariant to all six. The six are a group.

    Args:
        bounds: half widths of the random augmentations, 5 or 6 numbers; 3 of the rigid chart.
        chart: ``"exponential"``, ``"polar"`` or ``"rigid"``.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        fill: what comes in from outside of the frame: ``"border"``, the median of the image's
            outermost pixels, which is black where most of them are; or always ``"black"``.

    Raises:
        ValueError: for a wrong number of bounds, a negative one, or none that is positive; for an
            unknown chart, interpolation or fill.

    >>> group = AffineGroup([0.25, 0.25, torch.pi, 0.25, 0.25])
    >>> group.element(torch.tensor([0.5, 0.0, 0.0, 0.0, 0.0]))
    tensor([[1.0000, 0.0000, 0.5000],
            [0.0000, 1.0000, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    """

    def __init__(
        self,
        bounds: Sequence[float],
        chart: Chart = "exponential",
        interpolation: Interpolation = "bicubic",
        fill: Fill = "border",
    ) -> None:
        for what, value, known in (
            ("chart", chart, get_args(Chart)),
            ("interpolation", interpolation, get_args(Interpolation)),
            ("fill", fill, get_args(Fill)),
        ):
            if value not in known:
                raise ValueError(f"{what} must be one of {list(known)}, got {value!r}")
        self.chart: AffineChart = _chart(chart, len(bounds))
        super().__init__(
            self.chart.names, self.chart.units, bounds, (3, 3), periods=self.chart.periods
        )
        self.interpolation: Interpolation = interpolation
        self.fill: Fill = fill

    def element(self, eta: Tensor) -> Tensor:
        """The matrix at η: ``(…, d)`` to ``(…, 3, 3)``."""
        return self.chart.element(eta)

    def coordinates(self, element: Tensor) -> Tensor:
        """η of a matrix: ``(…, 3, 3)`` to ``(…, d)``.

        Raises:
            ValueError: where the chart has no coordinates for an element.
        """
        return self.chart.coordinates(element)

    def identity(
        self,
        count: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """``(count, 3, 3)`` unit matrices."""
        return torch.eye(3, dtype=dtype, device=device).repeat(count, 1, 1)

    def compose(self, first: Tensor, then: Tensor) -> Tensor:
        """A_first A_then: going from output to input, positions meet ``then`` before ``first``."""
        return multiply(first, then)

    def inverse(self, element: Tensor) -> Tensor:
        """A⁻¹."""
        return affine_inverse(element)

    def apply(self, element: Tensor, x: Tensor) -> Tensor:
        """Warp image b of ``(B, C, H, W)`` by matrix b: one interpolation."""
        return warp(x, element, self.interpolation, border(x) if self.fill == "border" else None)

    def check_images(self, shape: tuple[int, int, int]) -> None:
        """Raise ValueError if images are not ``(C, H, W)``, or only one pixel high or wide."""
        super().check_images(shape)
        if min(shape[1:]) < 2:
            raise ValueError(f"an affine group needs images of at least 2 × 2 pixels, got {shape}")


def _chart(name: Chart, count: int) -> AffineChart:
    if name == "rigid":
        if count != 3:
            raise ValueError(
                'chart "rigid" needs 3 bounds (x-shift, y-shift, rotation), got ' + str(count)
            )
        return RigidChart()
    if count not in (5, 6):
        raise ValueError(
            "bounds of AffineGroup must be 5 or 6 numbers (x-shift, y-shift, rotation, x-scale, "
            f"y-scale[, shear]), got {count}"
        )
    if name == "exponential":
        return ExponentialChart(count)
    if count == 5:
        raise ValueError(
            'chart "polar" needs 6 bounds, got 5: add one for the shear, 0 to draw none'
        )
    return PolarChart()

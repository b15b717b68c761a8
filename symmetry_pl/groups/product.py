"""Two groups that act one after the other, such as colour and then position."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from symmetry_pl.groups.affine import AffineGroup, Chart
from symmetry_pl.groups.base import ImageGroup
from symmetry_pl.groups.color import ColorGroup
from symmetry_pl.groups.warp import Interpolation

__all__ = ["AffineColorGroup", "ProductGroup"]


class ProductGroup(ImageGroup):
    """The direct product of two groups whose actions commute, ``first`` applied first.

    Coordinates are those of the first, then those of the second; an element is the entries of
    both, flat: ``(3 + 9,)`` for colour and affine. Each part composes and inverts by itself, which
    is the composition of the actions because they commute (colour and position do, up to what
    interpolation and clipping change).

    Args:
        first: acts first; colours before positions interpolate once, the last.
        second: acts after it.
    """

    def __init__(self, first: ImageGroup, second: ImageGroup) -> None:
        self.first, self.second = first, second
        self.exact_composition = first.exact_composition and second.exact_composition
        super().__init__(
            first.names + second.names,
            first.units + second.units,
            first.bounds + second.bounds,
            (prod(first.element_shape) + prod(second.element_shape),),
            first.offset + second.offset,
            first.periods + second.periods,
        )

    def split(self, element: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of a flat element, each in the shape of its group."""
        lead, size = element.shape[:-1], prod(self.first.element_shape)
        return (
            element[..., :size].reshape(*lead, *self.first.element_shape),
            element[..., size:].reshape(*lead, *self.second.element_shape),
        )

    def join(self, first: Tensor, second: Tensor) -> Tensor:
        """The flat element of two parts."""
        return torch.cat(
            [
                first.flatten(-len(self.first.element_shape)),
                second.flatten(-len(self.second.element_shape)),
            ],
            -1,
        )

    def element(self, eta: Tensor) -> Tensor:
        """Both parts' elements: ``(…, d₁ + d₂)`` to a flat element."""
        first = self.first.element(eta[..., : self.first.dim])
        return self.join(first, self.second.element(eta[..., self.first.dim :]))

    def coordinates(self, element: Tensor) -> Tensor:
        """Both parts' coordinates.

        Raises:
            ValueError: where a part has no coordinates for its element.
        """
        first, second = self.split(element)
        return torch.cat([self.first.coordinates(first), self.second.coordinates(second)], -1)

    def identity(
        self,
        count: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """``count`` flat identities."""
        first = self.first.identity(count, dtype=dtype, device=device)
        return self.join(first, self.second.identity(count, dtype=dtype, device=device))

    def compose(self, first: Tensor, then: Tensor) -> Tensor:
        """Compose part by part."""
        (a, b), (c, d) = self.split(first), self.split(then)
        return self.join(self.first.compose(a, c), self.second.compose(b, d))

    def inverse(self, element: Tensor) -> Tensor:
        """Invert part by part."""
        first, second = self.split(element)
        return self.join(self.first.inverse(first), self.second.inverse(second))

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The larger of the parts' distances, ``(…,)``."""
        (a, b), (c, d) = self.split(element), self.split(other)
        return torch.maximum(self.first.distance(a, c), self.second.distance(b, d))

    def apply(self, element: Tensor, x: Tensor) -> Tensor:
        """Apply the first part, then the second."""
        first, second = self.split(element)
        return self.second.apply(second, self.first.apply(first, x))

    def check_images(self, shape: tuple[int, int, int]) -> None:
        """Raise ValueError if either group cannot act on images ``(C, H, W)``."""
        self.first.check_images(shape)
        self.second.check_images(shape)


class AffineColorGroup(ProductGroup):
    """Colour, then position: 8 or 9 parameters, first hue, saturation and value.

    Args:
        affine_bounds: of ``AffineGroup``, 5 or 6 numbers.
        color_bounds: of ``ColorGroup``.
        color_offset: of ``ColorGroup``.
        chart: of ``AffineGroup``.
        interpolation: of ``AffineGroup``.
    """

    def __init__(
        self,
        affine_bounds: Sequence[float],
        color_bounds: Sequence[float] = (0.5, 2.301, 0.51),
        color_offset: Sequence[float] = (0.5, 0.0, 0.0),
        chart: Chart = "exponential",
        interpolation: Interpolation = "bicubic",
    ) -> None:
        super().__init__(
            ColorGroup(color_bounds, color_offset),
            AffineGroup(affine_bounds, chart, interpolation),
        )

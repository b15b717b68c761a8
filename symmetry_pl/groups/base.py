"""What every group of transformations can do: the charts, the laws and the action."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["Group", "ImageGroup", "at_least_single", "without_autocast"]

Self = TypeVar("Self", bound="Group")


class Group(ABC):
    r"""A group acting on samples: images (``ImageGroup``) or clouds of points (``CloudGroup``).

    A chart takes d real *coordinates* η (what networks predict and densities are of) to an
    *element* g (what is composed, inverted and applied), and back. Pure functions of their
    inputs, on the inputs' device; float64 stays float64, every lower precision is computed and
    returned as float32, under autocast too.

    Composition follows the order of the action:
    ``apply(compose(first, then), x)`` is ``apply(then, apply(first, x))``, up to what an action
    loses, such as by interpolation.

    Args:
        names: of the d coordinates.
        units: of the d coordinates.
        bounds: half width η_max of each coordinate's random augmentations; 0 never draws it.
        element_shape: shape of one element.
        offset: centre of the random augmentations; 0 if None.
        periods: period of each coordinate, None where it has none.

    Raises:
        ValueError: for a wrong number of units, bounds, offsets or periods, a negative or infinite
            bound, bounds that are all 0, or a period that is not positive.
    """

    def __init__(
        self,
        names: Sequence[str],
        units: Sequence[str],
        bounds: Sequence[float],
        element_shape: Sequence[int],
        offset: Sequence[float] | None = None,
        periods: Sequence[float | None] | None = None,
    ) -> None:
        self.names = tuple(names)
        self.units = tuple(units)
        self.dim = len(self.names)
        if len(self.units) != self.dim:
            raise ValueError(
                f"units of {type(self).__name__} must be {self.dim} "
                f"({', '.join(self.names)}), got {len(self.units)}"
            )
        self.element_shape = tuple(element_shape)
        self.bounds = self._check_bounds(bounds)
        self.offset = self._numbers("offset", (0.0,) * self.dim if offset is None else offset)
        self.periods = self._check_periods((None,) * self.dim if periods is None else periods)

    @abstractmethod
    def element(self, eta: Tensor) -> Tensor:
        """The element at coordinates η: ``(…, d)`` to ``(…, *element_shape)``."""

    @abstractmethod
    def coordinates(self, element: Tensor) -> Tensor:
        """The coordinates of an element: ``(…, *element_shape)`` to ``(…, d)``."""

    @abstractmethod
    def identity(
        self,
        count: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """``(count, *element_shape)``: elements that leave samples as they are."""

    @abstractmethod
    def compose(self, first: Tensor, then: Tensor) -> Tensor:
        """The element that acts as ``first`` and after it ``then``."""

    @abstractmethod
    def inverse(self, element: Tensor) -> Tensor:
        """The element that undoes ``element``."""

    @abstractmethod
    def apply(self, element: Tensor, x: Tensor) -> Tensor:
        """Transform sample b of ``(B, …)`` by element b of ``(B, *element_shape)``."""

    def distance(self, element: Tensor, other: Tensor) -> Tensor:
        """The largest difference of two elements' entries, ``(…,)``; periods count."""
        return (element - other).abs().flatten(-len(self.element_shape)).amax(-1)

    def from_uniform(self, u: Tensor) -> Tensor:
        r"""η = offset + bounds · (2u − 1), ``(…, d)``, for u uniform on [0, 1]^d."""
        single = at_least_single(u)
        return single.new_tensor(self.offset) + single.new_tensor(self.bounds) * (2 * single - 1)

    def sample(
        self,
        count: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Draw ``(count, *element_shape)`` elements, of the law that the class states."""
        dtype = dtype or torch.get_default_dtype()
        drawn = self._draw(count, generator, dtype, device)
        return drawn.to(torch.promote_types(dtype, torch.float32))

    def _draw(
        self,
        count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype,
        device: torch.device | str | None,
    ) -> Tensor:
        """Elements whose coordinates are uniform in the bounds, unless a group has another law."""
        u = torch.rand(count, self.dim, generator=generator, dtype=dtype, device=device)
        return self.element(self.from_uniform(u))

    def within(self: Self, bounds: Sequence[float]) -> Self:
        """The same group, with random elements from other half widths.

        Args:
            bounds: ``dim`` numbers; 0 never draws that coordinate.

        Raises:
            ValueError: as of the group's own bounds.
        """
        other = copy.copy(self)
        other.bounds = self._check_bounds(bounds)
        return other

    def __repr__(self) -> str:
        inside = ", ".join(
            f"{name} ±{bound:.4g}" for name, bound in zip(self.names, self.bounds, strict=True)
        )
        return f"{type(self).__name__}({inside})"

    def _check_bounds(self, bounds: Sequence[float]) -> tuple[float, ...]:
        numbers = self._numbers("bounds", bounds)
        for name, bound in zip(self.names, numbers, strict=True):
            if bound < 0:
                raise ValueError(
                    f"bounds are half widths and cannot be negative, got {bound:g} for the {name}"
                )
        if not any(numbers):
            raise ValueError(
                f"bounds of {type(self).__name__} are all 0, so that nothing would ever be "
                "transformed: give at least one parameter a positive bound"
            )
        return numbers

    def _check_periods(self, periods: Sequence[float | None]) -> tuple[float | None, ...]:
        ones = self._numbers("periods", [1.0 if p is None else p for p in periods])
        for name, one in zip(self.names, ones, strict=True):
            if not one > 0:
                raise ValueError(f"a period must be positive, got {one:g} for the {name}")
        return tuple(periods)

    def _numbers(self, what: str, values: Sequence[float]) -> tuple[float, ...]:
        numbers = tuple(float(value) for value in values)
        if len(numbers) != self.dim:
            raise ValueError(
                f"{what} of {type(self).__name__} must be {self.dim} numbers "
                f"({', '.join(self.names)}), got {len(numbers)}"
            )
        for name, value in zip(self.names, numbers, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"{what} must be finite, got {value} for the {name}")
        return numbers


class ImageGroup(Group):
    """A group acting on images ``(B, C, H, W)`` in [−1, 1], whose background is −1.

    Arguments and laws are those of ``Group``.

    Attributes:
        exact_composition: whether acting by a composed element is acting by its parts, up to
            interpolation; not so where the action clips.
    """

    exact_composition = True

    def check_images(self, shape: tuple[int, int, int]) -> None:
        """Raise ValueError, in one sentence, if the group cannot act on images ``(C, H, W)``."""
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"images must have the shape (C, H, W), got {tuple(shape)}")


def at_least_single(x: Tensor) -> Tensor:
    """``x`` in float32 if it has a lower precision, otherwise as it is."""
    return x if x.dtype == torch.float64 else x.float()


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """A block in the precision of its tensors, on the device of ``x``; nothing in a graph's trace.

    Exported graphs run without autocast, and cannot be written with a block of it.
    """
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)

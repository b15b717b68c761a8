"""What a group is called, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Axis", "NamedGroup"]


class Axis(NamedTuple):
    """An axis of rotations.

    Args:
        order: of the rotations about it; ``math.inf`` for all.
        direction: unit vector, whose first entry above 0.05 in size is positive.
    """

    order: float
    direction: tuple[float, float, float]


@dataclass(frozen=True)
class NamedGroup:
    """The name of a group with its evidence.

    Args:
        name: a phrase, such as ``C4 about (0.00, 0.50, -0.87)``, ``no symmetry (identity alone)``
            or ``not a group: …``.
        symbol: in Schoenflies' notation, such as ``C4``; ``C1`` without a symmetry, empty for what
            is no group.
        order: number of elements; ``math.inf`` of a continuous group, None for what is no group.
        axes: of rotations in space, those of the highest order first.
        p_value: chance, at most, of such elements if they were not of this group: if a part of
            it were missing, or, of finite groups, if the modes were random elements.
        uniform: whether elements are as likely as each other (5 %); None for what is no group.
        errors: ``axis``, the largest standard error of an axis or of the orientation in degrees;
            ``element``, of an element by its own samples, in degrees; ``jitter``, the standard
            deviation of samples about elements in each direction, in degrees; ``outliers``, the
            share of samples of no element; ``uniform_p``, of the test of uniformity.
        because: the reason, in one sentence.
        elements: of a finite group ``(n, d, d)``, as fitted; empty for others.
    """

    name: str
    symbol: str
    order: float | None
    axes: tuple[Axis, ...]
    p_value: float
    uniform: bool | None
    errors: dict[str, float]
    because: str
    elements: npt.NDArray[np.float64] = field(repr=False)

    @property
    def is_group(self) -> bool:
        """Whether elements are of a group, that of the identity alone among them."""
        return self.order is not None

    @property
    def is_continuous(self) -> bool:
        """Whether the group has a continuum of elements."""
        return self.order == math.inf

    def __str__(self) -> str:
        return f"{self.name} (p = {self.p_value:.2g}): {self.because}"

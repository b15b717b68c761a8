"""The two objects of LieFlow's table: an arrow of the plane, an irregular tetrahedron of space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.datamodules.clouds.turned_clouds import TurnedCloudsDataModule

__all__ = ["ArrowDataModule", "TetrahedronDataModule"]

_RIGHT = [(0.25, 0.0), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.25, 0.75)]
_CORNERS = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.5, 1.0, 0.2), (0.3, 0.4, 1.1)]


class ArrowDataModule(TurnedCloudsDataModule):
    """The outline of an arrow, 13 points in a fixed order, turned by C4 (Chen et al., 2026).

    The first point is also the last. LieFlow looks for the group in SO(2) and in GL(2)+.

    Args:
        kwargs: options of ``TurnedCloudsDataModule``.

    >>> data = ArrowDataModule(samples=10, eval_samples=10)
    >>> data.setup()
    >>> data.description.x_shape, data.subgroup
    ((13, 2), PointGroup(C4, order 4))
    """

    points = 2

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def base_shapes(self) -> Tensor:
        """One shape ``(1, 13, 2)``: up the right side, the tip, down the left one."""
        left = [(-x, y) for x, y in reversed(_RIGHT)]
        outline = [(0.0, 0.0), *_RIGHT, (0.0, 1.0), *left, (0.0, 0.0)]
        return torch.tensor([outline], dtype=torch.float64)


class TetrahedronDataModule(TurnedCloudsDataModule):
    """The corners of an irregular tetrahedron, turned by a subgroup of SO(3) (Chen et al., 2026).

    The published groups are T, O, I, SO(2) about z and about (0, 1/2, −√3/2).

    Args:
        kwargs: options of ``TurnedCloudsDataModule``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def base_shapes(self) -> Tensor:
        """One shape ``(1, 4, 3)``."""
        return torch.tensor([_CORNERS], dtype=torch.float64)

"""Shapes drawn at random, in place of a collection that must be downloaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core.noise import mix_seed
from symmetry_pl.datamodules.clouds.turned_clouds import TurnedCloudsDataModule
from symmetry_pl.datamodules.options import check_at_least

__all__ = ["RandomShapesDataModule"]

_SHAPES = 7  # stream of the shapes
_BLOBS = 6


class RandomShapesDataModule(TurnedCloudsDataModule):
    r"""Shapes without symmetry, each of n points of 6 blobs, turned by a subgroup of SO(3).

    A blob is a normal law with a centre of N(0, 1) and standard deviations of .1 to .6 along axes
    of its own; each shape is then centred, with a root mean square radius of 1. They stand in for
    the 100 objects of ModelNet10 of LieFlow's table (``ModelNetDataModule`` for those).

    Args:
        shapes: their number S.
        cloud_size: n, points of a shape.
        kwargs: options of ``TurnedCloudsDataModule``.
    """

    def __init__(self, shapes: int = 100, cloud_size: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_at_least(1, shapes=shapes)
        check_at_least(4, cloud_size=cloud_size)
        self.shapes, self.cloud_size = shapes, cloud_size

    def base_shapes(self) -> Tensor:
        """The shapes ``(S, n, 3)``, which follow from ``split_seed``."""
        draws = torch.Generator().manual_seed(mix_seed(self.split_seed, _SHAPES))

        def normal(*shape: int) -> Tensor:
            return torch.randn(self.shapes, *shape, generator=draws, dtype=torch.float64)

        centres, axes = normal(_BLOBS, 3), torch.linalg.qr(normal(_BLOBS, 3, 3))[0]
        widths = 0.1 + 0.5 * torch.special.ndtr(normal(_BLOBS, 1, 3))
        blob = torch.randint(_BLOBS, (self.shapes, self.cloud_size), generator=draws)
        chosen = torch.arange(self.shapes)[:, None]
        spread = (axes * widths)[chosen, blob] @ normal(self.cloud_size, 3, 1)
        x = centres[chosen, blob] + spread[..., 0]
        x = x - x.mean(1, keepdim=True)
        scaled: Tensor = x / x.square().sum(2).mean(1).sqrt()[:, None, None]
        return scaled

"""Random elements of a group that depend on places in a set, and on nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.core.noise import mix_seed
from symmetry_pl.groups import Group

__all__ = ["elements_at"]

_CHUNK = 2048  # elements of one generator


def elements_at(group: Group, places: Tensor, stream: int) -> Tensor:
    """Elements of the law of a group for places ``(B,)`` in a set: ``(B, …)``, float64 on the CPU.

    Equal places have equal elements, however a set is cut into batches.

    Args:
        group: its ``sample`` is the law.
        places: whole numbers from 0.
        stream: number of the draw; others are independent.
    """
    where = places.cpu()
    found = torch.empty(len(where), *group.element_shape, dtype=torch.float64)
    for chunk in sorted({*(where // _CHUNK).tolist()}):
        draws = torch.Generator().manual_seed(mix_seed(mix_seed(17, stream), chunk))
        whole = group.sample(_CHUNK, generator=draws, dtype=torch.float64)
        inside = where // _CHUNK == chunk
        found[inside] = whole[where[inside] % _CHUNK]
    return found

"""Clouds of points as samples of several vectors, and which group learned elements of them are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.groups import build_cloud_group
from symmetry_pl.lens.warm_start.ica import nearest_rotation
from symmetry_pl.metrics.hidden_group import group_figures

__all__ = ["as_vectors", "cloud_figures"]

_DRAWS = 3  # elements of each cloud: W1 of one draw is random itself


def as_vectors(data: DataDescription, blocks: int, name: str) -> DataDescription:
    """A cloud ``(n, d)`` as a sample of n vectors, ``(n d,)``; other data as they are.

    Args:
        data: what the datamodule says.
        blocks: vectors a sample, of the model.
        name: of the method, for messages.

    Raises:
        ValueError: if the model does not take n vectors.
    """
    if data.kind != "cloud":
        return data
    points, dim = data.x_shape
    if blocks != points:
        raise ValueError(
            f"clouds of {points} points are {points} vectors to {name}: set model.blocks to "
            f"{points}, it is {blocks}"
        )
    return replace(data, kind="vector", x_shape=(points * dim,))


def cloud_figures(model: Any, data: object, count: int) -> dict[str, float]:
    """The name of the group of random elements, and W1 to the hidden one, as SGM's are scored.

    Elements are taken to the nearest rotation.

    Args:
        model: it has ``elements`` of normal numbers.
        data: a datamodule that knows the hidden group.
        count: N, elements of each of three draws.
    """
    fixed = torch.Generator().manual_seed(2)
    normal = torch.randn(_DRAWS * count, model.coefficients, generator=fixed)
    found = model.elements(normal.to(model.device)).detach().double().cpu()
    turns, size = nearest_rotation(found).expand(_DRAWS * count, -1, -1), found.shape[-1]
    group = build_cloud_group(f"so{size}")
    return group_figures(group, turns.reshape(_DRAWS, count, size, size), data)[1]

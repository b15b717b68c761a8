"""Exponential and logarithm of connected groups of clouds: a path from the identity to g."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.base import Group, at_least_single
from symmetry_pl.groups.clouds import SpecialOrthogonal
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.matrices import (
    exponential_rows,
    has_logarithm,
    plane_logarithm,
    plane_matrix,
)
from symmetry_pl.groups.motions import SpecialEuclidean

__all__ = ["AlgebraChart", "algebra_chart"]


_LINEAR = 2 * math.pi  # entries of the logarithms of exp A, |A| ≤ π, are at most π


class AlgebraChart(NamedTuple):
    """Coordinates in the Lie algebra of a group.

    Args:
        dim: k, how many there are.
        exponential: ``(…, k)`` to elements.
        logarithm: elements to ``(…, k)``.
        limit: of the size of a coordinate that a path needs; ∞ where there is none.
    """

    dim: int
    exponential: Callable[[Tensor], Tensor]
    logarithm: Callable[[Tensor], Tensor]
    limit: float = math.inf


def algebra_chart(group: Group) -> AlgebraChart:
    """Exponential and principal logarithm of so2, so3, se2, se3, sim2, sim3 and gl2.

    Those of gl2 are the four entries of a matrix. An element of it with two negative eigenvalues
    has no real logarithm in general; it is given the real part of the complex one, log(−g), as in
    the code of LieFlow.

    Args:
        group: the group.

    Raises:
        ValueError: for a group that no path joins, or another one.

    >>> from symmetry_pl.groups import build_cloud_group
    >>> chart = algebra_chart(build_cloud_group("gl2"))
    >>> chart.exponential(chart.logarithm(torch.tensor([[2.0, 0.0], [0.0, 0.5]]))).round(decimals=4)
    tensor([[2.0000, 0.0000],
            [0.0000, 0.5000]])
    """
    if isinstance(group, SpecialOrthogonal):
        return AlgebraChart(group.dim, group.element, group.coordinates, math.pi)
    if isinstance(group, SpecialEuclidean):
        return AlgebraChart(group.dim, group.element, group.coordinates)
    if isinstance(group, PositiveLinear):
        return AlgebraChart(4, _exponential, _logarithm, _LINEAR)
    raise ValueError(
        f"there is no path from the identity to each element of a {type(group).__name__}: take "
        "so2, so3, se2, se3, sim2, sim3 or gl2"
    )


def _exponential(entries: Tensor) -> Tensor:
    """The exponential of matrices of the plane: ``(…, 4)`` to ``(…, 2, 2)``."""
    matrix = plane_matrix(*entries.double().unbind(-1))
    return exponential_rows(matrix).to(at_least_single(entries).dtype)


def _logarithm(element: Tensor) -> Tensor:
    """The real part of the principal logarithm: ``(…, 2, 2)`` to ``(…, 4)``."""
    sign = torch.where(has_logarithm(element), 1.0, -1.0)[..., None, None]
    return plane_logarithm(sign * element).flatten(-2)

r"""Coordinates on the affine group of the plane: charts between η and 3 × 3 matrices.

Matrices take positions of the output to positions of the input, x to the right and y down, 1 being
half the image's width or height (see ``warp``). Hence a positive shift moves the picture to the
left or up, a positive rotation turns it counter-clockwise on the screen, and a positive scale
shrinks it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.matrices import (
    affine_exponential,
    affine_logarithm,
    affine_matrix,
    exponential_rows,
    has_logarithm,
    plane_inverse,
    plane_logarithm,
    plane_matrix,
)

__all__ = ["AffineChart", "ExponentialChart", "PolarChart", "RigidChart", "affine_generators"]

NAMES = ("x-shift", "y-shift", "rotation", "x-scale", "y-scale", "shear")
UNITS = ("half widths", "half heights", "rad", "log", "log", "log")


class AffineChart(ABC):
    """Coordinates of affine matrices, and back.

    Args:
        dim: number of coordinates, 5 (no shear) or 6.
    """

    def __init__(self, dim: int) -> None:
        self.names = NAMES[:dim]
        self.units = UNITS[:dim]
        self.periods: tuple[float | None, ...] = (None,) * dim

    @abstractmethod
    def element(self, eta: Tensor) -> Tensor:
        """``(…, d)`` to ``(…, 3, 3)``."""

    @abstractmethod
    def coordinates(self, element: Tensor) -> Tensor:
        """``(…, 3, 3)`` to ``(…, d)``."""


class ExponentialChart(AffineChart):
    r"""A = exp(Σ_i η_i G_i) with the generators of ``affine_generators`` (SGM, appendix C.1).

    All parameters act together: with a rotation or a scale beside it, the shift of A is φ₁(B) of
    the shift parameters. A(−η) is the inverse of A(η). Five parameters leave out the shear; they
    are no group, because [rotation, x-scale − y-scale] is a shear.
    """

    def element(self, eta: Tensor) -> Tensor:
        """exp(Σ_i η_i G_i), ``(…, 3, 3)``."""
        generators = affine_generators(eta.device)[: len(self.names)]
        algebra = (eta.double() @ generators.flatten(1)).view(*eta.shape[:-1], 3, 3)
        return affine_exponential(algebra).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """η of the principal logarithm, of a turn by less than π.

        Raises:
            ValueError: if an element has no principal logarithm, or has a shear that five
                parameters cannot express.
        """
        if not bool(has_logarithm(element[..., :2, :2]).all()):
            raise ValueError(
                "an affine element mirrors the plane or stretches by two negative factors and so "
                'has no principal logarithm: chart "polar" has coordinates for all but mirrors'
            )
        (a, b, tx), (c, d, ty) = (
            row.unbind(-1) for row in affine_logarithm(element)[..., :2, :].unbind(-2)
        )
        eta = torch.stack([tx, ty, (c - b) / 2, a, d, (b + c) / 2], -1)
        if len(self.names) == len(NAMES):
            return eta
        shear = eta[..., 5].detach().abs().amax().item() if eta.numel() else 0.0
        if shear > 10 * math.sqrt(torch.finfo(eta.dtype).eps):
            raise ValueError(
                f"an affine element has a shear of {shear:.3g}, which five parameters cannot "
                'express (they are not closed under composition): use six, or chart "polar"'
            )
        return eta[..., :5]


class PolarChart(AffineChart):
    r"""A p = R(θ) exp(S) (p + t) with η = (t_x, t_y, θ, S_xx, S_yy, S_xy).

    The polar decomposition of the linear part: a stretch along orthogonal axes, S symmetric, and a
    turn after it by θ in (−π, π]. Every matrix of positive determinant has exactly one η. The
    shift comes first and so is one of the resulting image: what was in its middle is at −t,
    however it is turned and stretched.
    """

    def __init__(self) -> None:
        super().__init__(len(NAMES))
        self.periods = (None, None, 2 * math.pi, None, None, None)

    def element(self, eta: Tensor) -> Tensor:
        """[[L, L t], [0, 1]] with L = R(θ) exp(S), ``(…, 3, 3)``."""
        tx, ty, angle, sx, sy, shear = eta.double().unbind(-1)
        linear = _rotation(angle) @ exponential_rows(plane_matrix(sx, shear, shear, sy))
        shift = (linear * torch.stack([tx, ty], -1)[..., None, :]).sum(-1)
        return affine_matrix(linear, shift).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """η of the polar decomposition.

        Raises:
            ValueError: if an element mirrors the plane, its determinant being ≤ 0.
        """
        matrix = element.double()
        a, b, c, d = matrix[..., :2, :2].flatten(-2).unbind(-1)
        if not torch.compiler.is_exporting() and not bool((a * d > b * c).all()):
            raise ValueError("an affine element mirrors or collapses the plane: no chart has it")
        # The turn is that of L plus its cofactors, which vanish together for no such L.
        angle = torch.atan2(c - b, a + d)
        stretch = _rotation(-angle) @ matrix[..., :2, :2]
        log = plane_logarithm((stretch + stretch.mT) / 2)
        shift = (plane_inverse(matrix[..., :2, :2]) * matrix[..., None, :2, 2]).sum(-1)
        eta = [shift[..., 0], shift[..., 1], angle]
        eta += [log[..., 0, 0], log[..., 1, 1], log[..., 0, 1]]
        return torch.stack(eta, -1).to(at_least_single(element).dtype)


class RigidChart(AffineChart):
    r"""A p = R(θ) (p + t) with η = (t_x, t_y, θ): shifts and turns, which stretch nothing.

    The first three coordinates of ``PolarChart``, whose others are 0.
    """

    def __init__(self) -> None:
        super().__init__(3)
        self.periods = (None, None, 2 * math.pi)

    def element(self, eta: Tensor) -> Tensor:
        """[[R, R t], [0, 1]], ``(…, 3, 3)``."""
        tx, ty, angle = eta.double().unbind(-1)
        linear = _rotation(angle)
        shift = (linear * torch.stack([tx, ty], -1)[..., None, :]).sum(-1)
        return affine_matrix(linear, shift).to(at_least_single(eta).dtype)

    def coordinates(self, element: Tensor) -> Tensor:
        """η of a shift and a turn.

        Raises:
            ValueError: if an element stretches or mirrors the plane.
        """
        linear = element[..., :2, :2].detach().double()
        gram = linear.mT @ linear - torch.eye(2, dtype=linear.dtype, device=linear.device)
        largest = gram.abs().amax().item() if gram.numel() else 0.0
        mirrors = bool((torch.linalg.det(linear) <= 0).any())
        if mirrors or largest > 10 * math.sqrt(torch.finfo(at_least_single(element).dtype).eps):
            raise ValueError(
                "an affine element stretches or mirrors the plane, which shifts and turns do not: "
                'use chart "polar", with six bounds'
            )
        return PolarChart().coordinates(element)[..., :3]


def affine_generators(device: torch.device | str | None = None) -> Tensor:
    r"""The six generators G_i of the affine group of the plane, ``(6, 3, 3)``, float64.

    In the order x-shift, y-shift, rotation, x-scale, y-scale, shear. The first five are those of
    SGM, appendix C.1; [rotation, x-scale] = shear, so only all six span a Lie algebra.

    >>> _, _, rotation, x_scale, _, shear = affine_generators()
    >>> torch.equal(rotation @ x_scale - x_scale @ rotation, shear)
    True
    """
    generators = torch.zeros(6, 3, 3, dtype=torch.float64, device=device)
    entries = [[(0, 2)], [(1, 2)], [(1, 0)], [(0, 0)], [(1, 1)], [(0, 1), (1, 0)]]
    for generator, places in zip(generators, entries, strict=True):
        for place in places:
            generator[place] = 1
    generators[2, 0, 1] = -1
    return generators


def _rotation(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return plane_matrix(cos, -sin, sin, cos)

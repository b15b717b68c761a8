r"""Poses of ordered clouds against a reference, in closed form.

Point i of a cloud belongs to point i of the reference r ``(n, d)``. Weights say which points are
there: 0 is missing, and what stands there is not read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.base import at_least_single

__all__ = ["linear_frame", "rigid_frame"]


def rigid_frame(
    x: Tensor,
    reference: Tensor,
    weights: Tensor | None = None,
    moves_origin: bool = False,
    mirrors: bool = False,
) -> Tensor:
    r"""The rotation, or rigid motion, that takes a reference nearest to each cloud.

    .. math:: \min_{R, t} \sum_i w_i \|x_i - R r_i - t\|^2, \quad
        R = U \operatorname{diag}(1, \dots, \det U V^\top) V^\top, \quad
        U S V^\top = \sum_i w_i x_i r_i^\top

    about the weighted means where the origin moves (Kabsch 1976). Equivariant exactly:
    the frame of g x is g times that of x. It is not unique where the two least singular values
    add up to 0, such as for points on one line.

    Args:
        x: clouds ``(B, n, d)``, d = 2 or 3.
        reference: ``(n, d)``.
        weights: ``(n,)`` or ``(B, n)``, at least 0; all 1 if None.
        moves_origin: whether there is a t; else it is 0.
        mirrors: whether R may be a mirror image as well; it is then U Vᵀ.

    Returns:
        Elements of SO(d) ``(B, d, d)``, or of SE(d) ``(B, d + 1, d + 1)``.

    Raises:
        ValueError: for shapes that do not fit, weights that are negative, or clouds without weight.
    """
    points, model, w = _weighted(x, reference, weights)
    centre, origin = torch.zeros_like(points[:, :1]), torch.zeros_like(points[:, :1])
    if moves_origin:
        centre = (w @ points) / w.sum(2, keepdim=True)
        origin = (w @ model) / w.sum(2, keepdim=True)
    u, _, vh = torch.linalg.svd((w.mT * (points - centre)).mT @ (model - origin))
    signs = torch.ones_like(points[:, 0])
    if not mirrors:
        signs[:, -1] = torch.linalg.det(u @ vh).sign()
    turn: Tensor = (u * signs[:, None]) @ vh
    if moves_origin:
        shift = centre - origin @ turn.mT
        turn = torch.cat([turn, shift.mT], 2)
        last = torch.eye(turn.shape[2], dtype=turn.dtype, device=turn.device)[-1:]
        turn = torch.cat([turn, last.expand(len(turn), 1, -1)], 1)
    return turn.to(at_least_single(x).dtype)


def linear_frame(x: Tensor, reference: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""The linear map that takes a reference nearest to each cloud, by least squares.

    .. math:: L = \Bigl(\sum_i w_i x_i r_i^\top\Bigr) \Bigl(\sum_i w_i r_i r_i^\top\Bigr)^{-1}

    Args:
        x: clouds ``(B, n, d)``.
        reference: ``(n, d)``, whose points with weight span the space.
        weights: ``(n,)`` or ``(B, n)``, at least 0; all 1 if None.

    Returns:
        ``(B, d, d)``; of a positive determinant for clouds that an element of GL(d)+ moved.

    Raises:
        ValueError: as of ``rigid_frame``, and for points that do not span the space.
    """
    points, model, w = _weighted(x, reference, weights)
    heavy = (w.mT * model).mT
    square = heavy @ model
    if bool((torch.linalg.matrix_rank(square) < square.shape[-1]).any()):
        raise ValueError("points of the reference with weight do not span the space in some cloud")
    found: Tensor = torch.linalg.solve(square, heavy @ points).mT
    return found.to(at_least_single(x).dtype)


def _weighted(
    x: Tensor, reference: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Points and model ``(B, n, d)``, 0 where nothing is, and weights ``(B, 1, n)``; float64."""
    if x.ndim != 3 or x.shape[2] not in (2, 3) or reference.shape != x.shape[1:]:
        raise ValueError(
            "clouds must have the shape (B, n, 2) or (B, n, 3) and the reference that of one, got "
            f"{tuple(x.shape)} and {tuple(reference.shape)}"
        )
    w = torch.ones(x.shape[1]) if weights is None else weights
    if w.shape not in (x.shape[1:2], x.shape[:2]) or bool((w < 0).any()):
        raise ValueError(f"weights must be at least 0 and one a point, got {tuple(w.shape)}")
    wide = w.to(x.device, torch.float64).expand(x.shape[:2])[:, None]
    if not bool((wide.sum(2) > 0).all()):
        raise ValueError("a cloud has no point with weight")
    there = wide.mT > 0
    points = torch.where(there, x.double(), 0.0)
    return points, torch.where(there, reference.double().to(x.device), 0.0), wide

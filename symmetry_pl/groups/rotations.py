r"""Rotations of space and of the plane: quaternions, rotation vectors, angles between them.

A unit quaternion q = (w, v) = (cos α/2, a sin α/2) turns by α about the axis a; q and −q are one
rotation. Everything is computed in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.base import at_least_single

__all__ = [
    "angles_between",
    "conjugate",
    "cross_matrix",
    "logarithm",
    "matrix_of",
    "multiply",
    "quaternion_of",
    "random_rotations",
    "rotation_angle",
    "rotation_of",
    "rotation_vector",
]

_SMALL = 1e-12  # of |v|², below which α / |v| is its limit


def cross_matrix(vector: Tensor) -> Tensor:
    """The generator of a rotation: of ``(…, 1)`` in the plane, of ``(…, 3)`` in space.

    >>> cross_matrix(torch.tensor([1.0])).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    zero = torch.zeros_like(vector[..., 0])
    if vector.shape[-1] == 1:
        turn = vector[..., 0]
        return torch.stack([zero, -turn, turn, zero], -1).view(*zero.shape, 2, 2)
    x, y, z = vector.unbind(-1)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(*zero.shape, 3, 3)


def quaternion_of(matrix: Tensor) -> Tensor:
    r"""The unit quaternion of rotations ``(…, 3, 3)``, w ≥ 0: ``(…, 4)``, float64.

    The four products 4 q q_k are sums of entries; the one of the largest q_k is used, so that no
    rotation loses digits.
    """
    r = matrix.double()
    m = r.flatten(-2).unbind(-1)
    a, b, c = m[0], m[4], m[8]
    x, y, z = m[7] - m[5], m[2] - m[6], m[3] - m[1]
    xy, xz, yz = m[1] + m[3], m[2] + m[6], m[5] + m[7]
    rows = [
        torch.stack([1 + a + b + c, x, y, z], -1),
        torch.stack([x, 1 + a - b - c, xy, xz], -1),
        torch.stack([y, xy, 1 - a + b - c, yz], -1),
        torch.stack([z, xz, yz, 1 - a - b + c], -1),
    ]
    squares = torch.stack([row[..., k] for k, row in enumerate(rows)], -1)
    largest = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    q = torch.stack(rows, -2).gather(-2, largest)[..., 0, :]
    q = q / q.norm(dim=-1, keepdim=True)
    return torch.where(q[..., :1] < 0, -q, q)


def multiply(p: Tensor, q: Tensor) -> Tensor:
    """The quaternion product, of the rotation q and then p: ``(…, 4)``."""
    a, u = p[..., :1], p[..., 1:]
    b, v = q[..., :1], q[..., 1:]
    real = a * b - (u * v).sum(-1, keepdim=True)
    imaginary = a * v + b * u
    across = torch.linalg.cross(u.expand_as(imaginary), v.expand_as(imaginary))
    return torch.cat([real, imaginary + across], -1)


def conjugate(q: Tensor) -> Tensor:
    """The inverse of unit quaternions."""
    return torch.cat([q[..., :1], -q[..., 1:]], -1)


def angles_between(p: Tensor, q: Tensor) -> Tensor:
    """Geodesic angles ``(N, k)`` between quaternions ``(N, 4)`` and ``(k, 4)``."""
    return 2 * torch.acos((p @ q.mT).abs().clamp(max=1))


def logarithm(q: Tensor) -> Tensor:
    """Rotation vectors ``(…, 3)`` of quaternions of either sign."""
    signed = torch.where(q[..., :1] < 0, -q, q)
    sine = signed[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, signed[..., :1])
    return torch.where(sine > 1e-12, angle / sine.clamp(min=1e-12), 2.0) * signed[..., 1:]


def matrix_of(quaternion: Tensor) -> Tensor:
    """Rotations ``(…, 3, 3)`` of unit quaternions ``(…, 4)``, float64."""
    q = quaternion.double()
    w, v = q[..., 0, None, None], q[..., 1:]
    eye = torch.eye(3, dtype=q.dtype, device=q.device)
    square = (v * v).sum(-1)[..., None, None]
    outer = v[..., :, None] * v[..., None, :]
    return (w * w - square) * eye + 2 * outer + 2 * w * cross_matrix(v)


def rotation_of(vector: Tensor) -> Tensor:
    """The exponential of a generator: ``(…, 1)`` to ``(…, 2, 2)``, ``(…, 3)`` to ``(…, 3, 3)``."""
    eta = vector.double()
    if eta.shape[-1] == 1:
        cosine, sine = eta[..., 0].cos(), eta[..., 0].sin()
        return torch.stack([cosine, -sine, sine, cosine], -1).view(*sine.shape, 2, 2)
    square = (eta * eta).sum(-1, keepdim=True)
    near = square < _SMALL
    angle = torch.where(near, torch.ones_like(square), square).sqrt()
    half = torch.where(near, 0.5 - square / 48, (angle / 2).sin() / angle)
    cosine = torch.where(near, 1 - square / 8, (angle / 2).cos())
    return matrix_of(torch.cat([cosine, half * eta], -1))


def rotation_vector(matrix: Tensor) -> Tensor:
    """The inverse of ``rotation_of``, of a turn by at most π; float64.

    >>> rotation_vector(rotation_of(torch.tensor([0.0, 0.5, 0.0]))).round(decimals=6).tolist()
    [0.0, 0.5, 0.0]
    """
    if matrix.shape[-1] == 2:
        wide = matrix.double()
        return torch.atan2(
            wide[..., 1, 0] - wide[..., 0, 1], wide[..., 0, 0] + wide[..., 1, 1]
        ).unsqueeze(-1)
    q = quaternion_of(matrix)
    w, v = q[..., :1], q[..., 1:]
    square = (v * v).sum(-1, keepdim=True)
    near = square < _SMALL
    length = torch.where(near, torch.ones_like(square), square).sqrt()
    factor = torch.where(near, 2 / w.clamp(min=0.5), 2 * torch.atan2(length, w) / length)
    return factor * v


def rotation_angle(a: Tensor, b: Tensor) -> Tensor:
    r"""The geodesic angle between rotations ``(…, d, d)``, d = 2 or 3: ``(…,)`` in [0, π].

    .. math:: \theta = 2 \operatorname{atan2}\bigl(\|A - B\|_F / \sqrt 8,\, \cos \tfrac\theta2\bigr)

    which keeps the digits of small angles.

    >>> quarter = rotation_of(torch.tensor([torch.pi / 2], dtype=torch.float64))
    >>> rotation_angle(quarter, torch.eye(2)).item() / torch.pi
    0.5
    """
    dtype = torch.promote_types(at_least_single(a).dtype, at_least_single(b).dtype)
    one, other = a.double(), b.double()
    d = one.shape[-1]
    sine = (one - other).flatten(-2).norm(dim=-1) / 8**0.5
    trace = (one * other).sum((-2, -1))
    cosine = ((trace + 4 - d) / 4).clamp(min=0).sqrt()
    return (2 * torch.atan2(sine, cosine)).to(dtype)


def random_rotations(
    count: int,
    dim: int,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Rotations of the uniform law (Haar measure) on SO(2) or SO(3), ``(count, d, d)``, float64."""
    wide = torch.float64
    if dim == 2:
        turns = torch.rand(count, 1, generator=generator, dtype=wide, device=device)
        return rotation_of(2 * torch.pi * turns)
    normal = torch.randn(count, 4, generator=generator, dtype=wide, device=device)
    return matrix_of(normal / normal.norm(dim=-1, keepdim=True))

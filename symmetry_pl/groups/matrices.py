"""Exponentials and logarithms of small matrices: batched, branch-free, smooth at the identity.

Everything is computed in float64 and returned in the precision that came in, float32 at least:
products of float32 matrices would follow the user's choice of TensorFloat-32 and autocast, and
float64 costs nothing beside a warp.
"""

from __future__ import annotations

from math import factorial

import torch
from torch import Tensor
from torch.nn.functional import pad

from symmetry_pl.groups.base import at_least_single

__all__ = [
    "affine_exponential",
    "affine_inverse",
    "affine_logarithm",
    "affine_matrix",
    "exponential_rows",
    "has_logarithm",
    "multiply",
    "plane_inverse",
    "plane_logarithm",
    "plane_matrix",
]

_HALVINGS = 6  # of a matrix
_TERMS = 12
_ANGLE_HALVINGS = 4  # of an angle; with 10 terms exact to rounding up to π, stretches up to e⁵
_ANGLE_TERMS = 10


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """A B, ``(…, n, n)``, in the higher precision of the two."""
    dtype = torch.promote_types(at_least_single(a).dtype, at_least_single(b).dtype)
    return (a.double() @ b.double()).to(dtype)


def affine_exponential(algebra: Tensor) -> Tensor:
    r"""exp(A) of matrices A with last row 0: ``(…, 3, 3)`` to ``(…, 3, 3)``.

    .. math:: \exp\begin{pmatrix} B & c \\ 0 & 0 \end{pmatrix} =
        \begin{pmatrix} e^B & \varphi_1(B)\, c \\ 0 & 1 \end{pmatrix}, \quad
        \varphi_1(B) = \int_0^1 e^{sB} ds

    Gradients are finite everywhere, A = 0 among them. The relative error is 2e-14 at norms of 5
    and 1e-12 at 17.

    >>> affine_exponential(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]))
    tensor([[1., 1., 1.],
            [0., 1., 2.],
            [0., 0., 1.]])
    """
    top = exponential_rows(algebra[..., :2, :].double())
    return affine_matrix(top[..., :2], top[..., 2]).to(at_least_single(algebra).dtype)


def exponential_rows(top: Tensor) -> Tensor:
    r"""The upper rows [e^B, φ₁(B) C] of exp [[B, C], [0, 0]] by scaling and squaring.

    The steps are the same for every matrix, with X = [[B, C], [0, 0]]:

    .. math:: E_0 = e^{X / 2^s} - 1, \quad E_{k+1} = 2 E_k + E_k^2, \quad e^X = 1 + E_s

    with s = 6 and a Taylor polynomial of degree 12 for E₀. Squaring 1 + E through E keeps the
    digits of small entries.

    Args:
        top: [B, C], ``(…, 2, 2 + m)`` for any m ≥ 0, float64.

    Returns:
        ``(…, 2, 2 + m)``.
    """
    # Entries first, so that every step runs along the batch: half the time of products.
    x = (top / 2**_HALVINGS).movedim((-2, -1), (0, 1)).contiguous()
    square = _multiply_rows(x, x)
    cube = _multiply_rows(square, x)
    # Paterson and Stockmeyer: four cubics in x, five products instead of eleven.
    e = torch.zeros_like(x)
    for k in range(_TERMS, 0, -3):
        block = x / factorial(k - 2) + square / factorial(k - 1) + cube / factorial(k)
        e = block if k == _TERMS else block + _multiply_rows(cube, e)
    for _ in range(_HALVINGS):
        e = 2 * e + _multiply_rows(e, e)
    eye = torch.eye(2, top.shape[-1], dtype=e.dtype, device=e.device)
    return e.movedim((0, 1), (-2, -1)) + eye


def has_logarithm(linear: Tensor) -> Tensor:
    """Whether ``(…, 2, 2)`` matrices have a principal logarithm: no eigenvalue real and ≤ 0."""
    trace, difference, off = _invariants(linear.detach().double())
    discriminant = difference**2 + off
    determinant = trace**2 - discriminant
    return (determinant > 0) & ((discriminant < 0) | (trace > 0))


def plane_logarithm(linear: Tensor) -> Tensor:
    r"""The principal logarithm of real 2 × 2 matrices, branch-free.

    With τ half the trace, s the root of the determinant and c = τ/s = cos φ (or a hyperbolic
    cosine), the theorem of Cayley and Hamilton gives

    .. math:: \log L = \log s + k(c)\, (L - τ) / s, \quad
        k(\cos φ) = \frac{φ}{\sin φ} = \frac{φ / 2^n}{\sin(φ / 2^n)} \prod_{j=1}^n
        \frac{1}{\cos(φ / 2^j)}

    where cosines of halved angles are square roots, and what is left is a power series in
    sin²(φ / 2^{n+1}). No case distinguishes turns, stretches and the identity.

    Args:
        linear: L, ``(…, 2, 2)``; NaN results where ``has_logarithm`` is false.

    Returns:
        ``(…, 2, 2)``, differentiable wherever the logarithm exists.

    >>> plane_logarithm(torch.tensor([[0.0, -1.0], [1.0, 0.0]]))  # a quarter turn
    tensor([[ 0.0000, -1.5708],
            [ 1.5708,  0.0000]])
    """
    matrix = linear.double()
    trace, difference, off = _invariants(matrix)
    discriminant = difference**2 + off
    determinant = trace**2 - discriminant
    scale = determinant.sqrt()
    cosine = trace / scale
    # 1 + c cancels near a half turn, where c² − 1 = discriminant / determinant does not.
    opposite = -discriminant / (determinant * (1 - cosine).clamp(min=1))
    half = torch.sqrt(torch.where(cosine < 0, opposite, 1 + cosine) / 2)
    product = half
    for _ in range(_ANGLE_HALVINGS - 1):
        half = torch.sqrt((1 + half) / 2)
        product = product * half
    k = _angle_over_sine((1 - half) / 2) / product
    eye = torch.eye(2, dtype=matrix.dtype, device=matrix.device)
    traceless = (matrix - trace[..., None, None] * eye) / scale[..., None, None]
    log = scale.log()[..., None, None] * eye + k[..., None, None] * traceless
    return log.to(at_least_single(linear).dtype)


def affine_logarithm(matrix: Tensor) -> Tensor:
    r"""The principal logarithm of affine 3 × 3 matrices.

    .. math:: \log\begin{pmatrix} L & t \\ 0 & 1 \end{pmatrix} =
        \begin{pmatrix} B & \varphi_1(B)^{-1} t \\ 0 & 0 \end{pmatrix}, \quad B = \log L

    φ₁ as in ``affine_exponential`` is invertible for every principal B.

    Args:
        matrix: ``(…, 3, 3)`` with last row (0, 0, 1) and ``has_logarithm`` linear part.

    Returns:
        ``(…, 3, 3)`` with last row 0.
    """
    double = matrix.double()
    log = plane_logarithm(double[..., :2, :2])
    eye = torch.eye(2, dtype=log.dtype, device=log.device).expand_as(log)
    mean = exponential_rows(torch.cat([log, eye], -1))[..., 2:]
    shift = plane_inverse(mean) @ double[..., :2, 2:]
    top = torch.cat([log, shift], -1)
    return pad(top, (0, 0, 0, 1)).to(at_least_single(matrix).dtype)


def affine_inverse(matrix: Tensor) -> Tensor:
    """The inverse of affine ``(…, 3, 3)`` matrices with last row (0, 0, 1)."""
    double = matrix.double()
    linear = plane_inverse(double[..., :2, :2])
    return affine_matrix(linear, -(linear @ double[..., :2, 2:])[..., 0]).to(
        at_least_single(matrix).dtype
    )


def affine_matrix(linear: Tensor, shift: Tensor) -> Tensor:
    """[[L, t], [0, 1]] of L ``(…, 2, 2)`` and t ``(…, 2)``: ``(…, 3, 3)``."""
    top = torch.cat([linear, shift[..., None]], -1)
    last = top.new_tensor([0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 3)
    return torch.cat([top, last], -2)


def plane_matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """[[a, b], [c, d]] of entries ``(…,)``: ``(…, 2, 2)``."""
    return torch.stack([torch.stack([a, b], -1), torch.stack([c, d], -1)], -2)


def _invariants(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(a + d)/2, (a − d)/2 and bc of [[a, b], [c, d]]."""
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    return (a + d) / 2, (a - d) / 2, b * c


def _multiply_rows(a: Tensor, b: Tensor) -> Tensor:
    """Upper rows of [[B, C], [0, 0]] [[B', C'], [0, 0]], entries first: ``(2, 2 + m, …)``."""
    return torch.addcmul(a[:, 0, None] * b[None, 0], a[:, 1, None], b[None, 1])


def plane_inverse(matrix: Tensor) -> Tensor:
    """Inverse of matrices ``(…, 2, 2)``."""
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    return plane_matrix(d, -b, -c, a) / (a * d - b * c)[..., None, None]


def _angle_over_sine(x: Tensor) -> Tensor:
    """θ / sin θ as a series in x = sin²(θ/2): Σ (2ⁿ n!)² / (2n + 1)! xⁿ."""
    total = torch.ones_like(x)
    for n in range(_ANGLE_TERMS, 0, -1):
        total = 1 + total * x * (2 * n / (2 * n + 1))
    return total

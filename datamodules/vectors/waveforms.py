"""Local waveforms on a line of pixels, and the orthogonal bases that hide the line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import binom, ndtri

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription

__all__ = [
    "TRANSFORMS",
    "WAVEFORMS",
    "Waveform",
    "any_matrix",
    "gaussian",
    "hidden_basis",
    "hidden_matrix",
    "ideal_description",
    "legendre",
    "offsets",
    "wrapped",
]

Array = npt.NDArray[np.float64]
_TRANSFORM_STREAM = 1 << 32  # far from the streams that samples are drawn from


def gaussian(r: Array, width: Array) -> Array:
    r"""Density of a normal distribution, whose peak is the higher the narrower it is.

    .. math:: b(r) = e^{-r^2 / 2 s^2} / (\sqrt{2 \pi}\, s)

    Args:
        r: offsets from the centre, in pixels.
        width: standard deviation s, in pixels; broadcasts with ``r``.
    """
    z = r / width
    values: Array = np.exp(-0.5 * z * z) / (math.sqrt(2 * math.pi) * width)
    return values


@lru_cache
def _legendre_coefficients(degree: int, order: int) -> tuple[float, ...]:
    """Of the polynomial factor of ``legendre``, lowest power first."""
    return tuple(
        math.perm(k, order) * math.comb(degree, k) * float(binom((degree + k - 1) / 2, degree))
        for k in range(order, degree + 1)
    )


def legendre(r: Array, width: Array, degree: int, order: int) -> Array:
    r"""Associated Legendre function of the sine across a window, 0 outside of it.

    .. math:: b(r) = (1 - z^2)^{m/2} \sum_{k=m}^{l} \frac{k!}{(k-m)!} \binom{l}{k}
        \binom{(l+k-1)/2}{l} z^{k-m}, \quad z = \sin(\pi r / w)

    for \|r\| ≤ w/2: P_l^m without its factor (−1)^m 2^l, as in the published code.

    Args:
        r: offsets from the centre, in pixels.
        width: length w of the window, in pixels; broadcasts with ``r``.
        degree: l.
        order: m, 1 … l; waveforms of order 0 would jump at the ends of the window.

    >>> legendre(np.array([0.0, 1.0, 2.0, 9.0]), np.array(4.0), 2, 1).round(6).tolist()
    [0.0, 0.375, 0.0, 0.0]
    """
    z = np.sin(math.pi * np.clip(r / width, -0.5, 0.5))
    coefficients = _legendre_coefficients(degree, order)
    polynomial = np.full_like(z, coefficients[-1])
    for c in coefficients[-2::-1]:
        polynomial = polynomial * z + c
    envelope = np.sqrt(1 - z * z)
    values: Array = polynomial * (envelope if order == 1 else envelope**order)
    return values


@dataclass(frozen=True)
class Waveform:
    """Shapes of which each is as likely, and the ranges their parameters are drawn from.

    Args:
        shapes: functions of (offset, width), both in pixels.
        width: lowest and highest width in pixels.
        amplitude: lowest and highest amplitude.
    """

    shapes: tuple[Callable[[Array, Array], Array], ...]
    width: tuple[float, float]
    amplitude: tuple[float, float]


WAVEFORMS = {
    "gaussian": Waveform((gaussian,), (0.2, 1.0), (0.5, 1.5)),
    "legendre": Waveform(
        (partial(legendre, degree=2, order=1), partial(legendre, degree=3, order=1)),
        (6.0, 15.0),
        (0.5, 1.5),
    ),
}
"""By name, with the ranges of SymmetryLens, Table 3."""


def offsets(positions: Array, centres: Array, topology: str) -> Array:
    """How far each position lies from each centre, in pixels, with sign.

    On a ring it is the shorter way round: the signed form of the distance min(m, d − m),
    m = (position − centre) mod d, of the published code, so that odd waveforms stay odd.

    Args:
        positions: of the pixels, ``(d,)``.
        centres: ``(B,)``.
        topology: ``"chain"`` or ``"ring"`` of d pixels.

    Returns:
        ``(B, d)``.
    """
    r = positions - centres[:, None]
    return wrapped(r, len(positions)) if topology == "ring" else r


def wrapped(r: Array, dim: int) -> Array:
    """Offsets on a ring of ``dim`` pixels, brought into [−dim/2, dim/2)."""
    return (r + dim / 2) % dim - dim / 2


def _sine_transform(dim: int) -> Array:
    """Matrix of the orthonormal discrete sine transform of type I, which is symmetric."""
    n = np.arange(1, dim + 1)
    sines: Array = math.sqrt(2 / (dim + 1)) * np.sin(math.pi * np.outer(n, n) / (dim + 1))
    return sines


def _random_orthogonal(dim: int, seed: int) -> Array:
    """A matrix of the uniform (Haar) law on O(d): Q of a Gaussian matrix, signs from R."""
    normal = ndtri(counter_uniform(seed, _TRANSFORM_STREAM, range(dim), dim))
    q, r = np.linalg.qr(normal)
    fixed: Array = q * np.sign(np.diagonal(r))
    return fixed


TRANSFORMS: dict[str, tuple[str, Callable[[int, int], Array]]] = {
    "natural": ("", lambda dim, seed: np.eye(dim)),
    "permuted": (
        ", permuted",
        # one order for the whole data set; the published code draws it anew for each batch from
        # a global generator that it reseeds, which makes all batches but the first the same
        lambda dim, seed: np.eye(dim)[
            np.argsort(counter_uniform(seed, _TRANSFORM_STREAM, [0], dim)[0])
        ],
    ),
    "frequency": (
        ", in the frequencies of a sine transform",
        lambda dim, seed: _sine_transform(dim),
    ),
    "random_orthogonal": (", in a random orthogonal basis", _random_orthogonal),
}
"""By name: what is added to the name of the symmetry, and the basis of (dim, seed)."""


def hidden_basis(transform: str, dim: int, seed: int = 0) -> Array:
    """Orthonormal directions of x space along which the hidden line of pixels lies.

    A raw sample s becomes x = Σ_k s_k q_k, in matrix form ``x = s @ basis``.

    Args:
        transform: a key of ``TRANSFORMS``.
        dim: number of pixels d.
        seed: of ``permuted`` and ``random_orthogonal``.

    Returns:
        ``(d, d)``, row k the direction q_k of hidden position k.

    >>> q = hidden_basis("frequency", 5)
    >>> bool(np.allclose(q @ q.T, np.eye(5)))
    True
    """
    return TRANSFORMS[transform][1](dim, seed)


def any_matrix(dim: int, seed: int, condition: float) -> Array:
    """U diag(σ) Vᵀ with σ that fall geometrically from √κ to 1/√κ, ``(d, d)``.

    Args:
        dim: number of pixels d.
        seed: of U and V, which are of the uniform law on orthogonal matrices.
        condition: κ.
    """
    first, second = (_random_orthogonal(dim, s) for s in (seed, seed + (1 << 20)))
    mixed: Array = first * np.geomspace(condition**0.5, condition**-0.5, dim) @ second
    return mixed


def hidden_matrix(transform: str, dim: int, seed: int = 0, condition: float = 2.0) -> Array:
    """What a sample s is seen through, ``x = s @ matrix``; of ``linear`` its rows are no basis.

    Args:
        transform: a key of ``TRANSFORMS``, or ``linear``.
        dim: number of pixels d.
        seed: of what is drawn.
        condition: κ of ``linear``.
    """
    if transform == "linear":
        return any_matrix(dim, seed, condition)
    return hidden_basis(transform, dim, seed)


def ideal_description(transform: str, basis: Array, topology: str) -> DataDescription:
    """Description of vectors whose true symmetry is known, for scoring only.

    Args:
        transform: a key of ``TRANSFORMS``, or ``linear``.
        basis: of ``hidden_matrix``, ``(d, d)``.
        topology: ``"chain"`` or ``"ring"``.

    Returns:
        With ``extra`` = ``topology``, ``ideal_name`` and ``ideal_basis`` (nested list, row k the
        direction of hidden position k); of ``linear`` ``axes`` and ``mixing``, row k of which is
        pixel k.
    """
    if transform == "linear":
        extra: dict[str, Any] = {"axes": [[len(basis), topology]], "mixing": basis.tolist()}
        return DataDescription("vector", (len(basis),), extra=extra)
    kind = "cyclic unit shift" if topology == "ring" else "unit shift"
    extra = {
        "topology": topology,
        "ideal_name": f"{kind} of {len(basis)} pixels{TRANSFORMS[transform][0]}",
        "ideal_basis": basis.tolist(),
    }
    return DataDescription("vector", (len(basis),), extra=extra)

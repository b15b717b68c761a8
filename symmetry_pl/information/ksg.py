"""Mutual information of continuous vectors from nearest neighbours (Kraskov et al. 2004)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import digamma
from torch import Tensor

__all__ = ["ksg", "whiten"]

Array: TypeAlias = Tensor | NDArray[Any]
Counts: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

TREE_MAX_DIM = 8  # above, brute force over all pairs costs less than a tree that prunes nothing
JITTER = 1e-10
CHUNK_ELEMENTS = 4_000_000  # distances held at once by the brute force, 32 MB each


def as_matrix(x: Array, name: str) -> tuple[NDArray[np.float64], float]:
    """Return a finite `(N, d)` float64 copy of `x` on the CPU and the precision it came in."""
    values = x.detach().cpu() if isinstance(x, Tensor) else torch.from_numpy(np.asarray(x))
    precision = torch.finfo(values.dtype).eps if values.is_floating_point() else 0.0
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name} must have shape (N, d), got {tuple(values.shape)}.")
    matrix = values.double().numpy().copy()
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} holds NaN or infinite values.")
    return matrix, max(4 * precision, 1e-12)


def check_pair(x: Array, y: Array) -> None:
    """Raise ValueError if `x` and `y` do not have the same number of rows."""
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same number of points, got {len(x)} and {len(y)}.")


def is_constant(x: NDArray[np.float64], tolerance: float) -> bool:
    """Whether every column of `x` varies by no more than its rounding error."""
    return bool(np.all(np.ptp(x, axis=0) <= tolerance * np.abs(x).max(axis=0)))


def whiten(x: Array) -> NDArray[np.float64]:
    """Return `x` with its columns decorrelated and scaled to variance 1, hardly turned.

    Columns are standardised, then multiplied by the pseudo-inverse square root of their
    correlation matrix (ZCA: uncorrelated columns are only standardised, not rotated). Directions
    whose spread is within the rounding error of the input's dtype (constant columns, exact linear
    dependences) carry nothing and are projected out; the shape is kept.

    Args:
        x: Points, `(N, d)` with N > d.

    Returns:
        `(N, d)`, float64, mean 0 and a projection as covariance: the identity if `x` has full rank.

    Raises:
        ValueError: If the shape is not `(N, d)`, N ≤ d, or a value is not finite.

    Example:
        >>> whiten(np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0]]))
        array([[-1.,  0.],
               [ 0.,  0.],
               [ 1.,  0.]])
    """
    matrix, tolerance = as_matrix(x, "x")
    n, dim = matrix.shape
    if n <= dim:
        raise ValueError(f"whitening {dim} columns needs more than {dim} points, got {n}.")
    columns = standardise_columns(matrix, tolerance)
    # The singular values of the data resolve directions 1e8 times fainter than the eigenvalues
    # of the correlation matrix would: a code hidden at a small scale is what whitening must show.
    left, singular, right = np.linalg.svd(columns, full_matrices=False)
    kept = singular > tolerance * max(singular[0], np.finfo(np.float64).tiny)
    white: NDArray[np.float64] = (left[:, kept] @ right[kept]) * np.sqrt(n - 1)
    return white


def standardise_columns(x: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Return the columns of `x` with mean 0 and variance 1; constant ones become 0."""
    deviation = x - x.mean(axis=0)
    scale = deviation.std(axis=0, ddof=1)
    varies = scale > tolerance * np.abs(x).max(axis=0)
    return np.where(varies, deviation, 0.0) / np.where(varies, scale, 1.0)


def ksg(
    x: Array,
    y: Array,
    k: int = 3,
    variant: Literal[1, 2] = 1,
    whiten: bool = False,
    max_points: int | None = None,
    seed: int = 0,
) -> float:
    """Return the Kraskov-Stögbauer-Grassberger estimate of I(X; Y), in nats.

    With εᵢ the max-norm distance from point i to its k-th neighbour in (x, y) space,

        1 (eq. 8): I = ψ(k) + ψ(N) − ⟨ψ(nₓ + 1) + ψ(n_y + 1)⟩,   n = #{j ≠ i: distance < εᵢ}
        2 (eq. 9): I = ψ(k) − 1/k + ψ(N) − ⟨ψ(nₓ) + ψ(n_y)⟩,     n = #{j ≠ i: distance ≤ εᵢ'}

    where distances are those in x or in y, and εᵢ' is the largest such distance among the k
    neighbours.

    The estimate is not clipped: it scatters around 0 for independent variables, and is exactly 0 if
    one of them is constant. It is biased low where information is high or dimensions are many, and
    the scale of the columns matters (information in a column of small scale is under-read), so
    report it beside its whitened twin and a held-out probe.

    Up to 8 dimensions in all use k-d trees, above that all pairs are compared. Both work in
    float64: strict inequalities must tell apart neighbour distances that float32 would merge.

    Args:
        x: Points, `(N, p)`.
        y: Points, `(N, q)`.
        k: Number of neighbours; more lowers the variance and raises the bias.
        variant: Which of the two estimators.
        whiten: Whether to decorrelate and rescale the columns of `x` and of `y` first.
        max_points: Random subsample to estimate from if N is larger; `None` uses all points.
        seed: Of the subsample, and of the jitter (1e-10 of each column's scale) that breaks ties.

    Raises:
        ValueError: If a shape is not `(N, d)`, the lengths differ, a value is not finite,
            k < 1, k ≥ N, or `variant` is neither 1 nor 2.

    Source:
        Kraskov, Stögbauer, Grassberger 2004, "Estimating mutual information", Phys. Rev. E 69.
    """
    x, x_tolerance = as_matrix(x, "x")
    y, y_tolerance = as_matrix(y, "y")
    check_pair(x, y)
    if variant not in (1, 2):
        raise ValueError(f"variant must be 1 or 2, got {variant}.")
    if max_points is not None and max_points < len(x):
        rows = np.random.default_rng(seed).choice(len(x), max(max_points, 0), replace=False)
        x, y = x[rows], y[rows]
    if not 0 < k < len(x):
        raise ValueError(f"k must lie between 1 and N - 1 = {len(x) - 1}, got {k}.")
    if is_constant(x, x_tolerance) or is_constant(y, y_tolerance):
        return 0.0
    if whiten:
        x, y = _whiten(x), _whiten(y)
    rng = np.random.default_rng(seed)
    x, y = _jittered(x, rng), _jittered(y, rng)
    tree = x.shape[1] + y.shape[1] <= TREE_MAX_DIM
    n_x, n_y = (_tree_counts if tree else _brute_force_counts)(x, y, k, variant)
    if variant == 1:
        bias, n_x, n_y = 0.0, n_x + 1, n_y + 1
    else:
        bias = 1 / k
    marginal = float(np.mean(digamma(n_x) + digamma(n_y)))
    return float(digamma(k)) - bias + float(digamma(len(x))) - marginal


_whiten = whiten  # `ksg` has an option of that name


def _jittered(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    jitter: NDArray[np.float64] = x.std(axis=0) * rng.standard_normal(x.shape)
    return x + JITTER * jitter


def _tree_counts(x: NDArray[np.float64], y: NDArray[np.float64], k: int, variant: int) -> Counts:
    """Count the marginal neighbours of every point with k-d trees."""
    joint = np.hstack([x, y])
    distance, index = cKDTree(joint).query(joint, k + 1, p=np.inf)
    counts = []
    for points in (x, y):
        if variant == 1:
            radius = np.nextafter(distance[:, -1], 0)
        else:
            radius = np.abs(points[index] - points[:, None]).max(axis=(1, 2))
        within = cKDTree(points).query_ball_point(points, radius, p=np.inf, return_length=True)
        counts.append(np.asarray(within, dtype=np.int64) - 1)
    return counts[0], counts[1]


def _brute_force_counts(
    x: NDArray[np.float64], y: NDArray[np.float64], k: int, variant: int
) -> Counts:
    """Count the marginal neighbours of every point by comparing all pairs, a chunk at a time."""
    points = torch.from_numpy(x), torch.from_numpy(y)
    counts: tuple[list[Tensor], list[Tensor]] = ([], [])
    step = max(1, CHUNK_ELEMENTS // len(x))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        d_x, d_y = (torch.cdist(p[rows], p, p=torch.inf) for p in points)
        nearest = torch.maximum(d_x, d_y).topk(k + 1, largest=False)
        for distance, count in ((d_x, counts[0]), (d_y, counts[1])):
            if variant == 1:
                inside = distance < nearest.values[:, -1:]
            else:
                inside = distance <= distance.gather(1, nearest.indices).amax(1, keepdim=True)
            count.append(inside.sum(1) - 1)
    return torch.cat(counts[0]).numpy(), torch.cat(counts[1]).numpy()

"""Rivals of the squares: embeddings and quadratic assignment, which are told the grid's shape."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from math import pi
from operator import attrgetter, itemgetter

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment, quadratic_assignment
from scipy.spatial.distance import cdist
from sklearn.covariance import graphical_lasso
from sklearn.manifold import Isomap, SpectralEmbedding
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.affinity import RIDGES, affinity
from symmetry_pl.lens.domains.search import Layout, local_share

__all__ = ["EMBEDDINGS", "embedded_layout", "need_umap", "on_grid"]

Array = npt.NDArray[np.float64]

_ANGLES = 16  # of a quarter of a turn, at which an embedding is laid on the grid
_ROUNDS = 5  # of refitting it to the cells that it was given
_NEIGHBOURS = 8  # of Isomap, those of an inner cell
_STARTS = 4  # of the quadratic assignment
_PENALTY = 0.02  # of the graphical lasso, in correlations


def embedded_layout(correlation: Tensor, method: str, shape: tuple[int, int]) -> Layout:
    """All pixels on the cells of a grid that is given, by one of ``EMBEDDINGS``.

    Nothing is left out, so that its ``completeness`` is 1 and says nothing.

    Args:
        correlation: C of the samples, ``(m, m)``.
        method: a name.
        shape: rows and columns, of at least m cells.

    Raises:
        ValueError: for more pixels than cells.
    """
    pixels, cells = len(correlation), shape[0] * shape[1]
    if pixels > cells:
        raise ValueError(
            f"model.height x model.width are {shape[0]} x {shape[1]} = {cells} cells, and "
            f"{pixels} inputs change"
        )
    places = torch.from_numpy(EMBEDDINGS[method](correlation.double().numpy(), shape))
    domain = Domain(((shape[0], "chain"), (shape[1], "chain")))
    near = affinity(correlation, RIDGES[0])
    return Layout(places, domain, 1.0, local_share(near, places, domain), RIDGES[0])


def on_grid(points: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Cells of a grid for points of the plane ``(m, 2)``, each its own: their numbers, ``(m,)``.

    Points are made as spread as the grid along their principal axes, turned by the best of 16
    angles a quarter of a turn, and then fitted to the cells that they were given by an affine map,
    five times: each time the assignment with the least squared distances.

    >>> cells = np.stack(np.divmod(np.arange(6), 3), 1).astype(float)
    >>> on_grid(cells, (2, 3)).tolist() in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0],
    ...     [2, 1, 0, 5, 4, 3], [3, 4, 5, 0, 1, 2])
    True
    """
    cells = np.stack(np.divmod(np.arange(shape[0] * shape[1]), shape[1]), 1).astype(float)
    cells -= cells.mean(0)
    points = points - points.mean(0)
    axes, deviations, _ = np.linalg.svd(points.T, full_matrices=False)
    spread = points @ axes * (len(points) ** 0.5 / np.maximum(deviations, 1e-12))
    # a grid is its own image under half a turn, a square one under a quarter
    angles = _ANGLES if shape[0] == shape[1] else 2 * _ANGLES
    turned = (spread @ _turn(k * pi / 2 / _ANGLES) * cells.std(0) for k in range(angles))
    _, given = min((_assigned(one, cells) for one in turned), key=itemgetter(0))
    for _ in range(_ROUNDS):
        fitted = points @ np.linalg.lstsq(points, cells[given], rcond=None)[0]
        given = _assigned(fitted, cells)[1]
    return given


def _turn(angle: float) -> Array:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _assigned(points: Array, cells: Array) -> tuple[float, npt.NDArray[np.int64]]:
    apart = cdist(points, cells, "sqeuclidean")
    rows, columns = linear_sum_assignment(apart)
    return float(apart[rows, columns].sum()), columns.astype(np.int64)


def _distances(correlation: Array) -> Array:
    """√(2 − 2 C), those of standardised columns."""
    apart: Array = np.sqrt(np.maximum(2 - 2 * correlation, 0.0))
    np.fill_diagonal(apart, 0.0)
    return apart


def _scaling(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Classical multidimensional scaling (Torgerson 1952)."""
    squares = _distances(correlation) ** 2
    centred = squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    return on_grid(vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0)), shape)


def _isomap(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Isomap (Tenenbaum, de Silva and Langford 2000)."""
    neighbours = min(_NEIGHBOURS, len(correlation) - 1)
    embedding = Isomap(n_neighbors=neighbours, n_components=2, metric="precomputed")
    return on_grid(embedding.fit_transform(_distances(correlation)), shape)


def _umap(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """UMAP (McInnes, Healy and Melville 2018), each point among its own neighbours."""
    need_umap()
    from umap import UMAP  # compiles for half a minute

    neighbours = min(_NEIGHBOURS + 1, len(correlation) - 1)
    embedding = UMAP(n_neighbors=neighbours, metric="precomputed", random_state=0, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "using precomputed metric")  # nothing is inverted here
        points = embedding.fit_transform(_distances(correlation))
    return on_grid(points.astype(float), shape)


def need_umap() -> None:
    """See that UMAP is there.

    Raises:
        ModuleNotFoundError: where it is not, in one sentence.
    """
    if find_spec("umap") is None:
        raise ModuleNotFoundError(
            "model.method umap needs umap-learn, which is not installed: "
            "pip install symmetry_pl[rivals]"
        )


def _spectral(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Laplacian eigenmaps (Belkin and Niyogi 2003) of the positive partial correlations."""
    strength = affinity(torch.from_numpy(correlation), RIDGES[0]).strength.clamp_min(0).numpy()
    embedding = SpectralEmbedding(2, affinity="precomputed", random_state=0)
    return on_grid(embedding.fit_transform(strength), shape)


def _quadratic(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Fast approximate quadratic assignment (Vogelstein et al. 2015) of partial correlations."""
    strength = affinity(torch.from_numpy(correlation), RIDGES[0]).strength
    return _matched(strength.numpy(), shape)


def _lasso(correlation: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """The same of those of the graphical lasso (Friedman, Hastie and Tibshirani 2008)."""
    precision = graphical_lasso(correlation, _PENALTY, max_iter=200)[1]
    scale = np.sqrt(precision.diagonal())
    strength = -precision / scale / scale[:, None]
    np.fill_diagonal(strength, 0.0)
    return _matched(strength, shape)


def _matched(strength: Array, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Cells that bring strong pairs side by side, the best of several starts."""
    cells = shape[0] * shape[1]
    rows, columns = np.divmod(np.arange(cells), shape[1])
    apart = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    beside = (apart == 1).astype(float)
    pairs = np.zeros((cells, cells))
    pairs[: len(strength), : len(strength)] = np.maximum(strength, 0.0)
    starts = (
        {"P0": "randomized" if k else "barycenter", "rng": np.random.default_rng(k)}
        for k in range(_STARTS)
    )
    options = {"maximize": True, "maxiter": 60}
    found = [
        quadratic_assignment(pairs, beside, method="faq", options=options | start)
        for start in starts
    ]
    best: Array = max(found, key=attrgetter("fun")).col_ind[: len(strength)]
    return best.astype(np.int64)


EMBEDDINGS: dict[str, Callable[[Array, tuple[int, int]], npt.NDArray[np.int64]]] = {
    "scaling": _scaling,
    "isomap": _isomap,
    "umap": _umap,
    "spectral": _spectral,
    "quadratic": _quadratic,
    "lasso": _lasso,
}
"""By name: cells ``(m,)`` of correlations ``(m, m)`` on a grid of so many rows and columns."""

"""Gaussian fields on graphs, most of which are no lattice: what a verdict is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.scrambles import Scramble
from symmetry_pl.datamodules.vectors.vector_data import VectorDataModule, VectorDataset
from symmetry_pl.groups.domain import Domain, Topology

__all__ = ["DOMAINS", "GRAPHS", "GraphFieldsDataModule"]

Array = npt.NDArray[np.float64]
Rng = np.random.Generator
Graph = Literal[
    "chain",
    "ring",
    "lattice",
    "tree",
    "random",
    "regular",
    "small_world",
    "modules",
    "triangles",
    "cube",
    "cylinder",
    "torus",
    "everyone",
]

_TIED = 0.9  # of the largest eigenvalue at which a field has infinite variance


def _product(*axes: tuple[int, Any]) -> Array:
    """Adjacency of a product of lines."""
    domain = Domain(axes)
    return _both_ways(sum(domain.shift(axis).numpy() for axis in range(domain.dimensions)))


def _both_ways(edges: Any) -> Array:
    """Symmetric adjacency of edges that may be named once."""
    joined: Array = ((edges + edges.T) > 0).astype(np.float64)
    return joined


def _side(size: int, dimensions: int) -> int:
    return max(2, round(float(size ** (1 / dimensions))))


def _tree(rng: Rng, size: int) -> Array:
    edges = np.zeros((size, size))
    for k in range(1, size):
        edges[k, rng.integers(k)] = 1
    return _both_ways(edges)


def _random(rng: Rng, size: int) -> Array:
    return _both_ways(np.triu(rng.random((size, size)) < 4 / size, 1))


def _regular(rng: Rng, size: int) -> Array:
    """Two random cycles through all pixels, so that nearly each has four neighbours."""
    edges = np.zeros((size, size))
    for _ in range(2):
        order = rng.permutation(size)
        edges[order, np.roll(order, 1)] = 1
    return _both_ways(edges)


def _small_world(rng: Rng, size: int) -> Array:
    """A lattice of which a tenth of the edges lead elsewhere."""
    side = _side(size, 2)
    edges = _product((side, "chain"), (side, "chain"))
    pairs = np.argwhere(np.triu(edges))
    for a, b in pairs[rng.random(len(pairs)) < 0.1]:
        c = rng.integers(len(edges))
        edges[a, b] = edges[b, a] = 0
        edges[a, c] = edges[c, a] = float(c != a)
    return edges


def _modules(rng: Rng, size: int) -> Array:
    """Groups of six, each pixel tied to most of its group."""
    group = np.arange(size) // 6
    within = (group[:, None] == group) & (rng.random((size, size)) < 0.8)
    return _both_ways(np.triu(within, 1))


def _triangles(rng: Rng, size: int) -> Array:
    """A lattice with one diagonal in each tile, which is not a square lattice."""
    side = _side(size, 2)
    down = Domain(((side, "chain"), (side, "chain")))
    diagonal = (down.shift(0) @ down.shift(1)).numpy()
    return _both_ways(_product((side, "chain"), (side, "chain")) + diagonal)


def _cube(rng: Rng, size: int) -> Array:
    side = _side(size, 3)
    return _product(*[(side, "chain")] * 3)


def _square(size: int, *topologies: Topology) -> Domain:
    side = max(3, _side(size, 2)) if "ring" in topologies else _side(size, 2)
    first, second = topologies
    return Domain(((side, first), (side, second)))


DOMAINS: dict[str, Callable[[int], Domain]] = {
    "chain": lambda size: Domain.line(size),
    "ring": lambda size: Domain.line(size, "ring"),
    "lattice": lambda size: _square(size, "chain", "chain"),
    "cylinder": lambda size: _square(size, "chain", "ring"),
    "torus": lambda size: _square(size, "ring", "ring"),
}
"""Graphs that are a domain."""

GRAPHS: dict[str, Callable[[Rng, int], Array]] = {
    "tree": _tree,
    "random": _random,
    "regular": _regular,
    "small_world": _small_world,
    "modules": _modules,
    "triangles": _triangles,
    "cube": _cube,
    "everyone": lambda rng, size: np.ones((size, size)) - np.eye(size),
}
"""Graphs that are none; adjacency ``(d, d)`` of (generator, d)."""


class GraphFieldsDataModule(VectorDataModule):
    r"""Gaussian vectors in which the neighbours on a graph are tied, in a secret order.

    .. math:: x \sim N(0, P^{-1}), \quad P = 1 - .9\, K / \lambda_{\max}(K)

    with K the adjacency, weighted at random if ``uneven``. Partial correlations are the edges of
    the graph, so that only its shape decides. Graph, weights, order and samples depend on
    ``split_seed``.

    Args:
        graph: a key of ``DOMAINS`` or ``GRAPHS``.
        size: about how many pixels; a lattice has the nearest square number, a cube the nearest
            third power.
        uneven: u; edges have weights uniform in (1 − u, 1).
        samples: size of the training set.
        eval_samples: size of the validation set and of the test set.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for a name or a size that cannot be.

    >>> GraphFieldsDataModule("cube", size=30, samples=50).training_inputs().shape
    torch.Size([50, 27])
    """

    def __init__(
        self,
        graph: Graph = "lattice",
        size: int = 64,
        uneven: float = 0.0,
        samples: int = 10_000,
        eval_samples: int = 2_000,
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__("chain", batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs)
        check_choice("graph", graph, (*DOMAINS, *GRAPHS))
        check_at_least(4, size=size)
        check_at_least(1, samples=samples, eval_samples=eval_samples)
        if not 0 <= uneven < 1:
            raise ValueError(f"data.uneven must be at least 0 and below 1, got {uneven}")
        self.graph = graph
        self.sizes = {"train": samples, "val": eval_samples, "test": eval_samples}
        rng = np.random.default_rng([self.split_seed, 1 << 20])
        self.domain = DOMAINS[graph](size) if graph in DOMAINS else None
        edges = GRAPHS[graph](rng, size) if self.domain is None else _product(*self.domain.axes)
        weights = 1 - uneven * np.triu(rng.random(edges.shape), 1)
        tied = np.triu(edges, 1) * weights
        tied = tied + tied.T
        strongest = float(np.linalg.eigvalsh(tied)[-1])
        covariance = np.linalg.inv(np.eye(len(tied)) - _TIED * tied / strongest)
        self.root_covariance: Array = np.linalg.cholesky(covariance)
        self.scramble = Scramble("permutation", len(tied), self.split_seed)

    @property
    def description(self) -> DataDescription:
        """Vectors; the true places are in ``extra`` where there is a domain."""
        extra: dict[str, Any] = {}
        if self.domain is not None:
            extra = {**self.scramble.truth, "axes": [list(axis) for axis in self.domain.axes]}
        return DataDescription("vector", (len(self.root_covariance),), extra=extra)

    def make_split(self, name: str) -> VectorDataset:
        """Draw a set."""
        rng = np.random.default_rng([self.split_seed, STREAMS[name]])
        normal = rng.standard_normal((self.sizes[name], len(self.root_covariance)))
        return VectorDataset(
            torch.from_numpy(self.scramble(normal @ self.root_covariance.T)).float()
        )

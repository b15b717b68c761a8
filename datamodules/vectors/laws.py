"""Laws of vectors, some with a hidden symmetry and more without any: what a verdict is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import expm
from sklearn import datasets

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.vector_data import VectorDataModule, VectorDataset
from symmetry_pl.datamodules.vectors.waveforms import (
    TRANSFORMS,
    hidden_matrix,
    ideal_description,
)

__all__ = ["PLANTED", "WITHOUT", "LawsDataModule"]

Array = npt.NDArray[np.float64]
Rng = np.random.Generator
Law = Callable[[Rng, Rng, int, int], Array]
"""(of the law itself, of the samples, n, d) to samples ``(n, d)``."""


# -- with a symmetry: stationary along a line -----------------------------------------------------


def _pulses(rng: Rng, n: int, d: int, width: float, ring: bool, slots: int = 5) -> Array:
    """Sums of Gaussian pulses whose centres are uniform far beyond the line, or on the ring."""
    t = np.arange(d) - (d - 1) / 2
    x = np.zeros((n, d))
    for _ in range(slots):
        centre = rng.uniform(-d / 2, d / 2, n) if ring else rng.uniform(-d, d, n)
        size = rng.uniform(0.5, 1.5, n) * (rng.random(n) < 0.5)
        r = t - centre[:, None]
        if ring:
            r = (r + d / 2) % d - d / 2
        x += size[:, None] * np.exp(-0.5 * (r / (width * rng.uniform(0.7, 1.3, n)[:, None])) ** 2)
    return x


def _chain(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return _pulses(rng, n, d, law.uniform(0.5, 0.9), ring=False)


def _wide_chain(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return _pulses(rng, n, d, law.uniform(1.5, 2.5), ring=False)


def _ring(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return _pulses(rng, n, d, law.uniform(0.5, 0.9), ring=True)


def _autoregression(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """x_t = a x_{t−1} + e_t with sparse Laplace shocks, from its stationary law."""
    a = law.uniform(0.4, 0.8)
    shocks = rng.laplace(size=(n, 4 * d)) * (rng.random((n, 4 * d)) < 0.3)
    x = np.zeros((n, 4 * d))
    for t in range(4 * d):
        x[:, t] = a * x[:, t - 1] * (t > 0) + shocks[:, t]
    return x[:, 3 * d :]


def _decays(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Shot noise: steps up that decay to one side."""
    rate = law.uniform(0.5, 1.0)
    t = np.arange(d)
    x = np.zeros((n, d))
    for _ in range(6):
        since = t - rng.uniform(-d, d, n)[:, None]
        size = (rng.exponential(size=n) * (rng.random(n) < 0.6))[:, None]
        x += size * np.where(since >= 0, np.exp(-rate * np.maximum(since, 0)), 0)
    return x


# -- without ---------------------------------------------------------------------------------------


def _turn(law: Rng, d: int) -> Array:
    turn: Array = np.linalg.qr(law.standard_normal((d, d)))[0]
    return turn


def _scales(law: Rng, d: int, spread: float = 0.5) -> Array:
    return np.exp(law.normal(0, spread, d))


def _white(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.standard_normal((n, d))


def _coloured(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.standard_normal((n, d)) * _scales(law, d, 0.7) @ _turn(law, d)


def _laplace(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.laplace(size=(n, d))


def _laplace_scaled(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.laplace(size=(n, d)) * _scales(law, d)


def _laplace_mixed(law: Rng, rng: Rng, n: int, d: int) -> Array:
    mixed: Array = rng.laplace(size=(n, d)) @ law.standard_normal((d, d)) / d**0.5
    return mixed + 0.1 * rng.standard_normal((n, d))


def _uniform(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.uniform(-1, 1, (n, d)) * _scales(law, d) @ _turn(law, d)


def _elliptical(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return _coloured(law, rng, n, d) / np.sqrt(rng.chisquare(5, n) / 5)[:, None]


def _spherical(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(5, n) / 5)[:, None]


def _walk(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Sums of independent steps: neighbours are alike, but variance grows from end to end.

    A rotation makes an autoregression of it, which is stationary but for its ends: it takes some
    100,000 samples to see that there is no symmetry behind one.
    """
    return np.cumsum(rng.laplace(size=(n, d)), axis=1)


def _trend(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Lines of random height and slope under noise that grows along them."""
    along = np.linspace(-1, 1, d)
    lines = rng.laplace(size=(n, 1)) + law.uniform(0.5, 1.5) * rng.laplace(size=(n, 1)) * along
    return lines + rng.laplace(size=(n, d)) * np.exp(along)


def _volatility(law: Rng, rng: Rng, n: int, d: int) -> Array:
    return _laplace_scaled(law, rng, n, d) * np.exp(rng.normal(0, 0.6, n))[:, None]


def _graph(law: Rng, d: int, kind: str) -> Array:
    edges = np.zeros((d, d))
    if kind == "random":
        edges = (law.random((d, d)) < 3 / d).astype(float)
    else:  # a tree
        for k in range(1, d):
            edges[k, law.integers(k)] = 1
    edges[:] = np.maximum(edges, edges.T)
    np.fill_diagonal(edges, 0)
    return edges


def _energies(kind: str) -> Law:
    def law_of(law: Rng, rng: Rng, n: int, d: int) -> Array:
        """Signs at random, energies a Gaussian field on a graph."""
        edges = _graph(law, d, kind)
        field = np.linalg.inv(np.diag(edges.sum(1)) - edges + 0.3 * np.eye(d))
        scale = np.sqrt(np.diag(field))
        root = np.linalg.cholesky(field / scale[:, None] / scale)
        energy: Array = np.exp(rng.standard_normal((n, d)) @ root.T)
        return rng.standard_normal((n, d)) * energy * _scales(law, d, 0.3)

    return law_of


def _positive(kind: str) -> Law:
    def law_of(law: Rng, rng: Rng, n: int, d: int) -> Array:
        """Sparse positive sources that spread to the neighbours on a graph."""
        spread = np.eye(d) + 0.6 * _graph(law, d, kind) * law.uniform(0.3, 1, (d, d))
        mixed: Array = (rng.exponential(size=(n, d)) * (rng.random((n, d)) < 0.2)) @ spread
        return mixed

    return law_of


def _clusters(law: Rng, rng: Rng, n: int, d: int) -> Array:
    centres = 2 * law.standard_normal((6, d))
    return centres[rng.integers(6, size=n)] + rng.standard_normal((n, d)) * _scales(law, d, 0.3)


def _dictionary(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Sparse codes of twice as many atoms as dimensions."""
    codes = rng.laplace(size=(n, 2 * d)) * (rng.random((n, 2 * d)) < 0.15)
    mixed: Array = codes @ (law.standard_normal((2 * d, d)) / d**0.5)
    return mixed


def _fading(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Pulses on a chain that are seven times as strong at one end."""
    x = _chain(law, rng, n, d) * np.exp(np.linspace(0, 2, d))
    return x + 0.05 * rng.standard_normal((n, d))


def _warped(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Pulses on a line whose pixels lie the denser the further left."""
    t = np.expm1(2 * np.linspace(0, 1, d)) / np.expm1(2) * d - d / 2
    x = np.zeros((n, d))
    for _ in range(5):
        size = rng.uniform(0.5, 1.5, n) * (rng.random(n) < 0.5)
        x += size[:, None] * np.exp(-0.5 * (t - rng.uniform(-d, d, n)[:, None]) ** 2)
    return x + 0.05 * rng.standard_normal((n, d))


def _skewed(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """A common factor beside exponential columns of different scales."""
    common = rng.standard_normal((n, 1)) + 0.7 * rng.standard_normal((n, d))
    return common + rng.exponential(size=(n, d)) * _scales(law, d, 0.4)


def _turned_exponentials(law: Rng, rng: Rng, n: int, d: int) -> Array:
    """Exponential sources mixed by a random rotation near the identity."""
    lean = law.standard_normal((d, d)) / d**0.5
    mixed: Array = rng.exponential(size=(n, d)) * _scales(law, d) @ expm(lean - lean.T)
    return mixed


def _table(name: str) -> Law:
    def law_of(law: Rng, rng: Rng, n: int, d: int) -> Array:
        """Rows of a real table, its columns scaled; as many as there are."""
        x: Array = getattr(datasets, f"load_{name}")().data
        x = x[:, x.std(0) > 0.1 * x.std()] if name == "digits" else x
        x = x[:, law.permutation(x.shape[1])[:d]]
        x = (x - x.mean(0)) / x.std(0)
        x = x[rng.permutation(len(x))[:n]]
        return x + 1e-3 * rng.standard_normal(x.shape)

    return law_of


PLANTED: dict[str, tuple[Law, Literal["chain", "ring"]]] = {
    "chain": (_chain, "chain"),
    "wide_chain": (_wide_chain, "chain"),
    "autoregression": (_autoregression, "chain"),
    "decays": (_decays, "chain"),
    "ring": (_ring, "ring"),
}
"""Laws with a symmetry, and of which line."""

WITHOUT: dict[str, Law] = {
    "white": _white,
    "coloured": _coloured,
    "laplace": _laplace,
    "laplace_scaled": _laplace_scaled,
    "laplace_mixed": _laplace_mixed,
    "uniform": _uniform,
    "elliptical": _elliptical,
    "spherical": _spherical,
    "walk": _walk,
    "trend": _trend,
    "volatility": _volatility,
    "energies_random": _energies("random"),
    "energies_tree": _energies("tree"),
    "positive_random": _positive("random"),
    "positive_tree": _positive("tree"),
    "clusters": _clusters,
    "dictionary": _dictionary,
    "fading": _fading,
    "warped": _warped,
    "skewed": _skewed,
    "turned_exponentials": _turned_exponentials,
    "diabetes": _table("diabetes"),
    "breast_cancer": _table("breast_cancer"),
    "wine": _table("wine"),
    "digits": _table("digits"),
}
"""Laws without any: of each, positions have no order in which the law is stationary."""


class LawsDataModule(VectorDataModule):
    """Vectors of a named law, one of ``PLANTED`` or ``WITHOUT``.

    What is drawn once for a law, as its graph or its scales, depends on ``split_seed``, and so do
    the samples. The truth of planted laws is in ``extra``, for scoring only; tables are as long
    and as wide as they are.

    Args:
        law: its name.
        dim: d.
        samples: size of the training set.
        eval_samples: size of the validation set and of the test set.
        noise: standard deviation of what is added, in units of that of the samples.
        transform: the hidden basis, as of ``SignalsDataModule``.
        transform_seed: of ``permuted``, ``random_orthogonal`` and ``linear``.
        condition: κ of ``linear``.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for a name that there is not.

    >>> data = LawsDataModule("trend", dim=5, samples=100, eval_samples=50)
    >>> data.training_inputs().shape, "ideal_basis" in data.description.extra
    (torch.Size([100, 5]), False)
    """

    def __init__(
        self,
        law: str = "chain",
        dim: int = 15,
        samples: int = 10_000,
        eval_samples: int = 2_000,
        noise: float = 0.0,
        transform: Literal[
            "natural", "permuted", "frequency", "random_orthogonal", "linear"
        ] = "random_orthogonal",
        transform_seed: int = 0,
        condition: float = 2.0,
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        **kwargs: Any,
    ) -> None:
        check_choice("law", law, (*PLANTED, *WITHOUT))
        check_choice("transform", transform, (*TRANSFORMS, "linear"))
        check_at_least(1, condition=condition)
        check_at_least(3, dim=dim)
        check_at_least(1, samples=samples, eval_samples=eval_samples)
        check_at_least(0, noise=noise)
        topology = PLANTED[law][1] if law in PLANTED else "chain"
        super().__init__(topology, batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs)
        self.law = law
        self.sizes = {"train": samples, "val": eval_samples, "test": eval_samples}
        self.noise = noise
        self.transform, self.transform_seed, self.dim = transform, transform_seed, dim
        self.condition = condition

    @property
    def description(self) -> DataDescription:
        """Vectors; the true symmetry is in ``extra`` where there is one."""
        width = self.split("train").x.shape[1]
        if self.law not in PLANTED:
            return DataDescription("vector", (width,))
        basis = self._matrix(width)
        return ideal_description(self.transform, basis, self.topology)

    def _matrix(self, width: int) -> npt.NDArray[np.float64]:
        return hidden_matrix(self.transform, width, self.transform_seed, self.condition)

    def make_split(self, name: str) -> VectorDataset:
        """Draw a set; sets of one law share what is drawn once."""
        count = self.sizes[name]
        law = PLANTED[self.law][0] if self.law in PLANTED else WITHOUT[self.law]
        rng = np.random.default_rng([self.split_seed, STREAMS[name]])
        x = law(np.random.default_rng([self.split_seed, 1 << 20]), rng, count, self.dim)
        x = x / x.std()
        if self.noise:
            x = x + self.noise * rng.standard_normal(x.shape)
        return VectorDataset(torch.from_numpy(x @ self._matrix(x.shape[1])).to(self.dtype))

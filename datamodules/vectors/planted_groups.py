"""Vectors whose law has a planted linear symmetry, or none, behind a random change of basis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import expm, null_space
from scipy.special import ndtri

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.vector_data import VectorDataModule, VectorDataset

__all__ = ["PlantedGroup", "PlantedGroupsDataModule", "planted_group", "torus_closure"]

Array = npt.NDArray[np.float64]

_LAW = 1 << 35  # streams of what a law is made of
_PERIODS = 1e4  # turns of a rotation, so that an irrational one fills its torus
_REACH = 8.0  # length of the range of t of groups without a uniform law
_LARGEST = 6  # integer in a relation between frequencies
_CHUNK = 4096


class PlantedGroup(NamedTuple):
    """A group that moves the samples of a law, and all generators that the law then has.

    Args:
        moved: generators that samples are moved by, ``(m, d, d)``.
        algebra: generators of the smallest closed group with them, ``(g, d, d)``.
        compact: whether it has a uniform law that samples can be moved by.
    """

    moved: Array
    algebra: Array
    compact: bool = True


def torus_closure(frequencies: Sequence[float]) -> Array:
    r"""Directions of the torus that t ↦ (ω_1 t, …, ω_m t) fills, ``(g, m)``, orthonormal.

    A law has the symmetries of the closure of a group: it is all v with k·v = 0 for every integer
    k with k·ω = 0. Relations with integers up to 6 are found.

    >>> torus_closure([1.0, 2.0]).shape, torus_closure([1.0, 2.0**0.5]).shape
    ((1, 2), (2, 2))
    """
    omega = np.asarray(frequencies, float)
    whole = range(-_LARGEST, _LARGEST + 1)
    integers = np.array(list(product(whole, repeat=len(omega))))
    relations = integers[np.abs(integers @ omega) < 1e-9 * max(1.0, np.abs(omega).max())]
    found: Array = null_space(relations.astype(float)).T
    return found


def _rotations(dim: int, frequencies: Sequence[float]) -> PlantedGroup:
    most = min(4, dim // 2)
    if not any(frequencies) or len(frequencies) > most:
        raise ValueError(
            f"data.frequencies needs 1 to {most} numbers for {dim} columns, one for "
            f"each plane and not all 0, got {list(frequencies)}"
        )
    planes = np.zeros((len(frequencies), dim, dim))
    for k in range(len(frequencies)):
        planes[k, 2 * k + 1, 2 * k], planes[k, 2 * k, 2 * k + 1] = 1.0, -1.0
    one = np.tensordot(np.asarray(frequencies, float), planes, 1)[None]
    return PlantedGroup(one, np.tensordot(torus_closure(frequencies), planes, 1))


def _levi_civita() -> Array:
    turns = np.zeros((3, 3, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        turns[a, c, b], turns[a, b, c] = 1.0, -1.0
    return turns


def _so3_vectors(dim: int) -> PlantedGroup:
    if dim % 3:
        raise ValueError(f"data.dim must be a multiple of 3 for group so3_vectors, got {dim}")
    generators = np.array([np.kron(np.eye(dim // 3), turn) for turn in _levi_civita()])
    return PlantedGroup(generators, generators)


def _so3_tensors(dim: int) -> PlantedGroup:
    """Symmetric 3 x 3 matrices S under R S Rᵀ: xx, yy, zz and √2 times yz, zx, xy."""
    if dim != 6:
        raise ValueError(f"data.dim must be 6 for group so3_tensors, got {dim}")
    basis = np.zeros((6, 3, 3))
    for k, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (2, 0), (0, 1))):
        basis[k, a, b] = basis[k, b, a] = 1.0 if a == b else 0.5**0.5
    brackets = [turn @ basis - basis @ turn for turn in _levi_civita()]
    generators = np.array([np.einsum("iab,jab->ij", basis, one) for one in brackets])
    return PlantedGroup(generators, generators)


def _scaling(dim: int) -> PlantedGroup:
    return PlantedGroup(np.eye(dim)[None], np.eye(dim)[None], compact=False)


def _boost(dim: int) -> PlantedGroup:
    generator = np.zeros((1, dim, dim))
    generator[0, 0, 1] = generator[0, 1, 0] = 1.0
    return PlantedGroup(generator, generator, compact=False)


def _none(dim: int) -> PlantedGroup:
    return PlantedGroup(np.zeros((0, dim, dim)), np.zeros((0, dim, dim)))


_GROUPS = {
    "so3_vectors": _so3_vectors,
    "so3_tensors": _so3_tensors,
    "scaling": _scaling,
    "boost": _boost,
    "none": _none,
}


def planted_group(group: str, dim: int, frequencies: Sequence[float] = ()) -> PlantedGroup:
    """A group by its name, on vectors of so many numbers.

    Raises:
        ValueError: if it does not act on so many.
    """
    return _rotations(dim, frequencies) if group == "rotations" else _GROUPS[group](dim)


class PlantedGroupsDataModule(VectorDataModule):
    r"""Samples of a law without symmetry, each moved by a random element of a group.

    .. math:: x = M\, \exp\Bigl(\sum_j t_j X_j\Bigr)\, y, \qquad
        y = c_b + s\, A_b\, \varepsilon, \quad \varepsilon \sim N(0, I)

    with b one of a few blobs, c, A their random centres and shapes, and M a random matrix. Elements
    of a compact group follow its uniform law; of scalings and boosts t is uniform in (−4, 4), so
    that the law is left alone only away from its ends. c, A and M follow from ``law_seed``.

    Args:
        group: ``rotations`` of planes by multiples of one angle, ``so3_vectors`` (several vectors
            turned together), ``so3_tensors`` (a symmetric matrix, such as that of inertia),
            ``scaling``, ``boost`` of the first two coordinates, or ``none``.
        dim: d, at least 3.
        frequencies: of the planes, for ``rotations``. A law that is left alone by rotations of
            irrational ratio is left alone by all rotations of the torus that they fill.
        mixing: M, ``none``, ``orthogonal`` or ``general`` (singular values 3^(−1/2) … 3^(1/2)).
        law_seed: of centres and M; ``split_seed`` if null.
        blobs: number of blobs.
        spread: s; entries of c have a variance of 1, those of A of 1/d.
        samples: size of the training set.
        eval_samples: size of the validation set and of the test set.
        kwargs: options of ``VectorDataModule`` but ``topology``.

    Raises:
        ValueError: for an unknown name, or sizes that do not fit together.
    """

    def __init__(
        self,
        group: Literal[
            "rotations", "so3_vectors", "so3_tensors", "scaling", "boost", "none"
        ] = "rotations",
        dim: int = 4,
        frequencies: list[float] | None = None,
        mixing: Literal["none", "orthogonal", "general"] = "general",
        law_seed: int | None = None,
        blobs: int = 3,
        spread: float = 0.3,
        samples: int = 60_000,
        eval_samples: int = 10_000,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__("chain", dtype, **kwargs)
        check_choice("group", group, ("rotations", *_GROUPS))
        check_choice("mixing", mixing, ("none", "orthogonal", "general"))
        check_at_least(3, dim=dim)
        check_at_least(1, samples=samples, eval_samples=eval_samples, blobs=blobs)
        check_at_least(0, spread=spread)
        self.group = planted_group(group, dim, [1.0, 2.0] if frequencies is None else frequencies)
        self.samples = {"train": samples, "val": eval_samples, "test": eval_samples}
        self.spread = spread
        seed = self.split_seed if law_seed is None else law_seed
        drawn = ndtri(counter_uniform(seed, _LAW, range(blobs), dim + dim * dim))
        self.centres, self.shapes = drawn[:, :dim], drawn[:, dim:].reshape(blobs, dim, dim)
        self.shapes = self.shapes / dim**0.5
        self.mixing = _mixing(mixing, dim, seed)

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``; all generators of the law in ``extra``, for scoring only."""
        m = self.mixing
        truth = m @ self.group.algebra @ np.linalg.inv(m)
        return DataDescription("vector", (len(m),), extra={"algebra": truth.tolist()})

    def make_split(self, name: str) -> VectorDataset:
        """Draw the set: sample i is a function of (split_seed, split, i)."""
        count, dim = self.samples[name], len(self.mixing)
        drawn = torch.empty(count, dim, dtype=self.dtype)
        for start in range(0, count, _CHUNK):
            # always whole pieces: the last bits of a matrix product depend on the number of rows
            rows = np.arange(start, start + _CHUNK)
            uniform = counter_uniform(self.split_seed, STREAMS[name], rows, dim + 5)
            blob = (uniform[:, 0] * len(self.centres)).astype(int)
            noise = np.einsum("nab,nb->na", self.shapes[blob], ndtri(uniform[:, 5:]))
            y = self.centres[blob] + self.spread * noise
            x = self._moved(y, uniform[:, 1:5]) @ self.mixing.T
            drawn[start : start + _CHUNK] = torch.from_numpy(x)[: count - start]
        return VectorDataset(drawn)

    def _moved(self, y: Array, uniform: Array) -> Array:
        """Each of ``(B, d)`` by an element of the group, from 4 uniform numbers."""
        generators = self.group.moved
        if len(generators) == 3:
            turned: Array = np.einsum("nab,nb->na", _rotated(generators, ndtri(uniform)), y)
            return turned
        for one in generators:  # one or none
            amounts = uniform[:, 0] - 0.5
            amounts = amounts * (2 * np.pi * _PERIODS if self.group.compact else _REACH)
            y = _along(one, amounts, y)
        return y


def _along(generator: Array, t: Array, y: Array) -> Array:
    """exp(t X) y of each of ``(B, d)``, by the eigenvectors of a normal X."""
    values, vectors = np.linalg.eig(generator)
    moved: Array = np.real((np.exp(np.outer(t, values)) * (y @ vectors.conj())) @ vectors.T)
    return moved


def _rotated(generators: Array, normal: Array) -> Array:
    """Matrices ``(B, d, d)`` of rotations, uniform on SO(3), from four normal numbers each.

    A quaternion (cos α/2, n sin α/2) turns by α about n: exp(α n·X).
    """
    quaternion = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    sine = np.linalg.norm(quaternion[:, 1:], axis=1)
    angle = 2 * np.arctan2(sine, quaternion[:, 0])
    axis = quaternion[:, 1:] / sine[:, None]
    logarithm = np.einsum("nj,jab->nab", angle[:, None] * axis, generators)
    matrices: Array = expm(logarithm)
    return matrices


def _mixing(kind: str, dim: int, seed: int) -> Array:
    if kind == "none":
        return np.eye(dim)
    normal = ndtri(counter_uniform(seed, _LAW + 1, range(2 * dim), dim))
    first, second = (np.linalg.qr(part)[0] for part in (normal[:dim], normal[dim:]))
    if kind == "orthogonal":
        return np.asarray(first)
    stretch = 3.0 ** (counter_uniform(seed, _LAW + 2, [0], dim)[0] - 0.5)
    mixed: Array = (first * stretch) @ second
    return mixed

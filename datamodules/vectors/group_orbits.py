"""Vectors whose law or target a known group leaves alone: tasks of adversarial discovery."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.lotka_volterra import orbit_pairs
from symmetry_pl.datamodules.vectors.vector_data import VectorDataModule, VectorDataset

__all__ = ["ORBITS", "GroupOrbitsDataModule", "OrbitLaw"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OrbitLaw:
    """A law of samples, and the group that it is invariant under.

    Args:
        name: of the group.
        columns: uniform numbers a sample.
        draw: of these ``(B, columns)`` to inputs ``(B, n)`` and targets ``(B, t)``.
        algebra: a basis of the Lie algebra, ``(k, n, n)``; k = 0 where no matrices are a group.
        form: the one quadratic form that the group leaves alone, as a diagonal ``(n,)``; empty
            where there are several.
        targets: t.
        invariant: key of ``groups.invariants.INVARIANTS`` of a quantity that is conserved.
    """

    name: str
    columns: int
    draw: Callable[[Array], tuple[Array, Array]]
    algebra: Array
    form: tuple[float, ...]
    targets: int = 1
    invariant: str = ""


def _turns(n: int, *planes: tuple[int, int], metric: tuple[float, ...] | None = None) -> Array:
    """Generators of the turns, or for signs that differ boosts, of coordinate planes."""
    signs = metric or (1.0,) * n
    found = np.zeros((len(planes), n, n))
    for one, (i, j) in zip(found, planes, strict=True):
        one[j, i] = 1.0
        one[i, j] = -signs[i] * signs[j]
    return found


def _circle(radius: Array, uniform: Array) -> Array:
    angle = 2 * math.pi * uniform
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _none(x: Array) -> Array:
    return np.zeros((len(x), 0))


def _normal(u: Array) -> tuple[Array, Array]:
    x = ndtri(u)
    return x, _none(x)


def _ring(u: Array) -> tuple[Array, Array]:
    x = _circle(1 + 0.1 * ndtri(u[:, 0]), u[:, 1])
    return x, _none(x)


def _plane(u: Array) -> tuple[Array, Array]:
    radius = 0.5 + u[:, 0]
    return _circle(radius, u[:, 1]), (radius - 1)[:, None] * math.sqrt(12)


def _axis(u: Array) -> tuple[Array, Array]:
    radius, height = 0.5 + u[:, 0], u[:, 2] + 0.5 * u[:, 0]
    x = np.column_stack([_circle(radius, u[:, 1]), height])
    return x, (radius * np.sin(3 * height))[:, None]


def _sevenths(u: Array) -> tuple[Array, Array]:
    x = ndtri(u)
    angle = np.arctan2(x[:, 1], x[:, 0]) % (2 * math.pi / 7)
    return x, (x[:, 2] / (1 + angle))[:, None]


def _lorentz(u: Array) -> tuple[Array, Array]:
    heavy = u[:, 0] < 0.5
    mass = np.where(heavy, 1.0, 0.5) * (1 + 0.02 * ndtri(u[:, 1]))
    rapidity = ndtri(u[:, 2:])
    size = np.linalg.norm(rapidity, axis=1)
    momentum = (mass * np.sinh(size) / size)[:, None] * rapidity
    return np.column_stack([mass * np.cosh(size), momentum]), np.where(heavy, 1.0, -1.0)[:, None]


def _predators(u: Array) -> tuple[Array, Array]:
    x = orbit_pairs(3 + 1.5 * u[:, 0], u[:, 1])
    return x, _none(x)


_SPACE = tuple(itertools.combinations(range(3), 2))
_SPACE_TIME = tuple(itertools.combinations(range(4), 2))
_METRIC = (1.0, -1.0, -1.0, -1.0)
_TURN = _turns(2, (0, 1))

ORBITS: dict[str, OrbitLaw] = {
    "normal": OrbitLaw("SO(2)", 2, _normal, _TURN, (1.0, 1.0), targets=0),
    "ring": OrbitLaw("SO(2)", 2, _ring, _TURN, (1.0, 1.0), targets=0),
    "plane": OrbitLaw("SO(2)", 2, _plane, _TURN, (1.0, 1.0)),
    "axis": OrbitLaw("SO(2) about an axis", 3, _axis, _turns(3, (0, 1)), ()),
    "sevenths": OrbitLaw("Z(7) about an axis", 3, _sevenths, _turns(3, (0, 1)), ()),
    "lorentz": OrbitLaw("SO(1,3)+", 5, _lorentz, _turns(4, *_SPACE_TIME, metric=_METRIC), _METRIC),
    "lotka_volterra": OrbitLaw(
        "motion along closed orbits", 2, _predators, _turns(4), (), 0, "lotka_volterra"
    ),
}
"""Laws by name."""


class GroupOrbitsDataModule(VectorDataModule):
    r"""Samples of a law that a Lie group of matrices leaves alone, with a target it does not move.

    ``normal``: N(0, I) of the plane, and ``ring``: radii 1 ± .1, both without a target (as in
    SymmetryGAN). ``plane``: radii .5 … 1.5, whose target is the radius. ``axis``: three numbers of
    a law that turns about the third, y = r sin 3h. ``sevenths``: N(0, I) of space,
    y = z / (1 + θ mod 2π/7) (as in LieGAN; with the whole angle θ, as arctan(y/x) is not
    invariant). ``lorentz``: momenta (E, p) of masses about 1 or .5, told by the target, with normal
    rapidities: y is invariant under SO(1,3)+, the law of x under its rotations alone, as no law of
    probability is invariant under boosts (LieGAN has jets instead). ``lotka_volterra``: two points
    .2 apart in time on closed orbits of predators and prey, in logarithms of their numbers, on
    levels of the conserved quantity uniform in 3 … 4.5 and at times uniform in the period, without
    a target: whatever moves both points along the orbit by the same share of the period leaves the
    law alone, and no group of matrices does (as in LaLiGAN, but for the times, which there cover
    20 units from random points).

    The true algebra, or the name of what is conserved, stands in ``description.extra``, for scoring
    only.

    Args:
        law: a key of ``ORBITS``.
        samples: size of the training set.
        eval_samples: size of the validation set and of the test set.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        dtype: ``float32`` or ``float64``.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for an unknown law or a size below 1.
    """

    def __init__(
        self,
        law: str = "plane",
        samples: int = 20_000,
        eval_samples: int = 4000,
        batch_size: int = 64,
        eval_batch_size: int = 10_000,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dtype=dtype, batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs
        )
        check_choice("law", law, tuple(ORBITS))
        check_at_least(1, samples=samples, eval_samples=eval_samples)
        self.law = ORBITS[law]
        self.samples = {"train": samples, "val": eval_samples, "test": eval_samples}

    @property
    def description(self) -> DataDescription:
        """Vectors, a target if there is one, and the true algebra and form."""
        targets = tuple(f"invariant{i}" for i in range(self.law.targets))
        extra: dict[str, Any] = {
            "ideal_name": self.law.name,
            "algebra": self.law.algebra.tolist(),
            "form": list(self.law.form),
        }
        if self.law.invariant:
            extra["invariant"] = self.law.invariant
        return DataDescription("vector", (self.law.algebra.shape[-1],), targets, extra=extra)

    def make_split(self, name: str) -> VectorDataset:
        """Draw the set; sample i is a function of (split_seed, split, i)."""
        rows = range(self.samples[name])
        u = counter_uniform(self.split_seed, STREAMS[name], rows, self.law.columns)
        x, y = (torch.from_numpy(part).to(self.dtype) for part in self.law.draw(u))
        return VectorDataset(x, y=y)

"""New images for old: draws from p(η | x̂), from a uniform law, or of transformations by hand."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from symmetry_pl.groups import AffineGroup, Group
from symmetry_pl.groups.affine_charts import NAMES
from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.known_orbits import Orbit
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["hand_chosen", "resampled", "uniform_elements"]


def resampled(
    sgm: PrototypeModule, x: Tensor, orbit: Orbit, noise: Tensor, learned: bool = True
) -> Tensor:
    """Images of the same orbits, each by one warp of x.

    Args:
        sgm: p(η | x̂), and the group.
        x: images ``(B, C, H, W)``.
        orbit: of these images.
        noise: standard normal ``(B, dim)``.
        learned: whether η is of p(η | x̂), or uniform within the bounds of the group.
    """
    group = sgm.group
    if learned:
        assert isinstance(sgm.generative, GenerativeNetwork)
        drawn = group.element(sgm.generative.flow.sample(noise, orbit.features))
    else:
        drawn = uniform_elements(group, noise)
    return group.apply(group.compose(group.inverse(orbit.element), drawn), x)


def uniform_elements(group: Group, noise: Tensor) -> Tensor:
    """Uniform elements within the bounds, a function of standard normal noise ``(B, dim)``."""
    return group.element(group.from_uniform(torch.special.ndtr(noise)))


def hand_chosen(bounds: Mapping[str, float]) -> AffineGroup:
    """The affine group with random elements of chosen half widths.

    Args:
        bounds: by coordinate of ``PolarChart``: ``rotation`` in radians, ``x-shift`` and so on;
            those that are not named are never drawn.

    Raises:
        ValueError: for a name that there is not, a negative number, or none that is positive.

    >>> hand_chosen({"rotation": 0.5})
    AffineGroup(x-shift ±0, y-shift ±0, rotation ±0.5, x-scale ±0, y-scale ±0, shear ±0)
    """
    unknown = [name for name in bounds if name not in NAMES]
    if unknown:
        raise ValueError(f"model.augment has no {unknown[0]!r}; there are {list(NAMES)}")
    return AffineGroup([bounds.get(name, 0.0) for name in NAMES], chart="polar")

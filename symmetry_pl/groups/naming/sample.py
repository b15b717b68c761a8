r"""Elements of O(2) or O(3) as weighted points among the rotations of space.

An element of O(3) is (det g) g, a rotation, and a sign. The plane is embedded as
g ↦ diag(g, det g): mirror images of the plane are half turns about axes in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from symmetry_pl.groups.rotations import quaternion_of

__all__ = ["Coset", "Sample", "on_circles", "read_sample"]

Coset = Literal["left", "right"]

_FEWEST = 20
_SLACK = 1e-2  # largest |gᵀg − 1| of an entry


@dataclass(frozen=True)
class Sample:
    """Weighted rotations, and the space they are of.

    Args:
        q: unit quaternions ``(N, 4)``, float64.
        weights: ``(N,)``, which add up to the effective number of samples.
        mirrors: whether an element has a determinant of −1, ``(N,)``.
        plane: whether elements are of the plane.
    """

    q: Tensor
    weights: Tensor
    mirrors: Tensor
    plane: bool

    @property
    def count(self) -> float:
        """The effective number of samples."""
        return float(self.weights.sum())

    @property
    def tangent(self) -> int:
        """Dimension of the group: 1 or 3."""
        return 1 if self.plane else 3

    @property
    def log_volume(self) -> float:
        """Of the group, mirror images of space apart."""
        if not self.plane:
            return math.log(8 * math.pi**2)
        return math.log((4 if bool(self.mirrors.any()) else 2) * math.pi)

    def within(self, angle: float) -> float:
        """The part of the group within an angle of one element."""
        if self.plane:
            return 2 * angle / math.exp(self.log_volume)
        return (angle - math.sin(angle)) / math.pi

    def some(self, most: int, seed: int) -> Tensor:
        """Quaternions of at most so many samples, by their weights: ``(n, 4)``."""
        generator = torch.Generator().manual_seed(seed)
        if len(self.q) <= most and bool((self.weights == self.weights[0]).all()):
            return self.q
        return self.q[torch.multinomial(self.weights, most, True, generator=generator)]

    def uniform(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws of the uniform law of the same space, ``(count, 4)``."""
        if not self.plane:
            normal = torch.randn(count, 4, generator=generator, dtype=torch.float64)
            return torch.nn.functional.normalize(normal, dim=1)
        u = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        return on_circles(torch.pi * u[:, 0], (u[:, 1] < 0.5) & self.mirrors.any())


def on_circles(half: Tensor, flips: Tensor) -> Tensor:
    """Quaternions of turns about z by twice an angle ``(N,)``, or of half turns across z there."""
    zero = torch.zeros_like(half)
    turns = torch.stack([half.cos(), zero, zero, half.sin()], 1)
    across = torch.stack([zero, half.cos(), half.sin(), zero], 1)
    return torch.where(flips[:, None], across, turns)


def read_sample(elements: Any, weights: Any = None, coset: Coset | None = None) -> Sample:
    """Check elements and weights, and take relative ones where only a coset is known.

    Raises:
        ValueError: in one sentence, for what cannot be named.
    """
    g = torch.as_tensor(elements).detach().double().cpu()
    if g.ndim != 3 or g.shape[1:] not in ((2, 2), (3, 3)):
        raise ValueError(
            f"elements must have the shape (N, 2, 2) or (N, 3, 3), got {tuple(g.shape)}"
        )
    if not bool(g.isfinite().all()):
        raise ValueError("elements must be finite")
    eye = torch.eye(g.shape[-1], dtype=g.dtype)
    off = float((g.mT @ g - eye).abs().amax()) if len(g) else 0.0
    if off > _SLACK:
        raise ValueError(
            f"elements must be orthogonal matrices, but gᵀg is off the identity by {off:.3g}: "
            "project them first (polar factor)"
        )
    w = torch.ones(len(g)) if weights is None else torch.as_tensor(weights).detach().cpu()
    w = w.double()
    if w.shape != (len(g),) or not bool(w.isfinite().all()) or bool((w < 0).any()):
        raise ValueError(f"weights must be {len(g)} finite numbers of at least 0, one an element")
    g, w = g[w > 0], w[w > 0]
    if coset not in (None, "left", "right"):
        raise ValueError(f"coset must be None, left (c H) or right (H c), got {coset!r}")
    if coset is not None:
        g, w = _relative(g, w, coset)
    if len(g) < _FEWEST:
        pairs = "pairs of elements" if coset else "elements of positive weight"
        raise ValueError(f"a group is named from {_FEWEST} {pairs} or more, got {len(g)}")
    u, _, vh = torch.linalg.svd(g)
    g = u @ vh
    sign = torch.linalg.det(g).sign()
    if g.shape[-1] == 2:
        whole = torch.zeros(len(g), 3, 3, dtype=g.dtype)
        whole[:, :2, :2], whole[:, 2, 2] = g, sign
    else:
        whole = g * sign[:, None, None]
    effective = w.sum() ** 2 / w.square().sum()
    return Sample(quaternion_of(whole), w * effective / w.sum(), sign < 0, g.shape[-1] == 2)


def _relative(g: Tensor, w: Tensor, coset: Coset) -> tuple[Tensor, Tensor]:
    """g_i g_j⁻¹ of H c, or g_i⁻¹ g_j of c H, of random pairs that share no element."""
    order = torch.randperm(len(g), generator=torch.Generator().manual_seed(0))
    half = len(g) // 2
    one, two = g[order[:half]], g[order[half : 2 * half]]
    pairs = one @ two.mT if coset == "right" else one.mT @ two
    return pairs, (w[order[:half]] * w[order[half : 2 * half]]).sqrt()

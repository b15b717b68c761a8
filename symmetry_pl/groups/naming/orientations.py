"""First guesses: axes, orders and orientations of groups, and modes, from samples of elements."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.naming.circles import circle_coordinates
from symmetry_pl.groups.naming.sample import Sample
from symmetry_pl.groups.point_groups import PointGroup, frame_of
from symmetry_pl.groups.rotations import angles_between, logarithm, matrix_of, quaternion_of

__all__ = ["axis_frames", "dihedral_phase", "find_modes", "likely_orders", "polyhedral_frame"]

_SEEN = 300  # samples that a guess is scored on
_TRIED = 150  # samples whose axes are tried
_TURNED = 0.3  # least angle of a sample whose axis is used, rad
_WIDTH = 0.12  # of a score, rad
_PAIRS = 400
_MOST_MODES = 100
_MODES_FROM = 1200


def axis_frames(sample: Sample, most: int = 3) -> list[Tensor]:
    """Frames ``(3, 3)`` whose z-axis most samples keep or turn round, the best first."""
    if sample.plane:
        return [torch.eye(3, dtype=torch.float64)]
    vectors = logarithm(sample.some(4 * _TRIED, 1))
    vectors = vectors[vectors.norm(dim=1) > _TURNED][:_TRIED]
    if not len(vectors):
        return []
    axes = torch.nn.functional.normalize(vectors, dim=1)
    matrices = matrix_of(sample.some(_SEEN, 2))
    scores = _kept(axes, matrices)
    frames: list[Tensor] = []
    left = scores.clone()
    for _ in range(most):
        best = int(left.argmax())
        if left[best] < 0.7 * scores.max() or left[best] <= 0:
            break
        axis = axes[best]
        left = left.masked_fill((axes @ axis).abs() > math.cos(_TURNED), -1.0)
        frames.append(frame_of(_refined(axis, matrices)))
    return frames


def likely_orders(sample: Sample, frame: Tensor, largest: int, most: int = 6) -> list[int]:
    r"""Orders n for which the turns about the frame's axis are multiples of 2π/n.

    There the mean of cos nφ is near 1, whatever the shares of the multiples are.
    """
    place, off, flips = circle_coordinates(sample.q, frame)
    weight = sample.weights * torch.exp(-off.square() / (2 * _WIDTH**2)) * ~flips
    if not bool(weight.sum() > 0):
        return [1]
    orders = torch.arange(1, largest + 1, dtype=torch.float64)
    means = (torch.cos(orders[:, None] * place) @ weight) / weight.sum()
    good = [n for n in range(1, largest + 1) if means[n - 1] > 0.25]
    return sorted({*good[:most], int(means.argmax()) + 1})


def dihedral_phase(sample: Sample, frame: Tensor, n: int) -> tuple[Tensor, float]:
    """The frame turned about its z-axis so that x is an axis of half turns, and their weight."""
    place, off, flips = circle_coordinates(sample.q, frame)
    weight = sample.weights * torch.exp(-off.square() / (2 * _WIDTH**2)) * flips
    phase = torch.atan2(weight @ torch.sin(n * place), weight @ torch.cos(n * place)) / (2 * n)
    cosine, sine = phase.cos(), phase.sin()
    turn = torch.eye(3, dtype=torch.float64)
    turn[0, 0], turn[0, 1], turn[1, 0], turn[1, 1] = cosine, -sine, sine, cosine
    return frame @ turn, float(weight.sum() / sample.weights.sum())


def polyhedral_frame(sample: Sample, group: PointGroup) -> Tensor | None:
    """The orientation of a polyhedral group that most samples are near to, ``(3, 3)``.

    Pairs of samples are taken for pairs of elements whose angles, and the angle between whose
    axes, are the same; each gives an orientation, and the best on a few hundred samples is kept.
    None if no pair fits.
    """
    q = sample.some(4 * _PAIRS, 3)
    q = q[2 * torch.acos(q[:, 0].clamp(max=1)) > 2 * _TURNED]
    half = min(len(q) // 2, _PAIRS)
    if not half:
        return None
    first, second = q[:half].repeat(2, 1), q[half : 2 * half]
    second = torch.cat([second, -second])  # an angle near π may be just above it
    h = quaternion_of(group.elements)[1:]
    starts = [int(i) for i in _classes(h)]
    found = []
    for start in starts:
        h1 = h[start]
        one = _full_angle(h1[None])
        fits = (_full_angle(first)[:, None] - one).abs() < 2 * _WIDTH
        fits = fits & ((_full_angle(second)[:, None] - _full_angle(h)).abs() < 2 * _WIDTH)
        a, b = _axes(first), _axes(second)
        r, s = _axes(h1[None])[0], _axes(h)
        apart = (a * b).sum(1).clamp(-1, 1).acos()
        wanted = (s @ r).clamp(-1, 1).acos()
        fits = fits & ((apart[:, None] - wanted).abs() < 3 * _WIDTH)
        fits = fits & (wanted.sin() > 0.3) & (apart.sin() > 0.3)[:, None]
        i, j = fits.nonzero(as_tuple=True)
        found.append(_frames(a[i], b[i]) @ _frames(r.expand(len(j), 3), s[j]).mT)
    frames = torch.cat(found)
    if not len(frames):
        return None
    order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(4))[:_PAIRS]
    frames = frames[order]
    seen = sample.some(_SEEN // 2, 5)
    whole = torch.cat([torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64), h])
    vectors = torch.einsum("fij,kj->fki", frames, whole[:, 1:])
    placed = torch.cat([whole[:, :1].expand(len(frames), -1, 1), vectors], 2)
    closest = torch.einsum("fkc,nc->fnk", placed, seen).abs().amax(2).clamp(max=1)
    score = torch.exp(-(2 * closest.acos()).square() / (2 * (1.5 * _WIDTH) ** 2)).sum(1)
    return frames[int(score.argmax())]


def find_modes(sample: Sample, width: float) -> Tensor:
    """Places where samples crowd at a width in radians, one after the other: ``(k, 4)``."""
    q = sample.some(_MODES_FROM, 6)
    near = angles_between(q, q) < 2 * width
    crowd = near.double().sum(1)
    left = crowd.clone()
    modes = []
    for _ in range(_MOST_MODES):
        best = int(left.argmax())
        if left[best] < max(3.0, 0.04 * float(crowd.max())):
            break
        members = q[near[best]]
        members = torch.where((members @ q[best])[:, None] < 0, -members, members)
        modes.append(torch.nn.functional.normalize(members.mean(0), dim=0))
        left[angles_between(q, modes[-1][None])[:, 0] < 4 * width] = 0
        left[best] = 0
    return torch.stack(modes) if modes else q[:1]


def _kept(axes: Tensor, matrices: Tensor) -> Tensor:
    """How many rotations keep each axis, or turn it round, smoothly counted."""
    moved = torch.einsum("nij,aj,ai->an", matrices, axes, axes).abs().clamp(max=1)
    return torch.exp(-moved.acos().square() / (2 * _WIDTH**2)).sum(1)


def _refined(axis: Tensor, matrices: Tensor) -> Tensor:
    """The axis nearby that the rotations next to it keep best."""
    q = quaternion_of(matrices)
    v = q[:, 1:]
    for _ in range(5):
        moved = matrices @ axis @ axis
        weight = torch.exp(-moved.abs().clamp(max=1).acos().square() / (2 * _WIDTH**2))
        outer = v[:, :, None] * v[:, None, :]
        eye = torch.eye(3, dtype=v.dtype)
        straight = v.square().sum(1)[:, None, None] * eye - outer
        cost = torch.where((moved > 0)[:, None, None], straight, outer)
        axis = torch.linalg.eigh((weight[:, None, None] * cost).sum(0))[1][:, 0]
    return axis


def _classes(h: Tensor) -> Tensor:
    """The first element of each angle."""
    angle = _full_angle(h).round(decimals=6)
    _, inverse = torch.unique(angle, return_inverse=True)
    return torch.stack([(inverse == k).nonzero()[0, 0] for k in range(int(inverse.max()) + 1)])


def _full_angle(q: Tensor) -> Tensor:
    """The angle about the vector part's direction, in [0, 2π]."""
    return 2 * torch.atan2(q[:, 1:].norm(dim=1), q[:, 0])


def _axes(q: Tensor) -> Tensor:
    return torch.nn.functional.normalize(q[:, 1:], dim=1)


def _frames(a: Tensor, b: Tensor) -> Tensor:
    """Rotations whose columns are a, the part of b across it, and their product."""
    across = torch.nn.functional.normalize(b - (a * b).sum(1, keepdim=True) * a, dim=1)
    return torch.stack([a, across, torch.linalg.cross(a, across)], 2)

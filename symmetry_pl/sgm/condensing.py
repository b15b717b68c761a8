"""Noisy elements of a group, moved to where many of them are."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.concentrated import ConcentratedLaw

__all__ = ["condensed", "settled"]

_STEPS = 5
_ROWS = 512


def condensed(
    law: ConcentratedLaw, elements: Tensor, among: Tensor, concentration: Tensor
) -> Tensor:
    r"""Mean shift on a group of rotations, a few steps, ``(R, d, d)`` float64.

    .. math:: g \leftarrow \mathrm{orth} \sum_s K_c(g; h_s)\, h_s

    with the polar factor orth. Of a cluster with a variance v, a step with a kernel of a variance w
    leaves v (v / (v + w))², so that elements of a finite group end at its modes, and those of a
    curve are drawn towards the curve (Fukunaga and Hostetler 1975).

    Args:
        law: of the group, SO(d) or O(d).
        elements: g, ``(R, d, d)``.
        among: h, ``(S, d, d)``.
        concentration: c.
    """
    moved, fixed = elements.double(), among.double()
    for _ in range(_STEPS):
        weights = law.log_density(law.squares(moved, fixed), concentration).softmax(1)
        moved = _orthogonal((weights @ fixed.flatten(1)).view_as(moved))
    return moved


def settled(
    law: ConcentratedLaw, centres: Tensor, near: Tensor, pairs: Tensor, concentration: Tensor
) -> Tensor:
    r"""Elements of clouds in the mean of what the clouds next to them say, ``(M, d, d)`` float64.

    .. math:: \tilde\eta_j = \mathrm{orth} \sum_l K_{c/2}(\eta_j \eta_l^{-1}; g)\; g\, \eta_l

    with the relative element g of pairs that is nearest to η_j η_l⁻¹. Clouds of one object are at
    orientations that differ by elements of the group and by noise, which this takes the mean of.

    Args:
        law: of the group, SO(d) or O(d).
        centres: η, ``(M, d, d)``.
        near: clouds l next to each, itself among them, ``(M, k)``.
        pairs: g, ``(R, d, d)``; the identity is one of them too.
        concentration: c.
    """
    size = centres.shape[-1]
    known = torch.cat([torch.eye(size, dtype=torch.float64)[None].to(pairs), pairs])
    found = []
    for part in torch.split(torch.arange(len(centres), device=centres.device), _ROWS):
        others = centres[near[part]]
        relative = centres[part][:, None] @ others.mT
        squares, nearest = law.squares(relative.flatten(0, 1), known).min(1)
        apart = law.log_density(squares, concentration / 2)  # both clouds have noise
        weights = apart.view(near[part].shape).softmax(1)
        moved = known[nearest].view_as(others) @ others
        found.append(_orthogonal((weights[..., None, None] * moved).sum(1)))
    return torch.cat(found)


def _orthogonal(matrix: Tensor) -> Tensor:
    """Polar factors ``(…, d, d)``."""
    u, _, v = torch.linalg.svd(matrix)
    factor: Tensor = u @ v
    return factor

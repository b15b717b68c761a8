"""The most usual poses of a prototype."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["usual_pose", "usual_poses"]


@torch.no_grad()
def usual_poses(
    sgm: PrototypeModule, prototypes: Tensor, noise: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Of S draws from p(η | x̂) the likeliest ones, and their log densities in nats.

    Args:
        sgm: whose flow was trained.
        prototypes: x̂ ``(B, C, H, W)``.
        noise: standard normal ``(S, dim)``, the same for each prototype, so that what is found of
            one does not depend on others.
        count: k, at most S.

    Returns:
        η ``(B, k, dim)`` and log p(η | x̂) ``(B, k)``, the likeliest first.
    """
    generative = sgm.generative
    assert isinstance(generative, GenerativeNetwork)  # of images
    features, draws = generative(prototypes), len(noise)
    repeated = features.repeat_interleave(draws, 0)
    eta = generative.flow.sample(noise.repeat(len(features), 1), repeated)
    log_prob = generative.flow.log_prob(eta, repeated).view(-1, draws)
    best, places = log_prob.topk(count, 1)
    rows = torch.arange(len(features), device=places.device)[:, None]
    return eta.view(len(features), draws, -1)[rows, places], best


def usual_pose(sgm: PrototypeModule, prototypes: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest one alone: η ``(B, dim)`` and log p(η | x̂) ``(B,)``, as of ``usual_poses``."""
    pose, log_prob = usual_poses(sgm, prototypes, noise, 1)
    return pose[:, 0], log_prob[:, 0]

"""The most usual pose of a prototype."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.sgm.generative import GenerativeNetwork
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["usual_pose"]


@torch.no_grad()
def usual_pose(sgm: PrototypeModule, prototypes: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Of S draws from p(η | x̂) the likeliest, and its log density in nats.

    Args:
        sgm: whose flow was trained.
        prototypes: x̂ ``(B, C, H, W)``.
        noise: standard normal ``(S, dim)``, the same for each prototype, so that what is found of
            one does not depend on others.

    Returns:
        η ``(B, dim)`` and log p(η | x̂) ``(B,)``.
    """
    generative = sgm.generative
    assert isinstance(generative, GenerativeNetwork)  # of images
    features, count = generative(prototypes), len(noise)
    repeated = features.repeat_interleave(count, 0)
    eta = generative.flow.sample(noise.repeat(len(features), 1), repeated)
    log_prob = generative.flow.log_prob(eta, repeated).view(-1, count)
    best, place = log_prob.max(1)
    rows = torch.arange(len(features), device=place.device)
    return eta.view(len(features), count, -1)[rows, place], best

"""A probability of agreement from a score: one logistic line."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["fitted_trust"]

_ROUNDS = 50
_RIDGE = 1e-4  # keeps the line finite where all pairs agree


def fitted_trust(score: Tensor, agree: Tensor) -> Tensor:
    r"""Slope and intercept of p(agree) = σ(a · score + b), ``(2,)``, by Newton's method.

    .. math:: \max_{a, b}\; \frac{1}{N} \sum_n \log p(\text{agree}_n \mid \text{score}_n)
        - \tfrac{λ}{2} (a'^2 + b'^2)

    with a' and b' of the standardised score. At a score of 0, where either of two is as good, one
    pair in fifty is added, half of which agree: sets whose pairs all agree say nothing of it.

    Args:
        score: not negative, ``(N,)``.
        agree: which pairs do, ``(N,)`` bool.

    >>> line = fitted_trust(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0, 1, 1, 1]) > 0)
    >>> bool(line[0] > 0)
    True
    """
    even = torch.arange(2 * max(1, len(score) // 100), device=score.device) % 2
    s = torch.cat([score.double(), even.double() * 0])
    y = torch.cat([agree.double(), even.double()])
    mean, scale = s.mean(), s.std(unbiased=False).clamp(min=1e-9)
    z = (s - mean) / scale
    design = torch.stack([z, torch.ones_like(z)], 1)
    line = s.new_zeros(2)
    ridge = _RIDGE * torch.eye(2, dtype=s.dtype, device=s.device)
    for _ in range(_ROUNDS):
        p = torch.sigmoid(design @ line)
        slope = design.T @ (y - p) / len(z) - ridge @ line
        bend = (design * (p * (1 - p))[:, None]).T @ design / len(z) + ridge
        step = torch.linalg.solve(bend, slope)
        line = line + step / step.norm().clamp(min=1.0)  # at most 1 a round
    return torch.stack([line[0] / scale, line[1] - line[0] * mean / scale]).float()

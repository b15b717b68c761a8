"""Importance-weighted lower bounds of log p(x), in nats."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["importance_bound"]


def importance_bound(draw: Callable[[int, int], Tensor], samples: int, chunk: int) -> Tensor:
    r"""A lower bound of log p(x) from K draws of latent variables (Burda et al. 2016).

    .. math:: \hat L_K(x) = \log \frac{1}{K} \sum_{k=1}^{K} w_k, \qquad
        w_k = \frac{p(x, z_k)}{q(z_k \mid x)}, \quad z_k \sim q(z \mid x)

    E[L_K] ≤ E[L_{K+1}] ≤ log p(x), with equality in the limit, or where q is the posterior. The sum
    runs in float64, chunk by chunk, so that memory does not grow with K.

    Args:
        draw: from the number of a chunk and the count of its draws to log w ``(count, …)``.
        samples: K.
        chunk: most draws at once.

    Returns:
        ``(…)`` in float64.

    Raises:
        ValueError: if ``samples`` or ``chunk`` is below 1.

    >>> weights = torch.tensor([[1.0], [3.0], [4.0], [8.0]]).log()
    >>> bound = importance_bound(lambda i, count: weights[3 * i : 3 * i + count], 4, 3)
    >>> bool(torch.isclose(bound.exp(), torch.tensor(4.0, dtype=torch.float64)))
    True
    """
    if samples < 1 or chunk < 1:
        raise ValueError(f"samples and chunk must be at least 1, got {samples} and {chunk}")
    total: Tensor | None = None
    for number, start in enumerate(range(0, samples, chunk)):
        weights = draw(number, min(chunk, samples - start)).double()
        part = torch.logsumexp(weights, 0)
        total = part if total is None else torch.logaddexp(total, part)
    assert total is not None
    return total - torch.tensor(float(samples), dtype=torch.float64).log()

"""Numbers that are no longer finite, found before they reach anything that is kept."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["first_not_finite", "total_norm"]


def first_not_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor with a NaN or an infinity in it.

    >>> first_not_finite([("a", torch.ones(2)), ("b", torch.tensor([0.0, torch.inf]))])
    'b'
    """
    for name, values in named:
        if values.is_floating_point() and not bool(values.isfinite().all()):
            return name
    return None


def total_norm(gradients: Iterable[Tensor]) -> Tensor | float:
    """Euclidean norm of all gradients together, by one fused kernel; 0 without any.

    >>> float(total_norm([torch.tensor([3.0]), torch.tensor([[4.0]])]))
    5.0
    """
    found = list(gradients)
    if not found:
        return 0.0
    norms = torch._foreach_norm(found)
    norm: Tensor = torch.linalg.vector_norm(torch.stack([n.to(norms[0]) for n in norms]))
    return norm

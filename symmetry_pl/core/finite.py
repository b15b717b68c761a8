"""Numbers that are no longer finite, found before they reach anything that is kept."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["first_not_finite", "total_norm"]


_LARGEST = 1e15
"""Of a weight: its square is finite in float32, what networks make of it is noise."""


def first_not_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor with a NaN or an infinity in it, or a number beyond 1e15.

    >>> first_not_finite([("a", torch.ones(2)), ("b", torch.tensor([0.0, torch.inf]))])
    'b'
    """
    for name, values in named:
        # a comparison with NaN is false
        if values.is_floating_point() and not bool((values.abs() <= _LARGEST).all()):
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

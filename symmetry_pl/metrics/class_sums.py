"""Accuracy and cross-entropy of classes, from sums over batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["class_figures", "class_sums"]


def class_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in nats, right answers, and samples: sums ``(3,)`` in double precision.

    Args:
        logits: ``(B, classes)``.
        labels: ``(B,)`` of whole numbers.
    """
    entropy = F.cross_entropy(logits, labels, reduction="sum").double()
    right = (logits.argmax(1) == labels).double().sum()
    return torch.stack([entropy, right, right.new_tensor(len(labels))])


def class_figures(sums: Tensor) -> dict[str, Tensor]:
    """``cross_entropy`` and ``accuracy`` of sums ``(3,)``.

    >>> sums = class_sums(torch.tensor([[9.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1]))
    >>> float(class_figures(sums)["accuracy"])
    0.5
    """
    entropy, right, count = sums
    return {"cross_entropy": entropy / count, "accuracy": right / count}

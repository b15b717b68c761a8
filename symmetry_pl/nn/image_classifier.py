"""Small classifiers of images: one that knows of neighbours, and one that does not."""

from __future__ import annotations

from typing import Literal

from torch import nn

__all__ = ["image_classifier"]

_POOLED = 4  # height and width that two poolings divide by


def image_classifier(
    kind: Literal["cnn", "mlp"], shape: tuple[int, int], classes: int, width: int = 16
) -> nn.Sequential:
    """Images ``(B, 1, H, W)`` to logits ``(B, classes)``.

    ``cnn``: two 3 x 3 convolutions of ``width`` and twice as many channels, each with a ReLU and a
    max-pooling by 2, then one linear layer. ``mlp``: one hidden layer of 16 ``width`` units.

    Args:
        kind: which.
        shape: height and width, of a CNN at least 4.
        classes: number of logits.
        width: channels of the first convolution.

    Raises:
        ValueError: for images that are too small.

    >>> import torch
    >>> image_classifier("cnn", (8, 9), 3)(torch.zeros(2, 1, 8, 9)).shape
    torch.Size([2, 3])
    """
    height, across = shape
    if kind == "mlp":
        hidden = 16 * width
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(height * across, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )
    if min(shape) < _POOLED:
        raise ValueError(f"a CNN needs images of at least 4 x 4 pixels, got {height} x {across}")
    cells = (height // _POOLED) * (across // _POOLED)
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * cells, classes),
    )

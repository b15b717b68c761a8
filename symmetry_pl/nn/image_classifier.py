"""Small classifiers of images: one that knows of neighbours, and one that does not."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import nn

__all__ = ["image_classifier"]

_POOLED = {"cnn": 4, "vgg": 8}  # height and width that two and three poolings divide by
_DROPOUT = 0.4  # before the last layer; half of it behind a block


def image_classifier(
    kind: Literal["cnn", "vgg", "mlp"],
    shape: tuple[int, int],
    classes: int,
    width: int = 16,
    channels: int = 1,
) -> nn.Sequential:
    """Images ``(B, C, H, W)`` to logits ``(B, classes)``.

    ``cnn``: two 3 x 3 convolutions of ``width`` and twice as many channels, each with a ReLU and a
    max-pooling by 2, then one linear layer. ``vgg``: three blocks of two such convolutions each, of
    ``width``, two and four times as many channels, with batch normalisation and dropout (Simonyan
    and Zisserman 2015, in small). ``mlp``: one hidden layer of 16 ``width`` units.

    Args:
        kind: which.
        shape: height and width, of a ``cnn`` at least 4, of a ``vgg`` at least 8.
        classes: number of logits.
        width: channels of the first convolution.
        channels: C.

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
            nn.Linear(channels * height * across, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )
    pooled = _POOLED[kind]
    if min(shape) < pooled:
        raise ValueError(
            f"a {kind.upper()} needs images of at least {pooled} x {pooled} pixels, got {height} x "
            f"{across}"
        )
    cells = (height // pooled) * (across // pooled)
    if kind == "vgg":
        sizes = (channels, width, 2 * width, 4 * width)
        blocks = [part for before, after in pairwise(sizes) for part in _block(before, after)]
        head = nn.Linear(4 * width * cells, classes)
        return nn.Sequential(*blocks, nn.Flatten(), nn.Dropout(_DROPOUT), head)
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * cells, classes),
    )


def _block(before: int, after: int) -> list[nn.Module]:
    """Two convolutions at one size, then half of it."""
    layers: list[nn.Module] = []
    for given in (before, after):
        # batch normalisation has the bias
        convolution = nn.Conv2d(given, after, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2), nn.Dropout(_DROPOUT / 2)]

"""Features of an image: an MLP on all pixels, or on what strided convolutions leave of them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from symmetry_pl.nn.feature_mlp import FeatureMLP

_CHANNELS = (16, 32, 32)


class PixelFeatures(nn.Sequential):
    """``FeatureMLP`` on all pixels, ``(B, C, H, W)`` to ``(B, widths[-1])``.

    Args:
        image_shape: ``(C, H, W)``.
        widths: units of its layers.
        dropout: share of units dropped after each layer, in training.
    """

    def __init__(
        self, image_shape: Sequence[int], widths: Sequence[int], dropout: float = 0.0
    ) -> None:
        channels, height, width = image_shape
        super().__init__(nn.Flatten(), FeatureMLP(channels * height * width, widths, dropout))


class ConvolutionFeatures(nn.Sequential):
    """Three convolutions of stride 2, then ``FeatureMLP``; ``(B, C, H, W)`` to ``(B, widths[-1])``.

    Args:
        image_shape: ``(C, H, W)``.
        widths: units of the MLP's layers.
        dropout: share of units dropped after each of them, in training.

    >>> import torch
    >>> ConvolutionFeatures((3, 9, 14), [8])(torch.zeros(2, 3, 9, 14)).shape
    torch.Size([2, 8])
    """

    def __init__(
        self, image_shape: Sequence[int], widths: Sequence[int], dropout: float = 0.0
    ) -> None:
        channels, height, width = image_shape
        layers: list[nn.Module] = []
        for out in _CHANNELS:
            layers += [nn.Conv2d(channels, out, 3, 2, 1), nn.GELU(approximate="tanh")]
            channels, height, width = out, (height + 1) // 2, (width + 1) // 2
        features = FeatureMLP(channels * height * width, widths, dropout)
        super().__init__(*layers, nn.Flatten(), features)

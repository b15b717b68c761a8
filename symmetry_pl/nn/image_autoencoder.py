"""Encoders of images to Gaussians over codes, and decoders of codes to images."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from symmetry_pl.nn.feature_mlp import FeatureMLP

__all__ = ["ConvolutionImageAutoencoder", "ImageAutoencoder", "MLPImageAutoencoder"]

_REDUCED = 3
"""Channels between convolutions and dense layers."""

_STRIDED = 2
"""Convolutions of stride 2, the first ones."""


class ImageAutoencoder(nn.Module, ABC):
    """Two networks; the last layer of the encoder starts at 0.

    Attributes:
        encoder: images ``(B, C, H, W)`` to ``(B, 2 · latent_dim)``.
        decoder: codes ``(B, latent_dim)`` to images ``(B, C, H, W)``.
    """

    encoder: nn.Module
    decoder: nn.Module


class ConvolutionImageAutoencoder(ImageAutoencoder):
    """The networks of the SGM paper (App. C.4), in the manner of LeNet.

    The encoder: convolutions of 3 × 3, of which the first two have stride 2, each with a GELU and a
    layer norm over channels; one of 3 channels; a hidden dense layer; a linear one. The decoder is
    its mirror image with transposed convolutions, and ends in a convolution of 3 × 3.

    Args:
        image_shape: ``(C, H, W)``.
        latent_dim: columns of a code.
        filters: channels of the convolutions.
        hidden: units of the dense layer of either network.

    Raises:
        ValueError: without a convolution, or for a size below 1.

    >>> import torch
    >>> networks = ConvolutionImageAutoencoder((1, 9, 14), 2, [4, 8], 16)
    >>> code = networks.encoder(torch.zeros(3, 1, 9, 14))
    >>> code.shape, networks.decoder(code[:, :2]).shape
    (torch.Size([3, 4]), torch.Size([3, 1, 9, 14]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        filters: Sequence[int] = (64, 128),
        hidden: int = 256,
    ) -> None:
        super().__init__()
        if not filters or min(*filters, hidden) < 1:
            raise ValueError(
                f"filters must be positive numbers, at least one, and hidden positive, got "
                f"{list(filters)} and {hidden}"
            )
        channels, height, width = image_shape
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for i, out in enumerate(filters):
            stride = 2 if i < _STRIDED else 1
            down += [nn.Conv2d(channels, out, 3, stride, 1), *_activation(out)]
            # of an even side half was kept, of an odd one half and the middle
            more = [int(stride == 2 and side % 2 == 0) for side in (height, width)]
            above = filters[i + 1] if i + 1 < len(filters) else _REDUCED
            mirrored = nn.ConvTranspose2d(above, out, 3, stride, 1, (more[0], more[1]))
            up = [mirrored, *_activation(out), *up]
            channels = out
            height, width = ((side + stride - 1) // stride for side in (height, width))
        small = (_REDUCED, height, width)
        self.encoder = nn.Sequential(
            *down,
            nn.Conv2d(channels, _REDUCED, 3, 1, 1),
            nn.Flatten(),
            FeatureMLP(prod(small), [hidden]),
            _zero_linear(hidden, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(
            FeatureMLP(latent_dim, [hidden]),
            nn.Linear(hidden, prod(small)),
            nn.Unflatten(1, small),
            *up,
            nn.Conv2d(filters[0], image_shape[0], 3, 1, 1),
        )


class MLPImageAutoencoder(ImageAutoencoder):
    """Dense networks on all pixels: a fortieth of the convolutions' time on a CPU (28 × 28).

    Args:
        image_shape: ``(C, H, W)``.
        latent_dim: columns of a code.
        widths: units of the encoder's hidden layers; the decoder has them in reverse.

    >>> import torch
    >>> networks = MLPImageAutoencoder((1, 4, 5), 2, [16, 8])
    >>> networks.decoder(networks.encoder(torch.zeros(3, 1, 4, 5))[:, :2]).shape
    torch.Size([3, 1, 4, 5])
    """

    def __init__(
        self, image_shape: Sequence[int], latent_dim: int, widths: Sequence[int] = (512, 256)
    ) -> None:
        super().__init__()
        pixels = prod(image_shape)
        self.encoder = nn.Sequential(
            nn.Flatten(), FeatureMLP(pixels, widths), _zero_linear(widths[-1], 2 * latent_dim)
        )
        self.decoder = nn.Sequential(
            FeatureMLP(latent_dim, list(widths)[::-1]),
            nn.Linear(widths[0], pixels),
            nn.Unflatten(1, tuple(image_shape)),
        )


class _ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of each position ``(B, C, H, W)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _activation(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.GELU(approximate="tanh"), _ChannelNorm(channels, eps=1e-6)


def _zero_linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer

r"""Critics of a shift along the axes of a grid: how far what they see of two slices is apart.

Efe and Ozakin (*Blind Recovery of Latent Domains via Unsupervised Symmetry Discovery*, arXiv
2606.17782, 2026) call a law stationary along an axis if the grid without its last slice, P, and
without its first, Q, have the same law. With M half of each,

.. math:: \mathrm{JS} = \tfrac12 \bigl[\mathrm{KL}(P \| M) + \mathrm{KL}(Q \| M)\bigr]

where a KL divergence is the larger Donsker-Varadhan bound of both orders, for each of several
critics that share a convolutional network.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from symmetry_pl.information import Reduce, donsker_varadhan
from symmetry_pl.lens.losses import standardise_whole

__all__ = ["Critic", "Judgement", "ShiftCritics"]

_BOUND = 25.0  # of what a critic says
_PLACE_CHANNELS, _PLACE_BOUND = 4, 5.0
_GAIN = 10.0  # product of what spectral norms may be, over the number of layers


class _Layer(NamedTuple):
    channels: int
    kernel: int
    stride: int = 1
    pooled: bool = False


_LAYERS: dict[str, dict[int, tuple[_Layer, ...]]] = {
    "published": {
        1: (_Layer(4, 5, 2), _Layer(4, 5, 2), _Layer(6, 3, 2), _Layer(6, 3, 1, True),
            _Layer(8, 3, 1, True)),
        2: (_Layer(4, 5, 2), _Layer(6, 3, 1, True), _Layer(8, 3, 1, True)),
    },
    "small": {n: (_Layer(8, 3), _Layer(8, 3)) for n in (1, 2)},
}  # fmt: skip
"""By name and number of axes; ``small`` is ours, for grids that strides leave nothing of."""


class Judgement(NamedTuple):
    """What critics say of the slices of one batch.

    Attributes:
        js: estimates of the Jensen-Shannon divergence, at least 0, ``(k, K)`` by axis and channel.
        bounds: sum of the larger bounds, below 0 as well: what critics maximise.
    """

    js: Tensor
    bounds: Tensor


class Critic(nn.Module):
    """Images ``(B, *shape)`` to K numbers between ±25, by convolutions of bounded gain.

    Every place has four numbers of its own beside the pixel; layers are separated by ELU, pools are
    means, and the last layer, averaged over places, is linear. No kernel, as a matrix, has a larger
    spectral norm than 10 over the number of layers: exactly, where the published code takes one
    power iteration; its pools are stochastic while training.

    Args:
        shape: of the images, one axis or two.
        kind: ``published`` or ``small``.
    """

    def __init__(self, shape: Sequence[int], kind: Literal["published", "small"]) -> None:
        super().__init__()
        layers = _LAYERS[kind][len(shape)]
        make = nn.Conv1d if len(shape) == 1 else nn.Conv2d
        self.places = nn.Parameter(0.1 * torch.randn(1, _PLACE_CHANNELS, *shape))
        inputs = [1 + _PLACE_CHANNELS, *(layer.channels for layer in layers)]
        self.layers = nn.ModuleList()
        for n, (channels, kernel, stride, _) in zip(inputs, layers, strict=False):
            one = make(n, channels, kernel, stride, kernel // 2)
            register_parametrization(one, "weight", _Capped(_GAIN / len(layers)))
            self.layers.append(one)
        self.pooled = [layer.pooled for layer in layers]
        self.channels = layers[-1].channels

    def forward(self, images: Tensor) -> Tensor:
        """``(B, *shape)`` to ``(B, K)``."""
        pool = nn.functional.avg_pool1d if images.ndim == 2 else nn.functional.avg_pool2d
        place = _PLACE_BOUND * (self.places / _PLACE_BOUND).tanh()
        x = torch.cat([images[:, None], place.expand(len(images), *place.shape[1:])], 1)
        for number, (layer, pooled) in enumerate(zip(self.layers, self.pooled, strict=True)):
            x = nn.functional.elu(x) if number else x
            x = layer(x)
            x = pool(x, 2, ceil_mode=True) if pooled else x
        said: Tensor = x.flatten(2).mean(2)
        return (said / _BOUND).tanh() * _BOUND


class _Capped(nn.Module):
    """A kernel, or the multiple of it whose spectral norm, as a matrix, is a bound."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, kernel: Tensor) -> Tensor:
        norm = torch.linalg.matrix_norm(kernel.flatten(1), 2)
        capped: Tensor = kernel * (self.most / norm).clamp_max(1.0)
        return capped


class ShiftCritics(nn.Module):
    """Two critics an axis, one of either slice against the mixture of both.

    Args:
        shape: positions along each axis, at least two.
        kind: of the critics.
    """

    def __init__(self, shape: Sequence[int], kind: Literal["published", "small"]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        sliced = [[n - (a == axis) for a, n in enumerate(shape)] for axis in range(len(shape))]
        self.critics = nn.ModuleList(Critic(one, kind) for one in sliced for _ in range(2))
        # a divergence of whole images to one of a pixel, as published
        weights = [n**2 / ((n - 1) * (prod(shape) // n)) for n in shape]
        self.weights: Tensor
        self.register_buffer("weights", torch.tensor(weights), persistent=False)

    def forward(
        self, y: Tensor, reduce: Reduce | None = None, rank: int = 0, world_size: int = 1
    ) -> Judgement:
        """What they say of a representation ``(B, d)``, B of at least 2.

        M has P's slice of every second sample of the global batch, and Q's of the others.

        Args:
            y: rows of this process.
            reduce: differentiable sum over processes.
            rank: this process, which has every W-th row of the global batch.
            world_size: W.
        """
        images = standardise_whole(y, reduce).view(-1, *self.shape)
        even = (torch.arange(len(y), device=y.device) * world_size + rank) % 2 == 0
        even = even.view(-1, *[1] * len(self.shape))
        rows, bounds = [], y.new_zeros((), dtype=torch.float64)
        for axis, n in enumerate(self.shape):
            slices = [images.narrow(axis + 1, start, n - 1) for start in (0, 1)]
            mixed = torch.where(even, *slices)
            divergences = []
            for slice_, critic in zip(slices, self.critics[2 * axis : 2 * axis + 2], strict=True):
                own, other = critic(slice_), critic(mixed)
                both = donsker_varadhan(own, other, reduce), donsker_varadhan(other, own, reduce)
                larger = torch.maximum(*both)
                bounds = bounds + larger.sum()
                divergences.append(larger.clamp_min(0))
            rows.append(torch.stack(divergences).mean(0))
        return Judgement(torch.stack(rows), bounds)

    def uniformity(self, judgement: Judgement) -> Tensor:
        r"""Mean over axes and channels of JS · n² / ((n − 1) m), a scalar.

        n is the length of the axis and m that of all others together.
        """
        weighted: Tensor = judgement.js * self.weights.to(judgement.js)[:, None]
        return weighted.mean()

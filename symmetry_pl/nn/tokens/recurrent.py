"""The networks of the STIB paper that read a token sequence or write one from a vector."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symmetry_pl.nn.tokens.residual import require_length

__all__ = ["ConvolutionEncoder", "RecurrentDecoder", "RecurrentEncoder"]


class ConvolutionEncoder(nn.Module):
    """One-hot symbols through 1-D convolutions over positions, a dense layer, and the code.

    Kusner et al. (2017); with the sizes of STIB, appendix 2.2: three convolutions of 12 filters
    of length 3, a dense layer of 256, ReLU. Positions at the ends are not padded.

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: d, size of the code.
        filters: channels of each convolution.
        kernel: positions that a filter sees.
        layers: convolutions.
        width: units of the dense layer.

    Raises:
        ValueError: if the sequences are too short for the convolutions.

    >>> encoder = ConvolutionEncoder(length=9, symbols=5, dim=2)
    >>> encoder(torch.zeros(3, 9, dtype=torch.int64)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        filters: int = 12,
        kernel: int = 3,
        layers: int = 3,
        width: int = 256,
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        left = length - layers * (kernel - 1)
        if left < 1:
            raise ValueError(
                f"{layers} convolutions of {kernel} positions need sequences of at least "
                f"{layers * (kernel - 1) + 1} symbols, got length={length}"
            )
        channels = [symbols, *[filters] * layers]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, kernel) for a, b in itertools.pairwise(channels)
        )
        self.dense = nn.Linear(left * filters, width)
        self.head = nn.Linear(width, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Codes ``(B, d)`` of ``tokens`` ``(B, L)``, integers in ``[0, V)``."""
        h = _one_hot(tokens, self.length, self.symbols, self.head.weight.dtype).transpose(1, 2)
        for convolution in self.convolutions:
            h = convolution(h).relu()
        code: Tensor = self.head(self.dense(h.flatten(1)).relu())
        return code


class RecurrentEncoder(nn.Module):
    """One-hot symbols through a GRU, its states at all positions through dense layers, the code.

    Sizes of STIB, appendix 2.3: a GRU of 12, dense layers of 1356 and 128, ReLU.

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: d, size of the code.
        units: units of the GRU.
        widths: units of the dense layers.

    >>> encoder = RecurrentEncoder(length=9, symbols=5, dim=2)
    >>> encoder(torch.zeros(3, 9, dtype=torch.int64)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        units: int = 12,
        widths: Sequence[int] = (1356, 128),
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        self.recurrence = nn.GRU(symbols, units, batch_first=True)
        sizes = [length * units, *widths]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.head = nn.Linear(sizes[-1], dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Codes ``(B, d)`` of ``tokens`` ``(B, L)``, integers in ``[0, V)``."""
        one_hot = _one_hot(tokens, self.length, self.symbols, self.head.weight.dtype)
        h = self.recurrence(one_hot)[0].flatten(1)
        for layer in self.dense:
            h = layer(h).relu()
        code: Tensor = self.head(h)
        return code


class RecurrentDecoder(nn.Module):
    """A dense layer, given to stacked GRUs at every position, and logits of each.

    There is no teacher: the recurrence sees the latent vector alone, in training as in
    evaluation. Sizes of STIB, appendix 2.2: a dense layer of 36, three GRUs of 256.

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: d, size of the code.
        stem: units of the dense layer.
        width: units of each GRU.
        layers: GRUs.

    >>> decoder = RecurrentDecoder(length=9, symbols=5, dim=2, width=8)
    >>> decoder(torch.zeros(3, 2)).shape
    torch.Size([3, 9, 5])
    """

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        stem: int = 36,
        width: int = 256,
        layers: int = 3,
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        self.stem = nn.Linear(dim, stem)
        self.recurrence = nn.GRU(stem, width, layers, batch_first=True)
        self.head = nn.Linear(width, symbols)

    def forward(self, z: Tensor) -> Tensor:
        """Logits ``(B, L, V)`` of codes ``z`` ``(B, d)``."""
        repeated = self.stem(z).relu()[:, None].expand(-1, self.length, -1)
        logits: Tensor = self.head(self.recurrence(repeated)[0])
        return logits if logits.dtype == torch.float64 else logits.float()


def _one_hot(tokens: Tensor, length: int, symbols: int, dtype: torch.dtype) -> Tensor:
    """``(B, L, V)``, of sequences of the right length."""
    require_length(tokens, length)
    return F.one_hot(tokens.long(), symbols).to(dtype)

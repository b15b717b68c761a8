"""Residual MLPs between token sequences and a latent vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symmetry_pl.nn.tokens.packed import Packing, lengths_of, shift

__all__ = ["ResidualBlock", "TokenDecoder", "TokenEncoder", "TripleCounts", "require_length"]


class ResidualBlock(nn.Module):
    r"""Pre-normalised residual block :math:`h + W_2\,\mathrm{GELU}(W_1\,\mathrm{LN}(h))`.

    :math:`W_2` starts at zero, so a new block is the identity.

    Args:
        width: size of :math:`h`.
        hidden: size of the hidden layer.

    >>> block = ResidualBlock(4, 8)
    >>> h = torch.randn(3, 4)
    >>> torch.equal(block(h), h)
    True
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, h: Tensor) -> Tensor:
        """The stream ``(B, width)`` after the block, of ``h`` ``(B, width)``."""
        out: Tensor = h + self.narrow(F.gelu(self.widen(self.norm(h))))
        return out


def require_length(tokens: Tensor, length: int) -> None:
    """Refuse anything but sequences ``(B, length)``."""
    if tokens.ndim != 2 or tokens.shape[1] != length:
        raise ValueError(
            f"tokens must have shape (B, {length}), got {tuple(tokens.shape)}: were they "
            "made with another vocabulary?"
        )


class TripleCounts(nn.Module):
    r"""How often there is what, wherever it stands: features of three symbols in a row, summed.

    .. math:: W_o \sum_t \mathrm{GELU}(W_i\,(e_{t-1}, e_t, e_{t+1}))

    over the positions t of a sequence, its end included; e beyond its ends is zero. A property that
    adds up over a molecule's parts is learned from all positions at once this way, where a layer
    over flattened positions learns it for each anew.

    Args:
        embedding: size of e.
        features: outputs of W_i.
        width: outputs of W_o.
    """

    def __init__(self, embedding: int, features: int, width: int) -> None:
        super().__init__()
        self.features = nn.Linear(3 * embedding, features)
        self.out = nn.Linear(features, width)
        with torch.no_grad():
            self.out.weight /= 3  # of about ten positions, so that a sum begins as large as a term

    def forward(self, tokens: Tensor, e: Tensor) -> Tensor:
        """Features ``(B, width)`` of ``tokens`` ``(B, L)`` and their vectors ``(B, L, e)``."""
        lengths = lengths_of(tokens)
        total = (
            self._padded(lengths, e) if torch.compiler.is_exporting() else self._total(lengths, e)
        )
        out: Tensor = self.out(total)
        return out

    def _total(self, lengths: Tensor, e: Tensor) -> Tensor:
        """Sum over the positions ``(B, features)``, without a product for padding."""
        packing = Packing.of(lengths)
        here = packing.pack(e)
        before, after = (shift(here, packing.sizes, back) for back in (False, True))
        return packing.total(F.gelu(self.features(torch.cat([before, here, after], 1))))

    def _padded(self, lengths: Tensor, e: Tensor) -> Tensor:
        """The same with padding, whose shapes depend on no number: what a graph can hold."""
        present = (torch.arange(e.shape[1], device=e.device) < lengths[:, None])[..., None]
        here = e * present
        before, after = F.pad(here, (0, 0, 1, 0))[:, :-1], F.pad(here, (0, 0, 0, 1))[:, 1:]
        found = F.gelu(self.features(torch.cat([before, here, after], 2)))
        return (found * present).sum(1)


class TokenEncoder(nn.Module):
    """The code of a padded token sequence, of all positions at once.

    The first layer is a linear map of the flattened one-hot code, computed as a sum of one
    looked-up row per position; no one-hot tensor is made. Of a large vocabulary, where that map
    would have more parameters than all else, each symbol may be given a short vector first.

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: d, size of the code.
        width: size of the residual stream.
        hidden: size of the hidden layer of each block.
        blocks: number of residual blocks.
        embedding: size of the vector of a symbol, whatever its position; 0 for none.
        counts: features of ``TripleCounts`` beside the flattened vectors; 0 for none.

    Raises:
        ValueError: for counts without an embedding.

    >>> encoder = TokenEncoder(length=5, symbols=3, dim=2, width=8, hidden=16, blocks=1)
    >>> encoder(torch.tensor([[1, 2, 1, 0, 0]])).shape
    torch.Size([1, 2])
    """

    offsets: Tensor

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        width: int = 512,
        hidden: int = 1024,
        blocks: int = 2,
        embedding: int = 0,
        counts: int = 0,
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        if counts and not embedding:
            raise ValueError("counts sums features of the symbols' vectors: set embedding too")
        if embedding:
            self.embedding = nn.Embedding(symbols, embedding, padding_idx=0)
            self.join = nn.Linear(length * embedding, width)
            self.counts = TripleCounts(embedding, counts, width) if counts else None
        else:
            self.table = nn.Parameter(torch.randn(length * symbols, width) / length**0.5)
            self.register_buffer("offsets", torch.arange(length) * symbols, persistent=False)
        self.blocks = nn.Sequential(*(ResidualBlock(width, hidden) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Codes ``(B, d)`` of ``tokens`` ``(B, L)``, integers in ``[0, V)``.

        They are at least float32, also under autocast.

        Raises:
            ValueError: if the sequences do not have length L.
        """
        require_length(tokens, self.length)
        if hasattr(self, "table"):
            h = F.embedding_bag(tokens.long() + self.offsets, self.table, mode="sum")
        else:
            vectors = self.embedding(tokens.long())
            h = self.join(vectors.flatten(1))
            if self.counts is not None:
                h = h + self.counts(tokens, vectors)
        code: Tensor = self.head(self.norm(self.blocks(h)))
        return _at_least_float32(code)


class TokenDecoder(nn.Module):
    """The logits of every position given a vector, all at once (not autoregressive).

    Args:
        length: L, tokens per sequence, padding included.
        symbols: V, size of the vocabulary, padding included.
        dim: d, size of the code.
        width: size of the residual stream.
        hidden: size of the hidden layer of each block.
        blocks: number of residual blocks.

    >>> decoder = TokenDecoder(length=5, symbols=3, dim=2, width=8, hidden=16, blocks=1)
    >>> decoder(torch.zeros(4, 2)).shape
    torch.Size([4, 5, 3])
    """

    def __init__(
        self,
        length: int,
        symbols: int,
        dim: int,
        width: int = 512,
        hidden: int = 1024,
        blocks: int = 3,
    ) -> None:
        super().__init__()
        self.length, self.symbols = length, symbols
        self.stem = nn.Linear(dim, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, hidden) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, length * symbols)

    def forward(self, z: Tensor) -> Tensor:
        """Logits ``(B, L, V)`` of codes ``z`` ``(B, d)``, at least float32."""
        h: Tensor = self.head(self.norm(self.blocks(self.stem(z))))
        return _at_least_float32(h).view(-1, self.length, self.symbols)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x

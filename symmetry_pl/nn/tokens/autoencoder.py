"""Encoders and decoders of token sequences, with their cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_pl.nn.autoencoder import Autoencoder
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.nn.tokens.gated import TokenModel
from symmetry_pl.nn.tokens.recurrent import ConvolutionEncoder, RecurrentDecoder, RecurrentEncoder
from symmetry_pl.nn.tokens.residual import TokenDecoder, TokenEncoder

_SEARCHED = 50  # codes at a time
_SAME = 1e-2  # largest distance in a coordinate of two codes of one molecule, at bf16


class TokenAutoencoder(Autoencoder):
    """Networks between token ids ``(B, L)`` and a latent space; cross-entropy in nats.

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        length: L, positions.
        symbols: V, size of the vocabulary.
    """

    kind = "tokens"

    def __init__(self, code_dim: int, decoder_dim: int, length: int, symbols: int) -> None:
        super().__init__(code_dim, decoder_dim)
        self.length, self.symbols = length, symbols

    @property
    def x_shape(self) -> tuple[int, ...]:
        """``(L,)``."""
        return (self.length,)


class ParallelTokenAutoencoder(TokenAutoencoder):
    """A pair whose decoder gives the logits ``(B, L, V)`` of all positions from z alone.

    Training and evaluation decode alike: there is no teacher to force.
    """

    def nll(self, z: Tensor, x: Tensor) -> Tensor:
        """Cross-entropy summed over positions, padding included, ``(B,)``."""
        logits = self.decoder(z).transpose(1, 2)
        return nn.functional.cross_entropy(logits, x, reduction="none").sum(1)

    def decode(self, z: Tensor, mask: TokenMask | None = None) -> Tensor:
        """The most likely symbol of every position, one after the other inside a mask."""
        logits: Tensor = self.decoder(z)
        ids: Tensor = logits.argmax(-1) if mask is None else mask(logits)
        return ids


class ResidualTokenAutoencoder(ParallelTokenAutoencoder):
    """Residual MLPs between token ids ``(B, L)`` and a latent space; cross-entropy in nats.

    The code is not normalised: a layer norm over z would fix its sum and its length, so that z0
    always knew the sum of z1, and no adversary could take that from it.

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        length: L, positions.
        symbols: V, size of the vocabulary.
        width: residual stream.
        hidden: inner width of a residual block.
        encoder_blocks: residual blocks of the encoder.
        decoder_blocks: residual blocks of the decoder.
    """

    def __init__(
        self,
        code_dim: int,
        decoder_dim: int,
        length: int = 18,
        symbols: int = 22,
        width: int = 512,
        hidden: int = 1024,
        encoder_blocks: int = 2,
        decoder_blocks: int = 3,
    ) -> None:
        super().__init__(code_dim, decoder_dim, length, symbols)
        self.encoder = TokenEncoder(length, symbols, code_dim, width, hidden, encoder_blocks)
        self.decoder = TokenDecoder(length, symbols, decoder_dim, width, hidden, decoder_blocks)


class RecurrentTokenAutoencoder(ParallelTokenAutoencoder):
    """Convolutions and GRUs, the networks of STIB's appendix 2.2 for QM9.

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        length: L, positions.
        symbols: V, size of the vocabulary.
        filters: channels of each of the three convolutions, which see three positions.
        encoder_width: units of the encoder's dense layer.
        stem: units of the decoder's dense layer.
        width: units of each GRU.
        layers: GRUs.
    """

    def __init__(
        self,
        code_dim: int,
        decoder_dim: int,
        length: int = 38,
        symbols: int = 33,
        filters: int = 12,
        encoder_width: int = 256,
        stem: int = 36,
        width: int = 256,
        layers: int = 3,
    ) -> None:
        super().__init__(code_dim, decoder_dim, length, symbols)
        self.encoder = ConvolutionEncoder(length, symbols, code_dim, filters, width=encoder_width)
        self.decoder = RecurrentDecoder(length, symbols, decoder_dim, stem, width, layers)


class GRUTokenAutoencoder(ParallelTokenAutoencoder):
    """A GRU on both sides, the networks of STIB's appendix 2.3 for ZINC.

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        length: L, positions.
        symbols: V, size of the vocabulary.
        encoder_units: units of the encoder's GRU.
        encoder_widths: units of its dense layers.
        stem: units of the decoder's dense layer.
        width: units of each of the decoder's GRUs.
        layers: GRUs of the decoder.
    """

    def __init__(
        self,
        code_dim: int,
        decoder_dim: int,
        length: int = 80,
        symbols: int = 76,
        encoder_units: int = 12,
        encoder_widths: Sequence[int] = (1356, 128),
        stem: int = 36,
        width: int = 501,
        layers: int = 3,
    ) -> None:
        super().__init__(code_dim, decoder_dim, length, symbols)
        self.encoder = RecurrentEncoder(length, symbols, code_dim, encoder_units, encoder_widths)
        self.decoder = RecurrentDecoder(length, symbols, decoder_dim, stem, width, layers)


class GatedTokenAutoencoder(TokenAutoencoder):
    """A residual MLP that encodes, gated recurrences that decode given z and what is written.

    Training is teacher-forced, evaluation never: ``decode`` is given z alone. ``search`` tries
    several sequences for a code, those that a beam search finds most likely, encodes them again
    and chooses the one whose own code is nearest to z. So the encoder proves what the decoder
    only guesses: a sequence with the very code z was found, whatever its rank.

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        length: L, positions.
        symbols: V, size of the vocabulary.
        width: residual stream of the decoder.
        blocks: recurrences of the decoder.
        frequencies: see ``TokenModel``.
        stem_blocks: see ``TokenModel``.
        encoder_width: residual stream of the encoder.
        encoder_blocks: residual blocks of the encoder.
        embedding: size of a symbol's vector in the encoder.
        counts: see ``TokenEncoder``.
        candidates: sequences tried for a code; 1 for no search.
    """

    encoder: TokenEncoder
    decoder: TokenModel

    def __init__(
        self,
        code_dim: int,
        decoder_dim: int,
        length: int = 18,
        symbols: int = 22,
        width: int = 256,
        blocks: int = 3,
        frequencies: int = 3,
        stem_blocks: int = 2,
        encoder_width: int = 512,
        encoder_blocks: int = 2,
        embedding: int = 64,
        counts: int = 0,
        candidates: int = 1,
    ) -> None:
        super().__init__(code_dim, decoder_dim, length, symbols)
        if candidates < 1:
            raise ValueError(f"candidates must be at least 1, got {candidates}")
        self.candidates = candidates
        self.encoder = TokenEncoder(
            length,
            symbols,
            code_dim,
            encoder_width,
            2 * encoder_width,
            encoder_blocks,
            embedding,
            counts,
        )
        self.decoder = TokenModel(
            length, symbols, decoder_dim, width, 2 * width, blocks, frequencies, stem_blocks
        )

    def nll(self, z: Tensor, x: Tensor) -> Tensor:
        """Cross-entropy of the symbols and of the end, given those before, ``(B,)``."""
        return self.decoder.nll(x, z)

    def decode(self, z: Tensor, mask: TokenMask | None = None) -> Tensor:
        """Greedily, the most likely symbol after those written so far."""
        return self.decoder.most_likely(z, mask)

    @torch.no_grad()
    def search(self, z: Tensor, x: Tensor) -> Tensor:
        """``x``, and where its code is not z, the candidate whose code is nearest to z."""
        if self.candidates == 1:
            return x
        x = x.clone()
        shared = min(self.code_dim, self.decoder_dim)
        distance = (self.encode(x)[:, :shared] - z[:, :shared]).abs().amax(1)
        for rows in torch.split((distance > _SAME).nonzero()[:, 0], _SEARCHED):
            found = self.decoder.candidates(z[rows], self.candidates)
            codes = self.encode(found.flatten(0, 1))[:, :shared].view(*found.shape[:2], shared)
            nearest = (codes - z[rows, None, :shared]).square().sum(2).argmin(1)
            x[rows] = found[torch.arange(len(rows), device=x.device), nearest]
        return x

"""Encoder and decoder of an input, with the likelihood that belongs to its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP
from symmetry_pl.nn.recurrent_tokens import ConvolutionEncoder, RecurrentDecoder
from symmetry_pl.nn.residual_tokens import TokenDecoder, TokenEncoder


class Autoencoder(nn.Module, ABC):
    """Two networks and a reconstruction loss.

    Args:
        code_dim: numbers the encoder gives per input; the caller decides what they are (means, or
            means and log-variances).
        decoder_dim: numbers the decoder takes (a latent vector, or one joined with a condition).
    """

    kind: ClassVar[str]
    encoder: nn.Module
    decoder: nn.Module

    def __init__(self, code_dim: int, decoder_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.decoder_dim = decoder_dim

    def encode(self, x: Tensor) -> Tensor:
        """Code ``(B, code_dim)`` of an input."""
        return self.encoder(x)  # type: ignore[no-any-return]

    def decode(self, z: Tensor) -> Tensor:
        """Parameters of p(x|z): means ``(B, d)`` of a vector, logits ``(B, L, V)`` of tokens."""
        return self.decoder(z)  # type: ignore[no-any-return]

    @abstractmethod
    def loss(self, prediction: Tensor, x: Tensor) -> Tensor:
        """−log p(x|z) up to constants, ``(B,)``, summed over the coordinates of one input."""

    @abstractmethod
    def point(self, prediction: Tensor) -> Tensor:
        """The most likely input under ``prediction``, of the shape of x."""

    @property
    @abstractmethod
    def x_shape(self) -> tuple[int, ...]:
        """Shape of one input."""


class VectorAutoencoder(Autoencoder):
    """MLPs between real vectors and a latent space; loss ‖x − x̂‖² (STIB's artificial experiment).

    Args:
        code_dim: see ``Autoencoder``.
        decoder_dim: see ``Autoencoder``.
        x_dim: d, columns of x.
        width: units a hidden layer of both networks.
        depth: hidden layers.
        activation: see ``MLP``.
        encoder_bias: the published encoder has no biases.
    """

    kind = "vector"

    def __init__(
        self,
        code_dim: int,
        decoder_dim: int,
        x_dim: int = 2,
        width: int = 256,
        depth: int = 2,
        activation: str = "softplus",
        encoder_bias: bool = True,
    ) -> None:
        super().__init__(code_dim, decoder_dim)
        self.x_dim = x_dim
        self.encoder = MLP(x_dim, code_dim, width, depth, activation, bias=encoder_bias)
        self.decoder = MLP(decoder_dim, x_dim, width, depth, activation)

    def loss(self, prediction: Tensor, x: Tensor) -> Tensor:
        """‖x − x̂‖², ``(B,)``."""
        return (prediction - x).square().sum(1)

    def point(self, prediction: Tensor) -> Tensor:
        """The mean itself."""
        return prediction

    @property
    def x_shape(self) -> tuple[int, ...]:
        """``(d,)``."""
        return (self.x_dim,)


class TokenAutoencoder(Autoencoder):
    """Networks between token ids ``(B, L)`` and a latent space; cross-entropy in nats."""

    kind = "tokens"
    length: int
    symbols: int

    def loss(self, prediction: Tensor, x: Tensor) -> Tensor:
        """Cross-entropy summed over positions, padding included, ``(B,)``."""
        return nn.functional.cross_entropy(prediction.transpose(1, 2), x, reduction="none").sum(1)

    def point(self, prediction: Tensor) -> Tensor:
        """The most likely symbol of every position."""
        return prediction.argmax(-1)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """``(L,)``."""
        return (self.length,)


class ResidualTokenAutoencoder(TokenAutoencoder):
    """Residual MLPs between token ids ``(B, L)`` and a latent space; cross-entropy in nats.

    All positions are decoded at once from the latent vector, so that training and evaluation
    decode alike: there is no teacher to force. The code is not normalised: a layer norm over z
    would fix its sum and its length, so that z0 always knew the sum of z1, and no adversary could
    take that from it.

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
        super().__init__(code_dim, decoder_dim)
        self.length = length
        self.symbols = symbols
        self.encoder = TokenEncoder(length, symbols, code_dim, width, hidden, encoder_blocks)
        self.decoder = TokenDecoder(length, symbols, decoder_dim, width, hidden, decoder_blocks)


class RecurrentTokenAutoencoder(TokenAutoencoder):
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
        super().__init__(code_dim, decoder_dim)
        self.length = length
        self.symbols = symbols
        self.encoder = ConvolutionEncoder(length, symbols, code_dim, filters, width=encoder_width)
        self.decoder = RecurrentDecoder(length, symbols, decoder_dim, stem, width, layers)


AUTOENCODERS: dict[str, type[Autoencoder]] = {
    "mlp": VectorAutoencoder,
    "residual_tokens": ResidualTokenAutoencoder,
    "recurrent_tokens": RecurrentTokenAutoencoder,
}

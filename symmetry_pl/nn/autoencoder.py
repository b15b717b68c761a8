"""An encoder and a decoder with the likelihood of their kind of input, and those of vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from symmetry_pl.nn.mlp import MLP
from symmetry_pl.nn.token_mask import TokenMask


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
    candidates: int = 1
    """Inputs that ``search`` tries for a code."""

    def __init__(self, code_dim: int, decoder_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.decoder_dim = decoder_dim

    def encode(self, x: Tensor) -> Tensor:
        """Code ``(B, code_dim)`` of an input."""
        return self.encoder(x)  # type: ignore[no-any-return]

    @abstractmethod
    def nll(self, z: Tensor, x: Tensor) -> Tensor:
        """−log p(x|z) up to constants, ``(B,)``, summed over the coordinates of one input."""

    @abstractmethod
    def decode(self, z: Tensor, mask: TokenMask | None = None) -> Tensor:
        """A likely input under p(x|z), of the shape of x.

        Args:
            z: what the decoder takes ``(B, decoder_dim)``.
            mask: keeps token sequences inside their language.
        """

    def search(self, z: Tensor, x: Tensor) -> Tensor:
        """An input at least as near to the codes z as the decoded ``x``; here that itself."""
        return x

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

    def nll(self, z: Tensor, x: Tensor) -> Tensor:
        """‖x − x̂‖², ``(B,)``."""
        error: Tensor = self.decoder(z) - x
        return error.square().sum(1)

    def decode(self, z: Tensor, mask: TokenMask | None = None) -> Tensor:
        """The mean of p(x|z)."""
        return self.decoder(z)  # type: ignore[no-any-return]

    @property
    def x_shape(self) -> tuple[int, ...]:
        """``(d,)``."""
        return (self.x_dim,)

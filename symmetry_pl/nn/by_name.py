"""Networks by the names that options give them.

``core.registry.build_named`` looks a name up here; it also takes the path of a class of the user's
own, ``my.module.Class``, with the same first arguments.
"""

from __future__ import annotations

from torch import nn

from symmetry_pl.nn.autoencoder import Autoencoder, VectorAutoencoder
from symmetry_pl.nn.fourier import FourierPredictor
from symmetry_pl.nn.image_autoencoder import (
    ConvolutionImageAutoencoder,
    ImageAutoencoder,
    MLPImageAutoencoder,
)
from symmetry_pl.nn.image_features import ConvolutionFeatures, PixelFeatures
from symmetry_pl.nn.mlp import MLP
from symmetry_pl.nn.tokens.autoencoder import (
    GatedTokenAutoencoder,
    GRUTokenAutoencoder,
    RecurrentTokenAutoencoder,
    ResidualTokenAutoencoder,
)

__all__ = ["AUTOENCODERS", "ENCODERS", "IMAGE_AUTOENCODERS", "PREDICTORS"]

PREDICTORS: dict[str, type[nn.Module]] = {"mlp": MLP, "fourier": FourierPredictor}
"""Of a target from a code; they take the columns of both first."""

ENCODERS: dict[str, type[nn.Module]] = {"mlp": PixelFeatures, "conv": ConvolutionFeatures}
"""Of an image; they take its shape, the widths of their layers and the dropout first."""

AUTOENCODERS: dict[str, type[Autoencoder]] = {
    "mlp": VectorAutoencoder,
    "residual_tokens": ResidualTokenAutoencoder,
    "recurrent_tokens": RecurrentTokenAutoencoder,
    "gru_tokens": GRUTokenAutoencoder,
    "gated_tokens": GatedTokenAutoencoder,
}
"""Of an input; they take the sizes of the code and of what the decoder is given first."""

IMAGE_AUTOENCODERS: dict[str, type[ImageAutoencoder]] = {
    "conv": ConvolutionImageAutoencoder,
    "mlp": MLPImageAutoencoder,
}
"""Of an image, with Gaussian codes; they take its shape and the columns of a code first."""

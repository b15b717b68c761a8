"""A VAE of images with Gaussian pixels, and the importance weights of its codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from symmetry_pl.groups.base import at_least_single
from symmetry_pl.nn.image_autoencoder import ImageAutoencoder

__all__ = ["GaussianVAE", "normal_log_prob", "raw_scale", "scale_of"]

_FLOOR = 0.01
"""Smallest standard deviation; a pixel that never changes would else have any density."""


class GaussianVAE(nn.Module):
    r"""p(x) = ∫ N(z; m, s²) N(x; μ(z), σ²) dz with σ one number a pixel (SGM, App. C.4).

    m and s of the prior and σ are learned; they start at 0, 1 and 1. Every standard deviation is
    0.01 plus a softplus. Densities are those of pixels in [−1, 1], in nats, summed over an image,
    and computed in float32 at least.

    Near the frame pixels hardly ever change and σ falls to its floor, so that errors there weigh
    ten thousand times what they do in the middle. After ``standardise`` the decoder gives every
    pixel in units of its own deviation in the data, and σ starts there, which makes them alike.

    Args:
        networks: encoder and decoder.
        latent_dim: columns of a code.
        image_shape: ``(C, H, W)``.

    Raises:
        ValueError: for a code without columns.
    """

    offset: Tensor
    unit: Tensor

    def __init__(
        self, networks: ImageAutoencoder, latent_dim: int, image_shape: Sequence[int]
    ) -> None:
        super().__init__()
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1, got {latent_dim}")
        self.latent_dim = latent_dim
        self.networks = networks
        self.prior_mean = nn.Parameter(torch.zeros(latent_dim))
        self.raw_prior_scale = nn.Parameter(raw_scale(torch.ones(latent_dim)))
        self.raw_noise = nn.Parameter(raw_scale(torch.ones(*image_shape)))
        self.register_buffer("offset", torch.zeros(*image_shape))
        self.register_buffer("unit", torch.ones(*image_shape))

    @torch.no_grad()
    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Take mean and standard deviation ``(C, H, W)`` of the pixels of data, before training.

        A deviation counts as at least 0.02.
        """
        unit = deviation.clamp(min=2 * _FLOOR)
        self.offset.copy_(mean)
        self.unit.copy_(unit)
        self.raw_noise.copy_(raw_scale(unit))

    @property
    def noise_scale(self) -> Tensor:
        """σ, ``(C, H, W)``."""
        return scale_of(self.raw_noise)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation ``(B, d)`` of q(z | x)."""
        mean, raw = at_least_single(self.networks.encoder(x)).chunk(2, 1)
        return mean, scale_of(raw + raw_scale(torch.ones_like(raw)))  # the encoder starts at 0

    def decode(self, z: Tensor) -> Tensor:
        """μ(z), images ``(B, C, H, W)``."""
        return self.offset + self.unit * at_least_single(self.networks.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """μ at the posterior's mean."""
        return self.decode(self.posterior(x)[0])

    def sample(self, noise: Tensor) -> Tensor:
        """Means of images drawn from the model, of standard normal noise ``(B, d)``."""
        return self.decode(self.prior_mean + scale_of(self.raw_prior_scale) * noise)

    def code_log_ratio(self, posterior: tuple[Tensor, Tensor], z: Tensor) -> Tensor:
        """Log p(z) − log q(z | x), ``(B,)``."""
        prior = normal_log_prob(z, self.prior_mean, scale_of(self.raw_prior_scale))
        return prior - normal_log_prob(z, *posterior)

    def log_likelihood(self, x: Tensor, mean: Tensor) -> Tensor:
        """Log N(x; mean, σ²), ``(B,)``."""
        return normal_log_prob(x, mean, self.noise_scale, self.noise_scale.ndim)

    def log_weights(self, x: Tensor, noise: Tensor) -> Tensor:
        r"""The log of the weights of codes drawn from the posterior.

        .. math:: \log p(x \mid z) + \log p(z) - \log q(z \mid x)

        Their mean is the evidence lower bound; ``information.importance`` makes tighter ones.

        Args:
            x: images ``(B, C, H, W)``.
            noise: standard normal ``(K, B, d)``.

        Returns:
            ``(K, B)``.
        """
        mean, scale = self.posterior(x)
        z = mean + scale * noise
        decoded = self.decode(z.flatten(0, 1)).view(*z.shape[:2], *x.shape[1:])
        return self.log_likelihood(x, decoded) + self.code_log_ratio((mean, scale), z)


def normal_log_prob(x: Tensor, mean: Tensor, scale: Tensor, event: int = 1) -> Tensor:
    """Log N(x; mean, scale²), summed over the last ``event`` axes, of tensors that go together.

    >>> normal_log_prob(torch.zeros(5, 2), torch.zeros(2), torch.ones(2)).shape
    torch.Size([5])
    """
    density = -0.5 * ((x - mean) / scale).square() - scale.log()
    axes = tuple(range(-event, 0))
    size = math.prod(density.shape[-event:])
    return density.sum(axes) - 0.5 * size * math.log(2 * math.pi)


def scale_of(raw: Tensor) -> Tensor:
    """A standard deviation of a number without bounds: 0.01 plus a softplus."""
    return _FLOOR + F.softplus(raw)


def raw_scale(scale: Tensor) -> Tensor:
    """The number whose ``scale_of`` a standard deviation is.

    >>> bool(torch.isclose(scale_of(raw_scale(torch.tensor(0.3))), torch.tensor(0.3)))
    True
    """
    return (scale - _FLOOR).expm1().log()

"""LaLiGAN: LieGAN in the latent space of an autoencoder, for groups that act non-linearly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian
from torch.nn.functional import mse_loss

from symmetry_pl.core import DataDescription, Player, PlayerOptions
from symmetry_pl.core.distributed import all_reduce_sum, world_size
from symmetry_pl.lens.adversarial import Pair, apply_blocks
from symmetry_pl.lens.element_evaluation import LatentElementEvaluator
from symmetry_pl.lens.liegan import LieGAN
from symmetry_pl.nn.mlp import MLP

__all__ = ["LaLiGAN", "Standardised"]

_MOMENTUM = 0.1  # of running moments, PyTorch's default for batch normalisation
_LEAST = 1e-5  # added to variances, likewise


class Standardised(nn.Module):
    """Columns of mean 0 and variance 1: batch normalisation, over all processes, not affine.

    In training the moments are those of the batch, else running ones.

    Args:
        n: number of columns.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("variance", torch.ones(n))

    def forward(self, z: Tensor) -> Tensor:
        """``(N, n)`` to the same."""
        if not self.training:
            return self.by_running_moments(z)
        mean = all_reduce_sum(z.mean(0)) / world_size()
        variance = all_reduce_sum((z - mean).square().mean(0)) / world_size()
        self.mean.lerp_(mean.detach(), _MOMENTUM)
        self.variance.lerp_(variance.detach(), _MOMENTUM)
        return (z - mean) / (variance + _LEAST).sqrt()

    def by_running_moments(self, z: Tensor) -> Tensor:
        """``(…, n)`` to the same."""
        return (z - self.mean) / (self.variance + _LEAST).sqrt()


class LaLiGAN(LieGAN):
    r"""Generators of a group that is linear in an autoencoder's latent space (Yang et al., 2024).

    .. math:: g x = \psi(\exp(\Sigma_c z_c L_c)\, \varphi(x)), \quad
        \min_{L, \varphi, \psi}\; w\, E \|\psi(\varphi(x)) - x\|^2 / d
        - \gamma\, E \log D(g \varphi(x), y) + \lambda\, R + \mu\, \|L\|_p + \eta\, \mathrm{corr}(L)

    with φ standardised, so that the group acts on latents without their mean and cannot shrink
    them, and R of the latents. A sample of b vectors has as many latents, by one encoder.

    Args:
        latent_dim: m, numbers of a latent.
        autoencoder_widths: of the hidden layers of the encoder, and, backwards, of the decoder;
            those of the paper if null.
        autoencoder_activation: of both.
        reconstruction: w.
        game_weight: γ.
        correlation: η.
        activation: of the discriminator.
        kwargs: options of ``LieGAN``; a mask is one of latents.

    Raises:
        ValueError: for an option that cannot be, or targets that shall move: the group acts on
            latents.
    """

    headline = ("objective", "mae_x", "invariant_change", "generator_cosine")
    default_widths = (512,) * 5

    def __init__(
        self,
        latent_dim: int = 2,
        autoencoder_widths: list[int] | None = None,
        autoencoder_activation: str = "relu",
        reconstruction: float = 1.0,
        game_weight: float = 1.0,
        correlation: float = 0.0,
        activation: str = "relu",
        **kwargs: Any,
    ) -> None:
        super().__init__(correlation=correlation, activation=activation, **kwargs)
        if latent_dim < 1 or not reconstruction > 0 or not game_weight > 0:
            raise ValueError(
                "model.latent_dim must be at least 1, model.reconstruction and model.game_weight "
                f"positive, got {latent_dim}, {reconstruction} and {game_weight}"
            )
        if self.moves_target:
            raise ValueError("model.moves_target: LaLiGAN moves latents, and targets have none")
        self.data_mean: Tensor

    @property
    def acted_dim(self) -> int:
        """m, the numbers of a latent."""
        return int(self.hparams["latent_dim"])

    @property
    def game_weight(self) -> float:
        """γ."""
        return float(self.hparams["game_weight"])

    def configure_networks(self, data: DataDescription) -> None:
        """LieGAN's of latents, and the autoencoder of a vector."""
        super().configure_networks(data)
        n, m, given = self.block_dim, self.acted_dim, self.hparams
        chosen = given["autoencoder_widths"]
        widths = list(self.default_widths) if chosen is None else chosen
        kind = given["autoencoder_activation"]
        self.encoder = MLP(n, m, widths, activation=kind)
        self.standardised = Standardised(m)
        self.decoder = MLP(m, n, widths[::-1], activation=kind)
        self.register_buffer("data_mean", torch.zeros(n))

    def configure_players(self) -> dict[str, Player]:
        """Group and autoencoder together, and their critic, with Adam at 1e-3 as published."""
        options = PlayerOptions(lr=1e-3)
        return {
            "generator": Player([self.group, self.encoder, self.decoder], options),
            "discriminator": Player([self.discriminator], options),
        }

    def configure_evaluator(self, stage: Literal["val", "test"]) -> LatentElementEvaluator:
        """LieGAN's figures, and how well samples are reconstructed."""
        return LatentElementEvaluator()

    def on_fit_start(self) -> None:
        """Note the mean of the training set, where ``generators`` are told."""
        super().on_fit_start()
        self.data_mean.copy_(self.training_signals().view(-1, self.block_dim).mean(0))

    def encode(self, x: Tensor) -> Tensor:
        """Latents ``(B, b m)`` of samples ``(B, b n)``."""
        latents: Tensor = self.standardised(self.encoder(x.reshape(-1, self.block_dim)))
        return latents.view(len(x), -1)

    def decode(self, latents: Tensor) -> Tensor:
        """Samples ``(B, b n)`` of latents ``(B, b m)``."""
        x: Tensor = self.decoder(latents.reshape(-1, self.acted_dim))
        return x.view(len(latents), -1)

    def seen(self, pair: Pair) -> Pair:
        """Latents and targets."""
        return self.encode(pair[0]), pair[1]

    def move(self, pair: Pair, normal: Tensor) -> Pair:
        """Samples under random elements, decode(g · encode(x)), and targets as they are."""
        latents, y = self.act(self.seen(pair), normal)
        return self.decode(latents), y

    def still(self, x: Tensor) -> Tensor:
        """Samples under the identity: decode(encode(x))."""
        return self.decode(self.encode(x))

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, and samples moved by exp(L) of the first channel."""
        g = torch.matrix_exp(self.algebra()[:1])
        return {"row": batch[2], "moved": self.decode(apply_blocks(g, self.encode(batch[0])))}

    def penalty(self, x: Tensor, seen: Tensor, moved: Tensor) -> dict[str, Tensor]:
        """LieGAN's of latents, and w times the mean squared error of the reconstruction."""
        error = mse_loss(self.decode(seen), x)
        terms = {"reconstruction": self.hparams["reconstruction"] * error}
        return terms | super().penalty(x, seen, moved)

    def algebra(self) -> Tensor:
        """L ``(c, m, m)``, of latents."""
        return super().algebra()

    def sample_algebra(self) -> Tensor:
        """ψ' L φ' ``(c, n, n)``, with the Jacobians φ' and ψ' at the mean of the data.

        Where ψ inverts φ it is L in coordinates of the samples: the algebra of a group that is
        linear there.
        """
        inwards = _jacobian(self._latent, self.data_mean)
        outwards = _jacobian(self.decoder, self._latent(self.data_mean))
        found: Tensor = outwards @ self.algebra().detach() @ inwards
        return found

    def generators(self) -> Tensor:
        """The Jacobians of ψ ∘ exp(L_c) ∘ φ at the mean of the data, ``(c, n, n)``.

        A matrix of the size of a vector tells of a non-linear map how it moves what is near that
        point, and no more: all of it for a group that is linear in the samples, and nothing where
        no data are near their mean, as on a circle.
        """
        with torch.inference_mode(False):  # what is differentiated keeps them
            elements = torch.matrix_exp(self.algebra().detach())
        maps = [lambda x, g=g: self.decoder(g @ self._latent(x)) for g in elements]
        return torch.stack([_jacobian(one, self.data_mean) for one in maps])

    def _latent(self, x: Tensor) -> Tensor:
        """The latent ``(m,)`` of one vector ``(n,)``, in training as in evaluation."""
        return self.standardised.by_running_moments(self.encoder(x))


def _jacobian(of: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """``(outputs, inputs)`` at one vector, also where gradients are off."""
    with torch.inference_mode(False), torch.enable_grad():
        found: Tensor = jacobian(of, at.detach().clone())  # type: ignore[no-untyped-call]
    return found

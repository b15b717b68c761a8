"""Conditional variational autoencoder: the decoder is told Y, so that the code need not know it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Player
from symmetry_pl.stib.bottleneck import Bottleneck


class CVAE(Bottleneck):
    r"""q(z|x) and p(x|z, y) (Sohn et al., 2015).

    .. math:: w_{KL}\,KL + \lambda\,(w_x \|x - \hat x(z, y)\|^2 + \text{penalty}(z))

    Nothing forbids z to know Y; that the decoder has Y already only makes it needless.

    Args:
        y_dim: columns of y.
        latent_dim: k; the paper uses 2 where STIB has 3.
        posterior: see ``Bottleneck``.
        kwargs: options of ``Bottleneck``.
    """

    def __init__(
        self, y_dim: int = 2, latent_dim: int = 2, posterior: str = "head", **kwargs: Any
    ) -> None:
        kwargs["condition_dim"] = y_dim  # also where a checkpoint's hyper-parameters name it
        super().__init__(latent_dim=latent_dim, posterior=posterior, y_dim=y_dim, **kwargs)

    def configure_players(self) -> dict[str, Player]:
        """One player."""
        return {"model": self.model_player()}

    def join(self, z0: Tensor, z1: Tensor | None, y: Tensor | None) -> Tensor:
        """The code beside the condition."""
        if y is None:
            raise ValueError(f"{type(self).__name__} decodes only with a target y")
        return torch.cat([z0, y], 1)

    def predict_target(self, z0: Tensor, z1: Tensor | None) -> None:
        """Nothing is predicted: y is an input."""

    def penalty(self, mean: Tensor, log_std: Tensor) -> dict[str, Tensor]:
        """Further terms by name, each added to the loss."""
        return {}

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the only player."""
        x, y = batch[0], batch[1]
        with self.turn("model"):
            mean, log_std = self.posterior(x)
            kl = self.compression(mean, log_std)
            loss_x = self.reconstruction(self.sample(mean, log_std), None, x, y)
            further = self.penalty(mean, log_std)
            self.minimise(kl + self.x_weight * loss_x + sum(further.values()))
        if self.log_now:
            parts = {"kl": kl * self.weight / self.kl_weight, "loss_x": loss_x, **further}
            self.log_training({**parts, "lambda": self.weight}, len(y))

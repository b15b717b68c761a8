"""Conditional variational autoencoder: the decoder is told Y, so that the code need not know it."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Player
from symmetry_pl.stib.bottleneck import Bottleneck
from symmetry_pl.stib.code import Code


class CVAE(Bottleneck):
    r"""q(z|x) and p(x|z, y) (Sohn et al., 2015).

    .. math:: w_{KL}\,KL + \lambda\,(w_x \|x - \hat x(z, y)\|^2 + \text{penalty}(z))

    Nothing forbids z to know Y; that the decoder has Y already only makes it needless.

    Args:
        latent_dim: k; the paper uses 2 where STIB has 3.
        posterior: see ``Bottleneck``.
        kwargs: options of ``Bottleneck``.
    """

    needs_targets = True

    def __init__(
        self, latent_dim: int = 2, posterior: Literal["shared", "head"] = "head", **kwargs: Any
    ) -> None:
        super().__init__(latent_dim=latent_dim, posterior=posterior, **kwargs)

    def configure_players(self) -> dict[str, Player]:
        """One player."""
        return {"model": self.model_player()}

    def join(self, code: Code) -> Tensor:
        """The code beside the condition."""
        if code.y is None:
            raise ValueError(f"{type(self).__name__} decodes only with a target y")
        return torch.cat([code.z0, code.y], 1)

    def predict_target(self, code: Code) -> None:
        """Nothing is predicted: y is an input."""

    def penalty(self, mean: Tensor, log_std: Tensor) -> dict[str, Tensor]:
        """Further terms by name, each added to the loss."""
        return {}

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the only player."""
        x, y = batch[0], batch[1]
        with self.turn("model"):
            mean, log_std = self.posterior(x)
            kl = self.divergence(mean, log_std)
            code = self.split(self.sample(mean, log_std))._replace(y=y)
            loss_x = self.reconstruction(code, x)
            further = self.penalty(mean, log_std)
            loss = self.compression(kl) + self.x_weight * loss_x + sum(further.values())
            self.minimise(loss)
        if self.log_now:
            parts = {"kl": kl, "loss_x": loss_x, **further}
            self.log_training({**parts, "lambda": self.weight}, len(y))

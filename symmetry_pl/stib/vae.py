"""Variational autoencoder with a property predictor: the first baseline of the STIB paper."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Player
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.stib.bottleneck import Bottleneck
from symmetry_pl.stib.code import Code


class VAE(Bottleneck):
    r"""One latent space that reconstructs X and predicts Y (Gómez-Bombarelli et al., 2018).

    .. math:: KL + \lambda\,(\|x - \hat x(z)\|^2 + w_y \|y - \hat y(z)\|^2)

    There is no invariant part: the paper measures I(Z;Y) of the whole code, and so do we.

    Args:
        y_weight: w_y; 3 in the published code.
        predictor: ``mlp`` or ``fourier``.
        predictor_options: options of the predictor.
        kwargs: options of ``Bottleneck``.
    """

    def __init__(
        self,
        y_weight: float = 3.0,
        predictor: str = "mlp",
        predictor_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if y_weight < 0:
            raise ValueError(f"y_weight must not be negative, got {y_weight}")
        self.y_weight = y_weight
        self._predictor = (predictor, predictor_options or {})

    def configure_networks(self, data: DataDescription) -> None:
        """The autoencoder, and the predictor of the targets."""
        super().configure_networks(data)
        name, options = self._predictor
        sizes = (self.latent_dim, len(data.target_names))
        self.predictor = build_named("predictor", PREDICTORS, name, sizes, options)

    def configure_players(self) -> dict[str, Player]:
        """One player."""
        return {"model": self.model_player(self.predictor)}

    def predict_target(self, code: Code) -> Tensor:
        """Targets from the whole code."""
        return self.predictor(code.z0)  # type: ignore[no-any-return]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the only player."""
        x, y = batch[0], batch[1]
        with self.turn("model"):
            mean, log_std = self.posterior(x)
            code = self.split(self.sample(mean, log_std))
            kl = self.compression(self.divergence(mean, log_std))
            loss_x = self.reconstruction(code, x)
            loss_y = (self.predict_target(code) - y).square().sum(1).mean()
            self.minimise(kl + self.x_weight * loss_x + self.y_weight * loss_y)
        if self.log_now:
            parts = {"kl": kl * self.weight, "loss_x": loss_x, "loss_y": loss_y}
            self.log_training({**parts, "lambda": self.weight}, len(y))

"""FlowSTIB: the split of STIB by maximum likelihood, without an adversary."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from symmetry_pl.core import DataDescription, Player, named_schedule, ramp
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.flows.split_flow import CouplingFlow
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.invariance import InvarianceModule


class FlowSTIB(InvarianceModule):
    r"""An invertible map x ↔ (z1, z0) with a factorised base, and a predictor that sees z1 alone.

    .. math:: \min\; -\log p(x) + w\, \|y - g(z_1)\|^2, \qquad
        \log p(x) = \log N(z; 0, I) + \log|\det \partial z / \partial x|

    When the likelihood is matched, z0 and z1 are independent; when g(z1) is a sufficient
    predictor, Y depends on x through z1 alone. Both together give I(Z0;Y) = 0, and the inverse
    of the flow reconstructs x exactly: nothing is played off against anything.

    Two checks need no label: the gap between −log p and the entropy of x where that is known,
    and I(Z0;Z1), which is 0 at the optimum.

    Args:
        x_dim: D, columns of x; any vector will do, an autoencoder's latent for one.
        z1_dim: d1 < D, columns of z1.
        y_dim: columns of y.
        flow_options: options of ``CouplingFlow`` beside its sizes.
        predictor: ``fourier`` or ``mlp``, of y from z1.
        predictor_options: its options.
        y_weight: w.
        y_ramp: share of training in which w grows linearly from 0.
        input_noise: standard deviation of Gaussian noise on training inputs; a regulariser for
            data that lie on fewer than D dimensions or are few.
        lr: learning rate.
        lr_schedule: ``constant``, ``cosine`` or ``one_cycle``.
        betas: of AdamW; the second moment follows the fast change of scale of a young flow.
        weight_decay: decoupled weight decay.
        clip_norm: largest gradient norm; null leaves gradients alone.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size, weight or name that makes no model.
    """

    def __init__(
        self,
        x_dim: int = 2,
        z1_dim: int = 1,
        y_dim: int = 2,
        flow_options: dict[str, Any] | None = None,
        predictor: str = "fourier",
        predictor_options: dict[str, Any] | None = None,
        y_weight: float = 30.0,
        y_ramp: float = 0.3,
        input_noise: float = 0.0,
        lr: float = 8e-3,
        lr_schedule: str = "one_cycle",
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        clip_norm: float | None = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(y_dim=y_dim, **kwargs)
        if y_weight < 0 or input_noise < 0:
            raise ValueError("y_weight and input_noise must not be negative")
        if not 0 <= y_ramp <= 1:
            raise ValueError(f"y_ramp is a share of training in [0, 1], got {y_ramp}")
        self.y_weight, self.y_ramp, self.input_noise = y_weight, y_ramp, input_noise
        self._lr, self._schedule = lr, named_schedule(lr_schedule)
        self._adam = {"betas": tuple(betas), "weight_decay": weight_decay}
        self._clip_norm = clip_norm
        self.flow = build_named(
            "flow", {"coupling": CouplingFlow}, "coupling", (x_dim, z1_dim), flow_options or {}
        )
        self.predictor = build_named(
            "predictor", PREDICTORS, predictor, (z1_dim, y_dim), predictor_options or {}
        )

    def configure_players(self) -> dict[str, Player]:
        """One player: there is no game."""
        parts = [self.flow, self.predictor]
        return {
            "model": Player(parts, self._lr, self._schedule, "adamw", self._adam, self._clip_norm)
        }

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not a vector of D columns."""
        if (data.kind, data.x_shape) != ("vector", (self.flow.dim,)):
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, FlowSTIB was built for vectors "
                f"of {self.flow.dim} columns: change model.init_args.x_dim, or encode them first"
            )
        super().check_data(data)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of maximum likelihood and regression."""
        x, y = batch[0], batch[1]
        if self.input_noise:
            x = x + self.input_noise * self.noise(*x.shape, dtype=x.dtype)
        weight = self.y_weight * ramp(0.0, self.y_ramp)(self.progress)
        with self.turn("model"):
            z, log_abs_det = self.flow(x)
            nll = -(self.flow.base_log_prob(z) + log_abs_det).mean()
            loss_y = (self.predictor(self.flow.split(z)[0]) - y).square().sum(1).mean()
            self.minimise(nll + weight * loss_y)
        if self.log_now:
            self.log_training({"nll": nll, "loss_y": loss_y, "y_weight": weight}, len(y))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The flow's code, split."""
        z1, z0 = self.flow.split(self.flow(x)[0])
        return z0, z1

    def predict_target(self, z0: Tensor, z1: Tensor | None) -> Tensor:
        """Targets from z1 alone."""
        return self.predictor(z1)  # type: ignore[no-any-return]

    def decode(
        self,
        z0: Tensor,
        z1: Tensor | None,
        y: Tensor | None = None,
        mask: TokenMask | None = None,
    ) -> Tensor:
        """X of the codes, exactly."""
        assert z1 is not None
        return self.flow.inverse(self.flow.join(z1, z0))

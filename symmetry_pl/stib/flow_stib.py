"""FlowSTIB: the split of STIB by maximum likelihood, without an adversary."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Length, Player, PlayerOptions
from symmetry_pl.core.phases import parse_length
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.flows.split_flow import CouplingFlow
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.code import Code
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

    The player ``model`` is AdamW at 8e-3 with betas (0.9, 0.99), as the second moment follows the
    fast change of scale of a young flow; a tenth of the training warms up, half a cosine follows.

    Args:
        z1_dim: d1 < D, columns of z1; D is that of x, any vector, an autoencoder's latent for one.
        flow_options: options of ``CouplingFlow`` beside its sizes.
        predictor: ``fourier`` or ``mlp``, of y from z1.
        predictor_options: its options.
        y_weight: w.
        y_ramp: length of the linear growth of w from 0.
        input_noise: standard deviation of Gaussian noise on training inputs; a regulariser for
            data that lie on fewer than D dimensions or are few.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size, weight or name that makes no model.
    """

    def __init__(
        self,
        z1_dim: int = 1,
        flow_options: dict[str, Any] | None = None,
        predictor: str = "fourier",
        predictor_options: dict[str, Any] | None = None,
        y_weight: float = 30.0,
        y_ramp: Length = "30 %",
        input_noise: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if y_weight < 0 or input_noise < 0:
            raise ValueError("y_weight and input_noise must not be negative")
        if z1_dim < 1:
            raise ValueError(f"z1_dim must be at least 1, got {z1_dim}")
        parse_length(y_ramp, "model.y_ramp")
        self.z1_dim, self.y_weight, self.y_ramp = z1_dim, y_weight, y_ramp
        self.input_noise = input_noise
        self._flow_options = flow_options or {}
        self._predictor = (predictor, predictor_options or {})

    def configure_networks(self, data: DataDescription) -> None:
        """The flow of x and the predictor of y, at the data's sizes."""
        flows = {"coupling": CouplingFlow}
        sizes = (data.x_shape[0], self.z1_dim)
        self.flow = build_named("flow", flows, "coupling", sizes, self._flow_options)
        name, options = self._predictor
        sizes = (self.z1_dim, len(data.target_names))
        self.predictor = build_named("predictor", PREDICTORS, name, sizes, options)

    def configure_players(self) -> dict[str, Player]:
        """One player: there is no game."""
        options: PlayerOptions = {
            "lr": 8e-3,
            "optimizer": "adamw",
            "betas": [0.9, 0.99],
            "weight_decay": 0.0,
            "clip_norm": 5.0,
            "schedule": "cosine",
            "warmup": "10 %",
        }
        return {"model": Player([self.flow, self.predictor], options)}

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not a vector, or no wider than Z1."""
        super().check_data(data)
        if data.kind != "vector" or len(data.x_shape) != 1:
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and FlowSTIB is for vectors: "
                "take LatentFlowSTIB or TokenFlowSTIB, or encode them first"
            )
        if self.z1_dim >= data.x_shape[0]:
            raise ValueError(
                f"model.z1_dim {self.z1_dim} leaves nothing to Z0: x has {data.x_shape[0]} columns"
            )

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of maximum likelihood and regression."""
        x, y = batch[0], batch[1]
        if self.input_noise:
            x = x + self.input_noise * self.noise(*x.shape, dtype=x.dtype)
        weight = self.y_weight * self.through(self.y_ramp, "model.y_ramp")
        with self.turn("model"):
            z, log_abs_det = self.flow(x)
            nll = -(self.flow.base_log_prob(z) + log_abs_det).mean()
            loss_y = (self.predictor(self.flow.split(z)[0]) - y).square().sum(1).mean()
            self.minimise(nll + weight * loss_y)
        if self.log_now:
            self.log_training({"nll": nll, "loss_y": loss_y, "y_weight": weight}, len(y))

    def encode(self, x: Tensor) -> Code:
        """The flow's code, split."""
        z1, z0 = self.flow.split(self.flow(x)[0])
        return Code(z0, z1)

    def predict_target(self, code: Code) -> Tensor:
        """Targets from z1 alone."""
        return self.predictor(code.z1)  # type: ignore[no-any-return]

    def decode(self, code: Code, mask: TokenMask | None = None) -> Tensor:
        """X of the codes, exactly."""
        assert code.z1 is not None
        return self.flow.inverse(self.flow.join(code.z1, code.z0))

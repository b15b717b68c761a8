"""FlowSTIB on an autoencoder's latent: what reconstructs and what makes Z0 invariant, apart."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from symmetry_pl.core import (
    Batch,
    DataDescription,
    Length,
    Player,
    PlayerOptions,
    all_reduce_sum,
)
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.flows.split_flow import CouplingFlow
from symmetry_pl.stib.bottleneck import Bottleneck
from symmetry_pl.stib.code import Code


class LatentFlowSTIB(Bottleneck):
    r"""An autoencoder first, then a flow of its latent; neither disturbs the other.

    Training has two parts, the second of which takes what the first leaves:

    - ``pretrain`` and ``autoencoder``: STIB without adversary. The first d1 dimensions u1 of
      the latent u = (u1, u0) predict Y, all of it reconstructs X:

      .. math:: KL + \lambda\,(w_x L_x + w_y \|y - g(u_1)\|^2)

    - ``flow``: all that is frozen. An invertible map (z1, z0) = (u1, T(u0; u1)) is fitted by
      maximum likelihood to samples of the posterior,

      .. math:: \min\; -\log p(u_0 \mid u_1), \qquad \log p(u_0 \mid u_1) =
          \log N(T(u_0; u_1); 0, I) + \log|\det \partial T / \partial u_0|

    When the likelihood is matched, z0 is independent of z1; as g(z1) is as good as any predictor
    of Y from x, z0 then tells nothing of Y (see ``FlowSTIB``). The inverse of the flow gives u
    exactly, so that reconstruction and prediction stay what the autoencoder made them.

    Each part has a player with a schedule of its own, ``model`` (Adam at 1e-4) and ``flow`` (AdamW
    at 3e-3, a tenth of it a warm-up, then half a cosine). In the flow's, the data should be those
    on which Z0 is to be invariant; ``pretrain`` may have others.

    Args:
        z1_dim: d1, dimensions of Z1, the first of the latent.
        latent_dim: k > d1.
        y_weight: w_y.
        predictor: ``mlp`` or ``fourier``, of y from z1.
        predictor_options: its options.
        flow_options: options of ``CouplingFlow`` beside its sizes and ``informative``.
        input_noise: standard deviation of further noise on the flow's inputs, on top of the
            posterior's own; a regulariser where the data are few.
        kwargs: options of ``Bottleneck``.

    Raises:
        ValueError: for a size or name that makes no model; before training, for batches of no more
            rows than the latent has dimensions.
    """

    phase_names = ("pretrain", "autoencoder", "flow")
    rest = "flow"
    default_phases: ClassVar[dict[str, Length]] = {"autoencoder": "60 %"}

    def __init__(
        self,
        z1_dim: int = 2,
        latent_dim: int = 16,
        y_weight: float = 1.0,
        predictor: str = "mlp",
        predictor_options: dict[str, Any] | None = None,
        flow_options: dict[str, Any] | None = None,
        input_noise: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim=latent_dim, **kwargs)
        if y_weight < 0 or input_noise < 0:
            raise ValueError("y_weight and input_noise must not be negative")
        if not 1 <= z1_dim < latent_dim:
            raise ValueError(
                f"z1_dim must leave dimensions to Z0: between 1 and latent_dim {latent_dim} - 1, "
                f"got {z1_dim}"
            )
        if "informative" in (flow_options or {}):
            raise ValueError("flow_options.informative is 'given' in a latent flow: leave it out")
        self.z1_dim, self.y_weight, self.input_noise = z1_dim, y_weight, input_noise
        self._flow_options = {**(flow_options or {}), "informative": "given"}
        self._predictor = (predictor, predictor_options or {})

    def configure_networks(self, data: DataDescription) -> None:
        """The autoencoder, the flow of its latent, and the predictor of y from z1."""
        super().configure_networks(data)
        flows = {"coupling": CouplingFlow}
        sizes = (self.latent_dim, self.z1_dim)
        self.flow = build_named("flow", flows, "coupling", sizes, self._flow_options)
        name, options = self._predictor
        sizes = (self.z1_dim, len(data.target_names))
        self.predictor = build_named("predictor", PREDICTORS, name, sizes, options)

    # -- who moves what, and when ---------------------------------------------------------------

    def configure_players(self) -> dict[str, Player]:
        """One player a part."""
        options: PlayerOptions = {
            "lr": 3e-3,
            "optimizer": "adamw",
            "betas": [0.9, 0.99],
            "weight_decay": 0.0,
            "clip_norm": 5.0,
            "schedule": "cosine",
            "warmup": "10 %",
        }
        return {
            "model": self.model_player(self.predictor, legs=[("pretrain", "autoencoder")]),
            "flow": Player([self.flow], options, [("flow",)]),
        }

    def setup(self, stage: str) -> None:
        """Refuse at once what would end the flow's first batch."""
        super().setup(stage)
        rows = getattr(getattr(self.trainer, "datamodule", None), "batch_size", None)
        if stage == "fit" and rows is not None:
            self._require_rows(rows * self.trainer.world_size)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the phase's player."""
        x, y = batch[0], batch[1]
        if self.phase != "flow":
            with self.turn("model"):
                loss, parts = self.model_loss(x, y)
                self.minimise(loss)
        else:
            with torch.no_grad():
                mean, log_std = self.posterior(x)
            mean = mean.to(self.dtype)
            if self._flow_begins:
                self._require_rows(len(mean) * self.trainer.world_size)
                self.flow.standardise(self._global_batch(mean), whiten=True)
            with self.turn("flow"):
                nll = self.flow_loss(mean, log_std)
                self.minimise(nll)
            parts = {"nll": nll}
        if self.log_now:
            self.log_training({**parts, "lambda": self.weight}, len(y))

    def model_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The first phase's loss over λ, and its parts."""
        mean, log_std = self.posterior(x)
        u = self.sample(mean, log_std)
        kl = self.compression(self.divergence(mean, log_std))
        loss_x = self.autoencoder.nll(u, x).mean()
        loss_y = (self.predictor(self.flow.split(u)[0]) - y).square().sum(1).mean()
        parts = {"kl": kl * self.weight, "loss_x": loss_x, "loss_y": loss_y}
        return kl + self.x_weight * loss_x + self.y_weight * loss_y, parts

    def flow_loss(self, mean: Tensor, log_std: Tensor) -> Tensor:
        """Mean of −log p(u0 | u1) in nats (but for the constant of z1) over posterior samples."""
        u = self.sample(mean, log_std)
        if self.input_noise:
            u = u + self.input_noise * self.noise(*u.shape, dtype=u.dtype)
        with torch.autocast(u.device.type, enabled=False):
            z, log_abs_det = self.flow(u)
            loss: Tensor = -(self.flow.base_log_prob(z) + log_abs_det).mean()
        return loss

    @property
    def _flow_begins(self) -> bool:
        """Whether this is the first batch of the flow's part."""
        return self.clock - 1 < self.phases.span("flow")[0]

    def _require_rows(self, rows: int) -> None:
        """Refuse batches that have no covariance."""
        if rows <= self.flow.dim:
            raise ValueError(
                f"the flow starts from the covariance of a batch: {rows} rows are too few for "
                f"latent_dim {self.flow.dim}; raise data.batch_size"
            )

    def _global_batch(self, rows: Tensor) -> Tensor:
        """The rows of all processes ``(W B, k)``, in the order that one process would see."""
        world, rank = self.trainer.world_size, self.trainer.global_rank
        whole = rows.new_zeros(len(rows) * world, rows.shape[1])
        whole[rank::world] = rows
        return all_reduce_sum(whole)

    # -- codes ----------------------------------------------------------------------------------

    def split(self, z: Tensor) -> Code:
        """Z0 and Z1 of a latent u."""
        with torch.autocast(z.device.type, enabled=False):
            z1, z0 = self.flow.split(self.flow(z)[0])
        return Code(z0, z1)

    def join(self, code: Code) -> Tensor:
        """The latent u of a code; the inverse of ``split``."""
        assert code.z1 is not None
        with torch.autocast(code.z0.device.type, enabled=False):
            return self.flow.inverse(self.flow.join(code.z1, code.z0))

    def predict_target(self, code: Code) -> Tensor:
        """Targets from Z1 alone."""
        return self.predictor(code.z1)  # type: ignore[no-any-return]

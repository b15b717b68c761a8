"""STIB: the symmetry-transformation information bottleneck, a game of two players."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from symmetry_pl.core import (
    Batch,
    DataDescription,
    Player,
    PlayerOptions,
    all_reduce_sum,
    reduction,
    world_size,
)
from symmetry_pl.core.registry import build_named, check_choice
from symmetry_pl.information import gaussian_information, standardise
from symmetry_pl.nn.bijection import Bijection
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.mlp import MLP
from symmetry_pl.stib.bottleneck import Bottleneck
from symmetry_pl.stib.code import Code


class STIB(Bottleneck):
    r"""Z = (Z0, Z1): Z1 predicts Y, both reconstruct X, and an adversary clears Z0 of Y.

    The model minimises (Wieser et al., 2020, eq. 6; nats)

    .. math:: KL + \lambda\,\bigl(w_x L_x + w_y \|y - \hat y(z_1)\|^2 + w_I\, I(a(z_0); h(y))\bigr)

    and the adversary, who owns the critic a and the bijection h, h⁻¹, minimises (eq. 7)

    .. math:: -I(a(z_0); h(y)) + w_b \|h^{-1}(h(y)) - y\|^2,

    where I is the mutual information of jointly Gaussian variables with the batch's correlations
    (eqs. 8 and 9 with the sign that makes it non-negative). Under data parallelism the batch is
    the global one.

    Training runs through phases:

    - ``target``: Z1 learns Y, without X and adversary. A spiral has bad starts, from which Z1
      never becomes a one-to-one function of the position; where the training error of Y ends
      above ``restart_above``, all networks are drawn anew and training begins again.
    - ``pretrain``: no adversary.
    - ``hold``: the critic learns, the model does not yet heed it.
    - ``ramp``: w_I grows from 0.
    - ``play``, which takes what the others leave.
    - ``finetune``: encoder frozen. I(Z0;Y) is settled, and decoder and predictor are fitted to
      the final code.

    The players are ``model`` and ``adversary``, both Adam at 1e-4. The model's rate is constant in
    ``target``; then the schedules run twice, over the game and over ``finetune``.

    Args:
        z1_dim: dimensions of Z1, the last of z; Z0 has the others.
        latent_dim: k, dimensions of z.
        y_weight: w_y.
        predictor: ``mlp`` or ``fourier``, of y from z1.
        predictor_options: its options.
        mi_weight: w_I; 0 trains "STIB without adversary". The published code's weight is 400 on
            twice the information, 800 here.
        critic: ``sampled``: a sees the sampled z0, as published; ``mean``: a sees the means,
            standardised over the batch, so that information cannot hide in a dimension whose mean
            hardly moves.
        critic_outputs: columns of a(z0) and of h(y).
        critic_width: units a hidden layer of a, h and h⁻¹, or one number a layer.
        critic_steps: adversary steps a batch.
        bijection_weight: w_b; the published code's 0.01 stands beside twice the information.
        ridge: added to the correlations' diagonal.
        restart_above: largest acceptable running mean of the training batches' MAE(Y), summed
            over targets, at the end of ``target``; null accepts every start.
        max_restarts: after so many, the start is accepted as it is.
        kwargs: options of ``Bottleneck``.

    Raises:
        ValueError: if the split does not add up, or weights are out of range.
    """

    phase_names = ("target", "pretrain", "hold", "ramp", "play", "finetune")
    rest = "play"

    def __init__(
        self,
        z1_dim: int = 1,
        latent_dim: int = 3,
        y_weight: float = 1.0,
        predictor: str = "mlp",
        predictor_options: dict[str, Any] | None = None,
        mi_weight: float = 4.0,
        critic: Literal["mean", "sampled"] = "mean",
        critic_outputs: int = 2,
        critic_width: int | list[int] = 256,
        critic_steps: int = 1,
        bijection_weight: float = 0.005,
        ridge: float = 1e-4,
        restart_above: float | None = None,
        max_restarts: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim=latent_dim, **kwargs)
        if not 1 <= z1_dim < latent_dim:
            raise ValueError(
                f"z1_dim must leave dimensions to Z0: between 1 and latent_dim {latent_dim} - 1, "
                f"got {z1_dim}"
            )
        check_choice("critic", critic, ("sampled", "mean"))
        for name, value in (("mi_weight", mi_weight), ("y_weight", y_weight), ("ridge", ridge),
                            ("bijection_weight", bijection_weight)):  # fmt: skip
            if value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        for name, count in (("critic_outputs", critic_outputs), ("critic_steps", critic_steps)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        if max_restarts < 0 or (restart_above is not None and restart_above <= 0):
            raise ValueError("max_restarts must not be negative, and restart_above be positive")
        self.z0_dim, self.z1_dim, self.y_weight = latent_dim - z1_dim, z1_dim, y_weight
        self.mi_weight, self.critic, self.ridge = mi_weight, critic, ridge
        self.critic_steps, self.bijection_weight = critic_steps, bijection_weight
        self.restart_above, self.max_restarts = restart_above, max_restarts
        self.target_error = 0.0
        self._predictor = (predictor, predictor_options or {})
        self._critic_size = (critic_outputs, critic_width)
        self.adversary: MLP | None = None

    def configure_networks(self, data: DataDescription) -> None:
        """The autoencoder, the predictor, and the adversary's networks where there is one."""
        super().configure_networks(data)
        name, options = self._predictor
        y_dim = len(data.target_names)
        sizes = (self.z1_dim, y_dim)
        self.predictor = build_named("predictor", PREDICTORS, name, sizes, options)
        if self.mi_weight > 0:
            outputs, width = self._critic_size
            self.adversary = MLP(self.z0_dim, outputs, width)
            self.bijection = Bijection(y_dim, outputs, width)

    # -- who plays, and when --------------------------------------------------------------------

    def configure_players(self) -> dict[str, Player]:
        """The model, and the adversary where there is one."""
        game = ("pretrain", "hold", "ramp", "play")
        model = self.model_player(self.predictor, legs=[("target",), game, ("finetune",)])
        steady: PlayerOptions = {
            "in_phase": {"target": {"schedule": "constant", "warmup": "0 %"}},
        }
        players = {"model": model.within(steady)}
        if self.adversary is not None:
            parts = [self.adversary, self.bijection]
            players["adversary"] = Player(parts, {"lr": 1e-4}, [game, ("finetune",)])
        return players

    @property
    def information_weight(self) -> float:
        """w_I at the current batch."""
        return self.mi_weight * self.phases.progress(self.clock, "ramp")

    # -- the two losses -------------------------------------------------------------------------

    def split(self, z: Tensor) -> Code:
        """Z0 first, then Z1."""
        return Code(z[:, : self.z0_dim], z[:, self.z0_dim :])

    def predict_target(self, code: Code) -> Tensor:
        """Targets from Z1 alone."""
        return self.predictor(code.z1)  # type: ignore[no-any-return]

    def critic_view(self, mean: Tensor, z: Tensor) -> Tensor:
        """What the critic is shown of Z0, ``(B, d0)``."""
        if self.critic == "sampled":
            return self.split(z).z0
        return standardise(self.split(mean).z0, reduce=reduction())

    def information(self, view: Tensor, proxy: Tensor) -> Tensor:
        """Gaussian I(a(z0); h(y)) of the global batch, in nats."""
        assert self.adversary is not None
        return gaussian_information(self.adversary(view), proxy, self.ridge, reduction())

    def target_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """KL / λ + w_y ‖y − ŷ(z1)‖², and its parts; keeps the running mean of MAE(Y)."""
        mean, log_std = self.posterior(x)
        kl = self.compression(self.divergence(mean, log_std))
        residual = self.predict_target(self.split(self.sample(mean, log_std))) - y
        loss_y = residual.square().sum(1).mean()
        error = all_reduce_sum(residual.detach().abs().sum(1).mean()).item() / world_size()
        self.target_error = error if self.clock == 0 else 0.98 * self.target_error + 0.02 * error
        return kl + self.y_weight * loss_y, {"kl": kl * self.weight, "loss_y": loss_y}

    def model_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 6 over λ, and its parts."""
        finetune = self.phase == "finetune"
        with torch.set_grad_enabled(not finetune):
            mean, log_std = self.posterior(x)
            z = self.sample(mean, log_std)
            kl = self.compression(self.divergence(mean, log_std))
        code = self.split(z)
        loss_x = self.reconstruction(code, x)
        loss_y = (self.predict_target(code) - y).square().sum(1).mean()
        loss = self.x_weight * loss_x + self.y_weight * loss_y
        parts = {"kl": kl * self.weight, "loss_x": loss_x, "loss_y": loss_y}
        if not finetune:
            loss = loss + kl
            if self.information_weight > 0:
                parts["mi_critic"] = self.information(self.critic_view(mean, z), self.bijection(y))
                loss = loss + self.information_weight * parts["mi_critic"]
        return loss, parts

    def adversary_loss(
        self, mean: Tensor, log_std: Tensor, y: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 7 with the relaxed Gaussian assumption, for a posterior without gradient."""
        view = self.critic_view(mean, self.sample(mean, log_std))
        proxy = self.bijection(y)
        information = self.information(view, proxy)
        penalty = self.bijection.penalty(y, proxy)
        parts = {"mi_adversary": information, "bijection": penalty}
        return self.bijection_weight * penalty - information, parts

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Algorithm 1: a minimisation step, then the maximisation steps, on one minibatch."""
        x, y = batch[0], batch[1]
        with self.turn("model"):
            loss, parts = (self.target_loss if self.phase == "target" else self.model_loss)(x, y)
            self.minimise(loss)
        if self.adversary is not None and self.phase in ("hold", "ramp", "play"):
            with torch.no_grad():
                posterior = self.posterior(x)  # the same for all steps, as the model stands still
            for _ in range(self.critic_steps):
                with self.turn("adversary"):
                    loss, adversary_parts = self.adversary_loss(*posterior, y)
                    self.minimise(loss)
            parts |= adversary_parts
        if self.log_now:
            weights = {"lambda": self.weight, "mi_weight": self.information_weight}
            self.log_training({**parts, **weights}, len(y))

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the batch; at the end of the target phase, start over from a bad start."""
        was = self.phase
        super().on_train_batch_end(outputs, batch, batch_idx)
        ended = was == "target" and self.phase != "target"
        if not ended or self.restart_above is None or self.target_error <= self.restart_above:
            return
        if self.restarts < self.max_restarts:
            rank_zero_info(
                f"Z1 has not learned Y (training MAE {self.target_error:.2f} > "
                f"{self.restart_above}): start {self.restarts + 2} of {self.max_restarts + 1}"
            )
            self.start_over()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the running error of the target phase."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["stib"] = {"target_error": self.target_error}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore it."""
        super().on_load_checkpoint(checkpoint)
        self.target_error = checkpoint["stib"]["target_error"]

"""STIB: the symmetry-transformation information bottleneck, a game of two players."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from symmetry_pl.core import Phase, Player, all_reduce_sum, ramp, reduction, world_size
from symmetry_pl.core.registry import build_named
from symmetry_pl.information import gaussian_information, standardise
from symmetry_pl.nn.bijection import Bijection
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.mlp import MLP
from symmetry_pl.stib.bottleneck import Bottleneck


class STIB(Bottleneck):
    r"""Z = (Z0, Z1): Z1 predicts Y, both reconstruct X, and an adversary clears Z0 of Y.

    The model minimises (Wieser et al., 2020, eq. 6; nats)

    .. math:: KL + \lambda\,\bigl(w_x L_x + w_y \|y - \hat y(z_1)\|^2 + w_I\, I(a(z_0); h(y))\bigr)

    and the adversary, who owns the critic a and the bijection h, h⁻¹, minimises (eq. 7)

    .. math:: -I(a(z_0); h(y)) + w_b \|h^{-1}(h(y)) - y\|^2,

    where I is the mutual information of jointly Gaussian variables with the batch's correlations
    (eqs. 8 and 9 with the sign that makes it non-negative). Under data parallelism the batch is
    the global one.

    Training runs through phases, each a share of ``max_epochs``:

    - ``target``: Z1 learns Y, without X and adversary. A spiral has bad starts, from which Z1
      never becomes a one-to-one function of the position; where the training error of Y ends
      above ``restart_above``, all networks are drawn anew and training begins again.
    - ``pretrain``: no adversary.
    - ``hold``: the critic learns, the model does not yet heed it.
    - ``ramp``: w_I grows from 0.
    - ``play``.
    - ``finetune``: encoder frozen. I(Z0;Y) is settled, and decoder and predictor are fitted to
      the final code.

    The rate is constant in ``target``; then the learning-rate schedule runs twice, over the game
    and over ``finetune``.

    Args:
        z0_dim: dimensions of Z0, the first of z.
        z1_dim: dimensions of Z1; ``z0_dim + z1_dim`` must be ``latent_dim``.
        y_dim: columns of y.
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
        critic_lr: the adversary's learning rate; null for ``lr``.
        critic_steps: adversary steps a batch.
        bijection_weight: w_b; the published code's 0.01 stands beside twice the information.
        ridge: added to the correlations' diagonal.
        target: share of training in which only Y is learned.
        target_lr: learning rate in that phase, constant; null for ``lr``.
        restart_above: largest acceptable running mean of the training batches' MAE(Y), summed
            over targets, at the end of that phase; null accepts every start.
        max_restarts: after so many, the start is accepted as it is.
        pretrain: share of training without adversary.
        hold: share in which the model does not heed the adversary.
        ramp: share in which w_I grows linearly.
        finetune: share at the end with the encoder frozen.
        kwargs: options of ``Bottleneck``.

    Raises:
        ValueError: if the split does not add up, or shares or weights are out of range.
    """

    def __init__(
        self,
        z0_dim: int = 2,
        z1_dim: int = 1,
        y_dim: int = 2,
        latent_dim: int = 3,
        y_weight: float = 1.0,
        predictor: str = "mlp",
        predictor_options: dict[str, Any] | None = None,
        mi_weight: float = 4.0,
        critic: str = "mean",
        critic_outputs: int = 2,
        critic_width: int | list[int] = 256,
        critic_lr: float | None = None,
        critic_steps: int = 1,
        bijection_weight: float = 0.005,
        ridge: float = 1e-4,
        target: float = 0.0,
        target_lr: float | None = None,
        restart_above: float | None = None,
        max_restarts: int = 10,
        pretrain: float = 0.0,
        hold: float = 0.0,
        ramp: float = 0.0,
        finetune: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim=latent_dim, y_dim=y_dim, **kwargs)
        if z0_dim < 1 or z1_dim < 1 or z0_dim + z1_dim != latent_dim:
            raise ValueError(
                f"the latent split does not add up: z0_dim {z0_dim} + z1_dim {z1_dim} must be "
                f"latent_dim {latent_dim}, each at least 1"
            )
        if critic not in ("sampled", "mean"):
            raise ValueError(f"critic must be 'sampled' or 'mean', got {critic!r}")
        if mi_weight < 0:
            raise ValueError(f"mi_weight must not be negative, got {mi_weight}")
        shares = {"target": target, "pretrain": pretrain, "hold": hold, "ramp": ramp}
        shares["finetune"] = finetune
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise ValueError(f"phases are shares of training that sum to at most 1, got {shares}")
        self.z0_dim, self.y_weight = z0_dim, y_weight
        self.mi_weight, self.critic, self.ridge = mi_weight, critic, ridge
        self.critic_steps, self.bijection_weight = critic_steps, bijection_weight
        self._shares = shares
        self._critic_lr, self._target_lr = critic_lr, target_lr
        self.restart_above, self.max_restarts = restart_above, max_restarts
        self.target_error = 0.0
        self.predictor = build_named(
            "predictor", PREDICTORS, predictor, (z1_dim, y_dim), predictor_options or {}
        )
        self.adversary: MLP | None = None
        if mi_weight > 0:
            self.adversary = MLP(z0_dim, critic_outputs, critic_width)
            self.bijection = Bijection(y_dim, critic_outputs, critic_width)

    # -- who plays, and when --------------------------------------------------------------------

    def configure_players(self) -> dict[str, Player]:
        """The model, and the adversary where there is one."""
        model = self.model_player(self.predictor)
        players = {"model": replace(model, schedule=self._model_schedule)}
        if self.adversary is not None:
            lr = self._lr if self._critic_lr is None else self._critic_lr
            parts = [self.adversary, self.bijection]
            players["adversary"] = Player(parts, lr, self._game_schedule, clip_norm=self._clip_norm)
        return players

    def _game_schedule(self, progress: float) -> float:
        """The named schedule, from the start of the game to its end and again to fine-tune."""
        start, end = self._shares["target"], 1.0 - self._shares["finetune"]
        if progress >= end:
            start, end = end, 1.0
        share = (progress - start) / (end - start) if end > start else 1.0
        return self._schedule(max(0.0, share))

    def _model_schedule(self, progress: float) -> float:
        """As the game's, after the rate of the target phase."""
        if progress < self._shares["target"]:
            return 1.0 if self._target_lr is None else self._target_lr / self._lr
        return self._game_schedule(progress)

    def configure_phases(self) -> list[Phase]:
        """Target, pretrain, hold, ramp, play, finetune."""
        names = ("target", "pretrain", "hold", "ramp")
        ends = dict(zip(names, accumulate(self._shares[n] for n in names), strict=True))
        ends |= {"play": 1.0 - self._shares["finetune"], "finetune": 1.0}
        return [Phase(name, end) for name, end in ends.items()]

    @property
    def information_weight(self) -> float:
        """w_I at the current batch."""
        ends = {p.name: p.until for p in self.phases}
        return self.mi_weight * ramp(ends["hold"], ends["ramp"])(self.progress)

    # -- the two losses -------------------------------------------------------------------------

    def split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Z0 first, then Z1."""
        return z[:, : self.z0_dim], z[:, self.z0_dim :]

    def predict_target(self, z0: Tensor, z1: Tensor | None) -> Tensor:
        """Targets from Z1 alone."""
        return self.predictor(z1)  # type: ignore[no-any-return]

    def critic_view(self, mean: Tensor, z: Tensor) -> Tensor:
        """What the critic is shown of Z0, ``(B, d0)``."""
        if self.critic == "sampled":
            return self.split(z)[0]
        return standardise(self.split(mean)[0], reduce=reduction())

    def information(self, view: Tensor, proxy: Tensor) -> Tensor:
        """Gaussian I(a(z0); h(y)) of the global batch, in nats."""
        assert self.adversary is not None
        return gaussian_information(self.adversary(view), proxy, self.ridge, reduction())

    def target_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """KL / λ + w_y ‖y − ŷ(z1)‖², and its parts; keeps the running mean of MAE(Y)."""
        mean, log_std = self.posterior(x)
        kl = self.compression(mean, log_std)
        residual = self.predict_target(*self.split(self.sample(mean, log_std))) - y
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
            kl = self.compression(mean, log_std)
        z0, z1 = self.split(z)
        loss_x = self.reconstruction(z0, z1, x, y)
        loss_y = (self.predict_target(z0, z1) - y).square().sum(1).mean()
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

    def training_step(self, batch: Any, batch_idx: int) -> None:
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

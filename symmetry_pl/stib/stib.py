"""STIB: the symmetry-transformation information bottleneck, a game of two players."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Phase, Player, all_reduce_sum, ramp
from symmetry_pl.information import gaussian_information, standardise
from symmetry_pl.nn.bijection import Bijection
from symmetry_pl.nn.mlp import MLP
from symmetry_pl.nn.registry import build_named
from symmetry_pl.nn.target import PREDICTORS
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

    Training runs through phases, each a share of ``max_epochs``: ``pretrain`` (no adversary),
    ``hold`` (the critic learns, the model does not yet heed it), ``ramp`` (w_I grows from 0),
    ``play``, and ``finetune`` (encoder frozen: I(Z0;Y) is settled, and decoder and predictor
    are fitted to the final code).

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
        pretrain: float = 0.0,
        hold: float = 0.0,
        ramp: float = 0.0,
        finetune: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim=latent_dim, **kwargs)
        if z0_dim < 1 or z1_dim < 1 or z0_dim + z1_dim != latent_dim:
            raise ValueError(
                f"the latent split does not add up: z0_dim {z0_dim} + z1_dim {z1_dim} must be "
                f"latent_dim {latent_dim}, each at least 1"
            )
        if critic not in ("sampled", "mean"):
            raise ValueError(f"critic must be 'sampled' or 'mean', got {critic!r}")
        if mi_weight < 0:
            raise ValueError(f"mi_weight must not be negative, got {mi_weight}")
        shares = {"pretrain": pretrain, "hold": hold, "ramp": ramp, "finetune": finetune}
        if min(shares.values()) < 0 or sum(shares.values()) > 1:
            raise ValueError(f"phases are shares of training that sum to at most 1, got {shares}")
        self.z0_dim, self.y_weight = z0_dim, y_weight
        self.mi_weight, self.critic, self.ridge = mi_weight, critic, ridge
        self.critic_steps, self.bijection_weight = critic_steps, bijection_weight
        self._shares = shares
        self._critic_lr = critic_lr
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
        players = {"model": self.model_player(self.predictor)}
        if self.adversary is not None:
            lr = self._lr if self._critic_lr is None else self._critic_lr
            parts = [self.adversary, self.bijection]
            players["adversary"] = Player(parts, lr, self._schedule, clip_norm=self._clip_norm)
        return players

    def configure_phases(self) -> list[Phase]:
        """Pretrain, hold, ramp, play, finetune."""
        s = self._shares
        ends = {
            "pretrain": s["pretrain"],
            "hold": s["pretrain"] + s["hold"],
            "ramp": s["pretrain"] + s["hold"] + s["ramp"],
            "play": 1.0 - s["finetune"],
            "finetune": 1.0,
        }
        return [Phase(name, end) for name, end in ends.items()]

    @property
    def information_weight(self) -> float:
        """w_I at the current batch."""
        phases = {p.name: p.until for p in self.configure_phases()}
        return self.mi_weight * ramp(phases["hold"], phases["ramp"])(self.progress)

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
        return standardise(self.split(mean)[0], reduce=all_reduce_sum)

    def information(self, view: Tensor, proxy: Tensor) -> Tensor:
        """Gaussian I(a(z0); h(y)) of the global batch, in nats."""
        assert self.adversary is not None
        return gaussian_information(self.adversary(view), proxy, self.ridge, all_reduce_sum)

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

    def adversary_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 7 with the relaxed Gaussian assumption; the encoder needs no gradient."""
        with torch.no_grad():
            mean, log_std = self.posterior(x)
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
            loss, parts = self.model_loss(x, y)
            self.minimise(loss)
        if self.adversary is not None and self.phase not in ("pretrain", "finetune"):
            for _ in range(self.critic_steps):
                with self.turn("adversary"):
                    loss, adversary_parts = self.adversary_loss(x, y)
                    self.minimise(loss)
            parts |= adversary_parts
        if self.log_now:
            weights = {"lambda": self.weight, "mi_weight": self.information_weight}
            self.log_training({**parts, **weights}, len(y))

"""FlowSTIB for token sequences: a code that reconstructs exactly and is invariant by likelihood."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription, Player, named_schedule
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.nn.tokens.flow import TokenFlow
from symmetry_pl.nn.tokens.gated import TokenModel
from symmetry_pl.nn.tokens.residual import TokenEncoder
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.token_check import check_tokens


class TokenFlowSTIB(InvarianceModule):
    r"""Z1 is the predicted Y, and Z0 the sequence's arithmetic code under p(x | z1).

    .. math:: \min_e \|y - e(x)\|^2, \qquad \min_p\; -\log p(x \mid z_1), \quad z_1 = e(x)

    Two players that share no parameter and no gradient: an encoder whose output, the predicted
    target itself, is Z1, and an autoregressive model of x given Z1. ``TokenFlow`` turns the second
    into an invertible map (x, z1) ↔ (z0, z1), as a normalising flow does for vectors. When the
    likelihood is matched, Z0 is standard Gaussian whatever Z1 is; as e(x) is as good as any
    predictor of Y from x, Z0 then tells nothing of Y. Reconstruction is exact at any size of Z0,
    and new molecules of a property are draws of Z0 at the Z1 asked for.

    What it is not: smooth. A step in Z0 changes a symbol and all that follows from it; molecules
    near each other in Z0 begin alike, and that is all. Z1 is smooth.

    Args:
        z0_dim: d0, dimensions of Z0.
        y_dim: columns of y, and dimensions of Z1.
        length: L, positions.
        symbols: V, size of the vocabulary.
        width: residual stream of the model of x.
        blocks: its recurrences.
        encoder_options: options of ``TokenEncoder`` beside its sizes.
        condition_noise: standard deviation of noise on Z1 while the model of x learns, in units of
            y's; without it the digits of Z1 could name single training molecules.
        lr: learning rate of the model of x.
        encoder_lr: learning rate of the encoder.
        lr_schedule: ``constant``, ``cosine`` or ``one_cycle``.
        weight_decay: of both AdamW.
        clip_norm: largest gradient norm of a player; null leaves gradients alone.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size or rate that makes no model.
    """

    samples = True

    def __init__(
        self,
        z0_dim: int = 19,
        y_dim: int = 1,
        length: int = 34,
        symbols: int = 908,
        width: int = 256,
        blocks: int = 3,
        encoder_options: dict[str, Any] | None = None,
        condition_noise: float = 0.05,
        lr: float = 2e-3,
        encoder_lr: float = 2e-3,
        lr_schedule: str = "one_cycle",
        weight_decay: float = 0.01,
        clip_norm: float | None = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(y_dim=y_dim, **kwargs)
        if condition_noise < 0:
            raise ValueError(f"condition_noise must not be negative, got {condition_noise}")
        self.condition_noise = condition_noise
        self.encoder = build_named(
            "encoder", {"tokens": TokenEncoder}, "tokens", (length, symbols, y_dim),
            encoder_options or {},
        )  # fmt: skip
        self.flow = TokenFlow(TokenModel(length, symbols, y_dim, width, 2 * width, blocks), z0_dim)
        self._lr, self._encoder_lr = lr, encoder_lr
        self._schedule = named_schedule(lr_schedule)
        self._adam = {"betas": (0.9, 0.98), "weight_decay": weight_decay}
        self._clip_norm = clip_norm

    def configure_players(self) -> dict[str, Player]:
        """The encoder, who owns Z1, and the model of x given it."""
        players = {"encoder": (self.encoder, self._encoder_lr), "model": (self.flow, self._lr)}
        return {
            name: Player([part], lr, self._schedule, "adamw", self._adam, self._clip_norm)
            for name, (part, lr) in players.items()
        }

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no token sequence of the model's length and vocabulary."""
        if data.kind != "tokens":
            raise ValueError(
                f"the data are {data.kind}, a TokenFlowSTIB was built for tokens: take FlowSTIB"
            )
        check_tokens(data, self.encoder, "")
        super().check_data(data)

    def describe_data(self, data: DataDescription) -> None:
        """Order the symbols by their spelling, so that neighbours in a coordinate begin alike."""
        super().describe_data(data)
        ranks = sorted(range(len(data.symbols)), key=lambda i: data.symbols[i])
        self.flow.order.copy_(torch.tensor(ranks))

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """A step of regression, and one of maximum likelihood given its result."""
        x, y = batch[0], batch[1]
        with self.turn("encoder"):
            z1 = self.encoder(x)
            loss_y = (z1 - y).square().sum(1).mean()
            self.minimise(loss_y)
        with self.turn("model"):
            given = z1.detach()
            given = given + self.condition_noise * self.noise(*given.shape, dtype=given.dtype)
            nll = self.flow.model.nll(x, given).mean()
            self.minimise(nll)
        if self.log_now:
            self.log_training({"nll": nll, "loss_y": loss_y}, len(y))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The arithmetic code of x given its predicted target, and that."""
        z1 = self.encoder(x)
        return self.flow(x, z1).to(z1.dtype), z1

    def predict_target(self, z0: Tensor, z1: Tensor | None) -> Tensor:
        """Z1 itself."""
        assert z1 is not None
        return z1

    def decode(
        self,
        z0: Tensor,
        z1: Tensor | None,
        y: Tensor | None = None,
        mask: TokenMask | None = None,
    ) -> Tensor:
        """The sequence of a code, which decides every symbol: a mask has no say."""
        assert z1 is not None
        return self.flow.inverse(z0, z1)

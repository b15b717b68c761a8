"""FlowSTIB for token sequences: a code that reconstructs exactly and is invariant by likelihood."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Player, PlayerOptions
from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.nn.tokens.additive import AdditiveTerm
from symmetry_pl.nn.tokens.flow import TokenFlow
from symmetry_pl.nn.tokens.gated import TokenModel
from symmetry_pl.nn.tokens.residual import TokenEncoder
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.rows import first_rows

_MEASURED = 50_000  # training rows


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

    With ``additive``, e is the sum of a network and of an ``AdditiveTerm``, which is fitted to the
    training rows in closed form before the first batch; the network learns what that leaves. For a
    few thousand molecules it is most of what can be learned.

    Both players, ``encoder`` and ``model``, are AdamW at 2e-3 with betas (0.9, 0.98); a tenth of
    the training warms up, half a cosine follows.

    Args:
        latent_dim: dimensions of Z0 and Z1 together; Z1 has as many as there are targets.
        width: residual stream of the model of x.
        blocks: its recurrences.
        encoder_options: options of ``TokenEncoder`` beside its sizes.
        additive: base symbols of the longest run in the additive term of e; 0 for none.
        condition_noise: standard deviation of noise on Z1 while the model of x learns, in units of
            y's; without it the digits of Z1 could name single training molecules.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size that makes no model.
    """

    samples = True

    def __init__(
        self,
        latent_dim: int = 20,
        width: int = 256,
        blocks: int = 3,
        encoder_options: dict[str, Any] | None = None,
        condition_noise: float = 0.05,
        additive: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, size in (("latent_dim", latent_dim), ("width", width), ("blocks", blocks)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if condition_noise < 0:
            raise ValueError(f"condition_noise must not be negative, got {condition_noise}")
        if additive < 0:
            raise ValueError(f"model.additive must not be negative, got {additive}")
        self.latent_dim, self.condition_noise = latent_dim, condition_noise
        self._size = (width, blocks)
        self._encoder_options = encoder_options or {}
        self._order = additive
        self.additive: AdditiveTerm | None = None

    def configure_networks(self, data: DataDescription) -> None:
        """The encoder and the model of x, at the data's sizes."""
        length, symbols, y_dim = data.x_shape[0], len(data.symbols), len(data.target_names)
        width, blocks = self._size
        encoders, sizes = {"tokens": TokenEncoder}, (length, symbols, y_dim)
        self.encoder = build_named("encoder", encoders, "tokens", sizes, self._encoder_options)
        if self._order:
            self.additive = AdditiveTerm(data.symbols, y_dim, self._order)
        model = TokenModel(length, symbols, y_dim, width, 2 * width, blocks)
        self.flow = TokenFlow(model, self.latent_dim - y_dim)
        # ordered by their spelling, so that neighbours in a coordinate begin alike
        ranks = sorted(range(symbols), key=lambda i: data.symbols[i])
        self.flow.order.copy_(torch.tensor(ranks))

    def configure_players(self) -> dict[str, Player]:
        """The encoder, who owns Z1, and the model of x given it."""
        options: PlayerOptions = {
            "lr": 2e-3,
            "optimizer": "adamw",
            "betas": [0.9, 0.98],
            "weight_decay": 0.01,
            "clip_norm": 5.0,
            "schedule": "cosine",
            "warmup": "10 %",
        }
        return {"encoder": Player([self.encoder], options), "model": Player([self.flow], options)}

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no token sequence, or targets that leave nothing to Z0."""
        super().check_data(data)
        if data.kind != "tokens":
            raise ValueError(
                f"the data are {data.kind}, a TokenFlowSTIB is for tokens: take FlowSTIB"
            )
        if self.latent_dim <= len(data.target_names):
            raise ValueError(
                f"model.latent_dim {self.latent_dim} leaves nothing to Z0: Z1 has the "
                f"{len(data.target_names)} targets"
            )

    def on_train_start(self) -> None:
        """Fit the additive term to the training rows, unless that was done."""
        super().on_train_start()
        if self.additive is None or self.batches_seen:
            return
        rows = first_rows(self.trainer, "train", _MEASURED)
        assert rows is not None  # there is a batch to come
        explained = self.additive.measure(*rows)
        share = "nothing" if explained is None else f"{explained:.3f}"
        rank_zero_info(f"the additive term explains {share} of the targets' variance")

    def predict_z1(self, x: Tensor) -> Tensor:
        """Z1 ``(B, t)`` of ``x`` ``(B, L)``: the predicted targets, standardised."""
        z1: Tensor = self.encoder(x)
        return z1 if self.additive is None else z1 + self.additive(x)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """A step of regression, and one of maximum likelihood given its result."""
        x, y = batch[0], batch[1]
        with self.turn("encoder"):
            z1 = self.predict_z1(x)
            loss_y = (z1 - y).square().sum(1).mean()
            self.minimise(loss_y)
        with self.turn("model"):
            given = z1.detach()
            given = given + self.condition_noise * self.noise(*given.shape, dtype=given.dtype)
            nll = self.flow.model.nll(x, given).mean()
            self.minimise(nll)
        if self.log_now:
            self.log_training({"nll": nll, "loss_y": loss_y}, len(y))

    def encode(self, x: Tensor) -> Code:
        """The arithmetic code of x given its predicted target, and that."""
        z1 = self.predict_z1(x)
        return Code(self.flow(x, z1).to(z1.dtype), z1)

    def predict_target(self, code: Code) -> Tensor:
        """Z1 itself."""
        assert code.z1 is not None
        return code.z1

    def nll(self, x: Tensor, code: Code) -> Tensor:
        """−log p(x | z1) in nats ``(B,)``, the end of each sequence included."""
        assert code.z1 is not None
        return self.flow.model.nll(x, code.z1)

    def decode(self, code: Code, mask: TokenMask | None = None) -> Tensor:
        """The sequence of a code, which decides every symbol: a mask has no say."""
        assert code.z1 is not None
        return self.flow.inverse(code.z0, code.z1)

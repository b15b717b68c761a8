"""FlowSTIB: the split of STIB by maximum likelihood, without an adversary."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Length, Player, PlayerOptions
from symmetry_pl.core.best_average import BestAverage
from symmetry_pl.core.module import STATE, own_state
from symmetry_pl.core.phases import parse_length
from symmetry_pl.core.registry import build_named
from symmetry_pl.core.row_noise import row_normal
from symmetry_pl.nn.by_name import PREDICTORS
from symmetry_pl.nn.flows.split_flow import CouplingFlow
from symmetry_pl.nn.flows.table_flow import TableFlow
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.evaluation import InvarianceEvaluator
from symmetry_pl.stib.invariance import InvarianceModule
from symmetry_pl.stib.rows import first_rows
from symmetry_pl.stib.split_verdict import split_verdict
from symmetry_pl.stib.table_recipe import TableRecipe, recipe_for

FLOWS = {"table": TableFlow, "coupling": CouplingFlow}

_DECAY = 0.99  # of the mean of weights, a horizon of 100 batches
_LOOKS = 4  # an epoch
_PATIENCE = 16  # looks
_MEASURED = 100_000  # training rows
_LOOKED_AT = 4096  # validation rows


class FlowSTIB(InvarianceModule):
    r"""An invertible map x ↔ (z1, z0) with a factorised base, and a predictor that sees z1 alone.

    .. math:: \min\; -\log p(x) + w\, \|y - g(z_1)\|^2, \qquad
        \log p(x) = \log N(z; 0, I) + \log|\det \partial z / \partial x|

    When the likelihood is matched, z0 and z1 are independent; when g(z1) is a sufficient
    predictor, Y depends on x through z1 alone. Both together give I(Z0;Y) = 0, and the inverse
    of the flow reconstructs x exactly: nothing is played off against anything.

    Two checks need no label: the gap between −log p and the entropy of x where that is known,
    and I(Z0;Z1), which is 0 at the optimum.

    Options that are null follow the data: their size (``table_recipe``) decides, is printed at the
    start of a fit, and is in the description that a checkpoint holds. A ``table`` flow is measured
    from the training rows before the first batch (``TableFlow.measure``); it ends with the best
    running mean of its weights on the validation rows, and stops when that is ``patience`` looks
    old, of four an epoch. A test has a probe of I(Z0;Z1) beside the figures of all methods, and a
    sentence that says whether the split can be trusted.

    The player ``model`` is AdamW with betas (0.9, 0.99), as the second moment follows the fast
    change of scale of a young flow; a tenth of the training warms up, half a cosine follows. Its
    rate is 8e-3, that of a table flow follows the data.

    Args:
        z1_dim: d1 < D, columns of z1; null for one a target, or D − 1. D is that of x, any vector,
            an autoencoder's latent for one.
        flow: ``table``, for columns of any kind, or ``coupling``, for smooth densities whose scale
            is known.
        flow_options: options of ``TableFlow`` or ``CouplingFlow`` beside its sizes.
        predictor: ``fourier`` or ``mlp``, of y from z1; null for an MLP of two layers of 64.
        predictor_options: its options.
        y_weight: w.
        y_ramp: length of the linear growth of w from 0.
        input_noise: standard deviation of Gaussian noise on training inputs (of a table flow: on
            whitened columns); a regulariser for data that lie on fewer than D dimensions or are
            few. Null for 0, and for a table flow by its rows.
        patience: looks at the validation set without a better one after which a fit stops; 0 for
            no looks. Null for 16 with a table flow, 0 with another.
        kwargs: options of ``InvarianceModule``.

    Raises:
        ValueError: for a size, weight or name that makes no model.
    """

    def __init__(
        self,
        z1_dim: int | None = None,
        flow: str = "table",
        flow_options: dict[str, Any] | None = None,
        predictor: str | None = None,
        predictor_options: dict[str, Any] | None = None,
        y_weight: float = 30.0,
        y_ramp: Length = "30 %",
        input_noise: float | None = None,
        patience: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if y_weight < 0 or (input_noise or 0) < 0:
            raise ValueError("y_weight and input_noise must not be negative")
        if z1_dim is not None and z1_dim < 1:
            raise ValueError(f"z1_dim must be at least 1, got {z1_dim}")
        if patience is not None and patience < 0:
            raise ValueError(f"model.patience must be at least 0, got {patience}")
        if predictor is None and predictor_options:
            raise ValueError("model.predictor_options are those of model.predictor: name it too")
        parse_length(y_ramp, "model.y_ramp")
        self.z1_dim, self.y_weight, self.y_ramp = z1_dim or 1, y_weight, y_ramp
        self._asked = (flow, flow_options or {}, z1_dim, input_noise)
        self._predictor = (
            predictor or "mlp",
            predictor_options or ({} if predictor else {"width": 64, "activation": "silu"}),
        )
        self.recipe: TableRecipe | None = None
        self.input_noise = 0.0
        self.patience = (_PATIENCE if flow == "table" else 0) if patience is None else patience
        self.best: BestAverage | None = None
        self._best_state: dict[str, Any] | None = None
        self._ended = False
        self._held_out: tuple[Tensor, Tensor] | None = None

    def configure_networks(self, data: DataDescription) -> None:
        """The flow of x and the predictor of y, at the data's sizes."""
        name, options, _, noise = self._asked
        if name == "table":
            self.recipe = recipe_for(data)
            options = {**self.recipe.flow_options, **options}
        usual = self.recipe.input_noise if self.recipe else 0.0
        self.input_noise = usual if noise is None else noise
        self.flow: Any = build_named("flow", FLOWS, name, (data.x_shape[0], self.z1_dim), options)
        name, options = self._predictor
        sizes = (self.z1_dim, len(data.target_names))
        self.predictor = build_named("predictor", PREDICTORS, name, sizes, options)

    @property
    def measures(self) -> bool:
        """Whether the flow starts from the training rows."""
        return isinstance(self.flow, TableFlow)

    def configure_players(self) -> dict[str, Player]:
        """One player: there is no game."""
        options: PlayerOptions = {
            "lr": self.recipe.lr if self.recipe else 8e-3,
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
        columns = data.x_shape[0]
        if self._asked[2] is None:
            self.z1_dim = max(1, min(len(data.target_names), columns - 1))
        if self.z1_dim >= columns:
            raise ValueError(
                f"model.z1_dim {self.z1_dim} leaves nothing to Z0: x has {columns} columns"
            )

    # -- training --------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        """Measure the training rows, unless that was done; go on with the mean of weights."""
        super().on_train_start()
        if self.recipe is not None:
            rank_zero_info(f"FlowSTIB follows the data: {self.recipe}")
        if self.measures and not self.batches_seen:
            measured = first_rows(self.trainer, "train", _MEASURED)
            assert measured is not None  # there is a batch to come
            self.flow.measure(*measured, row_normal(measured[0]))
        self._held_out = first_rows(self.trainer, "val", _LOOKED_AT) if self.patience else None
        if self._held_out is None:
            return
        if self._ended:
            self.trainer.should_stop = True
            return
        moved = {n: p for n, p in self.named_parameters() if p.requires_grad}
        self.best = BestAverage(moved, _DECAY, self.patience)
        if self._best_state is not None:
            self.best.load(self._best_state)
            self._best_state = None

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of maximum likelihood and regression."""
        x, y = batch[0], batch[1]
        weight = self.y_weight * self.through(self.y_ramp, "model.y_ramp")
        inputs: tuple[Tensor, ...] = (x,)
        if self.measures:
            inputs = (x, self.noise(*x.shape, dtype=x.dtype))
            spread = self._noise_now
            if spread:
                inputs = (*inputs, spread * self.noise(*x.shape, dtype=x.dtype))
        elif self.input_noise:
            inputs = (x + self.input_noise * self.noise(*x.shape, dtype=x.dtype),)
        with self.turn("model"):
            nll, loss_y = self._losses(inputs, y)
            self.minimise(nll + weight * loss_y)
        if self.log_now:
            self.log_training({"nll": nll, "loss_y": loss_y, "y_weight": weight}, len(y))

    @property
    def _noise_now(self) -> float:
        """Deviation of noise on whitened columns: it falls from the recipe's first to its last."""
        if self._asked[3] is not None or self.recipe is None:
            return self.input_noise
        first = self.recipe.first_noise
        return first + (self.input_noise - first) * self.progress

    def _losses(self, inputs: tuple[Tensor, ...], y: Tensor) -> tuple[Tensor, Tensor]:
        """Means of −log p in nats, and of the squared error of y, over a batch."""
        z, log_abs_det = self.flow(*inputs)
        nll = -(self.flow.base_log_prob(z) + log_abs_det).mean()
        return nll, (self.predictor(self.flow.split(z)[0]) - y).square().sum(1).mean()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the batch; look at the validation set; end with the best weights."""
        super().on_train_batch_end(outputs, batch, batch_idx)
        if self.best is None:
            return
        self.best.follow(self.clock)
        epoch = int(self.trainer.num_training_batches)
        done = batch_idx + 1
        if done * _LOOKS // epoch > batch_idx * _LOOKS // epoch:
            self.best.look(self._score)
        every = self.trainer.check_val_every_n_epoch or 1
        last = self.current_epoch + 1 == self.trainer.max_epochs
        if done == epoch and (last or (self.best.stale and (self.current_epoch + 1) % every == 0)):
            self.best.restore()
            self.best, self._ended = None, True
            if not last:
                self.trainer.should_stop = True

    @torch.no_grad()
    def _score(self) -> float:
        """The loss on validation rows, without noise."""
        assert self._held_out is not None
        x, y = (part.to(self.device) for part in self._held_out)
        nll, loss_y = self._losses((x, row_normal(x)) if self.measures else (x,), y)
        return float(nll + self.y_weight * loss_y)

    # -- checkpoints -----------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the running mean of weights and the best of it, until these are the weights."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[STATE]["ended"] = self._ended
        if self.best is not None:
            checkpoint[STATE]["best_average"] = self.best.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Build what the checkpoint's own data asked for; restore the mean of weights."""
        state = own_state(checkpoint, "this checkpoint")
        given, saved = self.data, state["data"]
        rows = None if saved is None else saved.get("extra", {}).get("rows")
        other = given is not None and given.extra.get("rows") != rows
        if other:
            self.data = None  # sizes follow the rows that it was trained on
        super().on_load_checkpoint(checkpoint)
        if other and given is not None:
            self.describe_data(given)
        self._ended = bool(state.get("ended", False))
        self._best_state = state.get("best_average")

    # -- what a test says --------------------------------------------------------------------------

    def verdict(self, figures: dict[str, float]) -> str | None:
        """Whether the split can be trusted, by what Z0 tells of Z1, which needs no label."""
        return split_verdict(figures) if self.measures else None

    def configure_evaluator(self, stage: Literal["val", "test"]) -> InvarianceEvaluator:
        """Figures of all methods; of a table flow also what Z0 tells of Z1."""
        found = super().configure_evaluator(stage)
        found.split = self.measures
        return found

    # -- codes -----------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Code:
        """The flow's code, split; noise within steps is a function of the row."""
        inputs = (x, row_normal(x)) if self.measures else (x,)
        z1, z0 = self.flow.split(self.flow(*inputs)[0])
        return Code(z0, z1)

    def predict_target(self, code: Code) -> Tensor:
        """Targets from z1 alone."""
        return self.predictor(code.z1)  # type: ignore[no-any-return]

    def decode(self, code: Code, mask: TokenMask | None = None) -> Tensor:
        """X of the codes, exactly."""
        assert code.z1 is not None
        x: Tensor = self.flow.inverse(self.flow.join(code.z1, code.z0))
        return x

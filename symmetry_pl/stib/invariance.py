"""Validation, test and prediction that all bottleneck methods share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn

from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.evaluation import Evaluation, InvarianceMetrics

_SHOWN_POINTS = 5000


class InvarianceModule(SymmetryModule):
    """A method that splits x into what tells of y (z1) and what does not (z0).

    Validation, test and prediction are the same code for every method, so that their figures
    compare; a subclass says what its parts are in ``encode``, ``predict_target`` and ``decode``.

    Args:
        y_dim: columns of y.
        leakage_points: in validation, I(Z0;Y) is estimated from at most so many points; a test
            uses all.
        probe_every: epochs between two held-out probes, which cost seconds; the last validation
            of a fit, ``validate`` and ``test`` always have one.
    """

    monitor = "val/objective"
    painter: ClassVar[str] = "symmetry_pl.stib.painter:InvariancePainter"
    headline = (
        "mae_x",
        "smiles_accuracy",
        "mae_y",
        "mi_z0_y",
        "mi_z0_y_white",
        "mi_z0_y_probe",
    )
    condition_dim: int = 0
    """Columns of y that the decoder is told."""
    candidates: int = 1
    """Inputs that ``search`` tries for a code."""
    samples: ClassVar[bool] = False
    """Whether any Z0 from N(0, I) decodes to what the data might hold, whatever Z1 is."""

    def __init__(self, y_dim: int = 2, leakage_points: int = 2000, probe_every: int = 0) -> None:
        super().__init__()
        if y_dim < 1:
            raise ValueError(f"y_dim must be at least 1, got {y_dim}")
        self.y_dim = y_dim
        self.leakage_points = leakage_points
        self.probe_every = probe_every
        self.evaluators = nn.ModuleDict()
        self.shown: dict[str, Tensor] = {}

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """z0 ``(B, d0)`` and z1 ``(B, d1)`` of inputs, without noise; no z1 where there is none."""

    @abstractmethod
    def predict_target(self, z0: Tensor, z1: Tensor | None) -> Tensor | None:
        """Predicted targets ``(B, t)``; ``None`` for methods that are given y."""

    @abstractmethod
    def decode(
        self,
        z0: Tensor,
        z1: Tensor | None,
        y: Tensor | None = None,
        mask: TokenMask | None = None,
    ) -> Tensor:
        """Most likely input of given codes: what moves when z0 moves and z1 stays.

        Args:
            z0: ``(B, d0)``.
            z1: ``(B, d1)``, for methods that have one.
            y: condition ``(B, t)``, for methods whose decoder takes one.
            mask: keeps token sequences inside their language, where the decoder chooses symbols.
        """

    def search(self, x: Tensor, z0: Tensor, z1: Tensor | None, y: Tensor | None = None) -> Tensor:
        """An input at least as near to the codes as the decoded ``x``: that, without a search."""
        return x

    def evaluate(self, x: Tensor, y: Tensor, search: bool = False) -> Evaluation:
        """Everything at z := μ(x), as published; targets at full precision under autocast too.

        Args:
            x: inputs.
            y: targets ``(B, t)``.
            search: whether to search for inputs too, which is slow.
        """
        z0, z1 = self.encode(x)
        x_hat = self.decode(z0, z1, y)
        with torch.autocast(x.device.type, enabled=False):
            y_hat = self.predict_target(z0, z1)
        found = self.search(x_hat, z0, z1, y) if search else x_hat
        return Evaluation(x_hat, y_hat, z0, z1, None if found is x_hat else found)

    # -- data -----------------------------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse another number of targets than the model was built for."""
        names = data.target_names
        if len(names) != self.y_dim:
            raise ValueError(
                f"the data have {len(names)} target{'' if len(names) == 1 else 's'} "
                f"({', '.join(names) or 'none'}), the model was built for {self.y_dim}: set "
                "model.init_args.y_dim, or choose other targets of the data"
            )

    def describe_data(self, data: DataDescription) -> None:
        """Adopt the data and build the metrics that fit its kind and targets."""
        super().describe_data(data)
        self._build_evaluators()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the base's state, then the metrics for the data it describes."""
        super().on_load_checkpoint(checkpoint)
        if self.data is not None and not self.evaluators:
            self._build_evaluators()

    def _build_evaluators(self) -> None:
        assert self.data is not None
        val = InvarianceMetrics(self.data, self.leakage_points)
        self.evaluators = nn.ModuleDict({"val": val, "test": InvarianceMetrics(self.data)})
        self.evaluators.to(self.device)

    # -- evaluation -----------------------------------------------------------------------------

    def _metrics(self, stage: str) -> InvarianceMetrics:
        if stage not in self.evaluators:
            raise ValueError(
                "the model does not know its data: attach a datamodule or load a checkpoint"
            )
        return self.evaluators[stage]  # type: ignore[return-value]

    def _evaluation_step(self, batch: Any, stage: str) -> None:
        x, y = batch[0], batch[1]
        found = self.evaluate(x, y, search=stage == "test")
        self._metrics(stage).update(x, y, found)
        self._remember(x, y, found)

    def _evaluation_end(self, stage: str, probe: bool) -> None:
        values = self._metrics(stage).compute(probe)
        self._metrics(stage).reset()
        for name, value in values.items():
            self.log(f"{stage}/{name}", value, prog_bar=name in self.headline)

    def _remember(self, x: Tensor, y: Tensor, found: Evaluation) -> None:
        """Keep the first points of an evaluation for the figures."""
        if len(self.shown.get("x", ())) >= _SHOWN_POINTS:
            return
        for name, value in {"x": x, "y": y, **found._asdict()}.items():
            if value is not None:
                kept = [self.shown[name]] if name in self.shown else []
                self.shown[name] = torch.cat([*kept, value.detach().cpu()])[:_SHOWN_POINTS]

    def on_validation_epoch_start(self) -> None:
        """Forget the points of the previous evaluation."""
        self.shown = {}

    def on_test_epoch_start(self) -> None:
        """Forget the points of the previous evaluation."""
        self.shown = {}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score a batch of the validation set."""
        self._evaluation_step(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Score a batch of the test set."""
        self._evaluation_step(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Log the validation figures, with the held-out probe where it is due."""
        epoch, last = self.current_epoch + 1, self.trainer.max_epochs
        fitting = self.trainer.state.fn == TrainerFn.FITTING
        due = epoch == last or (self.probe_every > 0 and epoch % self.probe_every == 0)
        self._evaluation_end("val", probe=due or not fitting)

    def on_test_epoch_end(self) -> None:
        """Log the test figures, probe included."""
        self._evaluation_end("test", probe=True)

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Codes, reconstruction and predicted targets (in their own units) of a batch."""
        x, y = batch[0], batch[1]
        found = self.evaluate(x, y, search=True)
        row = batch[2] if len(batch) > 2 else None
        values = {"row": row, "x": x, **found._asdict()}
        searched = values.pop("x_search")
        if searched is not None:
            values["x_hat"] = searched
        if found.y_hat is not None:
            values["y_hat"] = self.physical(found.y_hat)
        return {name: value for name, value in values.items() if value is not None}

    def physical(self, y: Tensor) -> Tensor:
        """Targets ``(B, t)`` from standardised to their own units."""
        if self.data is None or not self.data.target_scale:
            return y
        return y * y.new_tensor(self.data.target_scale) + y.new_tensor(self.data.target_mean)

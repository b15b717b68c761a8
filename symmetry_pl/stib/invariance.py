"""What all bottleneck methods share: a split code, how it is scored, and what is predicted."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, SymmetryModule
from symmetry_pl.nn.token_mask import TokenMask
from symmetry_pl.stib.code import Code, Evaluation
from symmetry_pl.stib.evaluation import InvarianceEvaluator


class InvarianceModule(SymmetryModule):
    """A method that splits x into what tells of y (z1) and what does not (z0).

    Validation, test and prediction are the same code for every method, so that their figures
    compare; a subclass says what its parts are in ``encode``, ``predict_target`` and ``decode``.
    All methods have a phase ``pretrain`` that data can follow: they may be wider in it.

    Args:
        leakage_points: in validation, I(Z0;Y) is estimated from at most so many points; a test
            uses all. A thorough validation has a held-out probe, too.
        control: whether a test looks for the least leak that its probe sees; seconds to a minute.
        kwargs: options of ``SymmetryModule``.
    """

    headline = (
        "mae_x",
        "smiles_accuracy",
        "mae_y",
        "mi_z0_y",
        "mi_z0_y_white",
        "mi_z0_y_probe",
    )
    painter = "symmetry_pl.stib.painter:InvariancePainter"
    phase_names: ClassVar[tuple[str, ...]] = ("pretrain", "train")
    candidates: int = 1
    """Inputs that ``search`` tries for a code."""
    samples: ClassVar[bool] = False
    """Whether any Z0 from N(0, I) decodes to what the data might hold, whatever Z1 is."""

    def __init__(self, leakage_points: int = 2000, control: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.control = control
        if leakage_points < 1:
            raise ValueError(f"leakage_points must be at least 1, got {leakage_points}")
        self.leakage_points = leakage_points

    @abstractmethod
    def encode(self, x: Tensor) -> Code:
        """The code of inputs, without noise and without y."""

    @abstractmethod
    def predict_target(self, code: Code) -> Tensor | None:
        """Predicted targets ``(B, t)``; ``None`` for methods that are given y."""

    @abstractmethod
    def decode(self, code: Code, mask: TokenMask | None = None) -> Tensor:
        """Most likely input of given codes: what moves when z0 moves and z1 stays.

        Args:
            code: with z1 for methods that have one, and y for those whose decoder is told it.
            mask: keeps token sequences inside their language, where the decoder chooses symbols.
        """

    def nll(self, x: Tensor, code: Code) -> Tensor | None:
        """−log p(x | z1) in nats ``(B,)``, of a method that has this likelihood."""
        return None

    def search(self, x: Tensor, code: Code) -> Tensor:
        """An input at least as near to the code as the decoded ``x``: that, without a search."""
        return x

    def evaluate(self, x: Tensor, y: Tensor, search: bool = False) -> Evaluation:
        """Everything at z := μ(x), as published; targets at full precision under autocast too.

        Args:
            x: inputs.
            y: targets ``(B, t)``.
            search: whether to search for inputs too, which is slow.
        """
        code = self.encode(x)
        if self.needs_targets:
            code = code._replace(y=y)
        x_hat = self.decode(code)
        with torch.autocast(x.device.type, enabled=False):
            y_hat = self.predict_target(code)
        found = self.search(x_hat, code) if search else x_hat
        searched = None if found is x_hat else found
        return Evaluation(code, x_hat, y_hat, searched, self.nll(x, code))

    # -- data, evaluation, prediction ------------------------------------------------------------

    def check_data(self, data: DataDescription) -> None:
        """Refuse data without targets."""
        if not data.target_names:
            raise ValueError(
                f"{type(self).__name__} splits a code by what it tells of targets, and the data "
                "have none: choose targets of the data"
            )

    def configure_evaluator(self, stage: Literal["val", "test"]) -> InvarianceEvaluator:
        """Reconstruction, errors of targets and leakage."""
        assert self.data is not None
        most = self.leakage_points if stage == "val" else None
        found = InvarianceEvaluator(self.data, most)
        found.control = self.control
        return found

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Codes, reconstruction and predicted targets (in their own units) of a batch."""
        x, y = batch[0], batch[1]
        found = self.evaluate(x, y, search=True)
        values = {"x": x, **found.tensors()}
        if len(batch) > 2:
            values = {"row": batch[2], **values}
        values["x_hat"] = values.pop("x_search", found.x_hat)
        if found.y_hat is not None:
            values["y_hat"] = self.physical(found.y_hat)
        return values

    def physical(self, y: Tensor) -> Tensor:
        """Targets ``(B, t)`` from standardised to their own units."""
        if self.data is None or not self.data.target_scale:
            return y
        return y * y.new_tensor(self.data.target_scale) + y.new_tensor(self.data.target_mean)

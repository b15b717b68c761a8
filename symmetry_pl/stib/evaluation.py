"""The figures of merit of a bottleneck method, over one evaluation set."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage
from symmetry_pl.metrics import ColumnAbsoluteError, Leakage, SummedAbsoluteError
from symmetry_pl.metrics.visible_leak import VisibleLeak
from symmetry_pl.stib.code import Evaluation
from symmetry_pl.stib.yardsticks import regressions

_SHOWN = 5000
_DEPENDENCE = (
    "mi_z0_y_probe",
    "mi_z0_y_probe_null95",
    "probe_r2_z0_y",
    "probe_r2_z0_y_null95",
)


class InvarianceEvaluator(Evaluator):
    """Reconstruction, target error and leakage, accumulated over an evaluation set.

    ========================= ==================================================================
    key                       meaning
    ========================= ==================================================================
    ``mae_x``                 vectors: mean over samples of the summed absolute error
    ``token_accuracy``        tokens: share of positions decoded right
    ``smiles_accuracy``       molecules: share decoded to the same canonical molecule
    ``…_search``              the same of what a search with the encoder finds; tests only
    ``validity``              molecules: share that decodes to a molecule at all
    ``nll_x``                 mean −log p(x | z1) in nats, of methods with this likelihood
    ``mae_y``                 as ``mae_x``, of the (standardised) targets
    ``mae_<property>_<unit>`` mean absolute error of one target in its own unit
    ``…_constant``            the same of the training mean, the error of knowing nothing
    ``mi_z0_y`` …             leakage of Y into Z0 in nats: see ``Leakage``
    ``mae_y_boosting`` …      the same of regressions of y on x; with ``split``, in tests
    ``visible_leak``          the least leak that the probe sees; see ``control``
    ``mi_z0_z1_probe`` …      what a held-out probe reads of z1 from z0; see ``split``
    ``objective``             what ``best.ckpt`` minimises: error of x + ``mae_y`` + whitened MI
    ========================= ==================================================================

    Args:
        data: kind and targets.
        leakage_points: at most so many points for the leakage estimates; ``None`` for all.

    Attributes:
        split: whether to probe Z1 from Z0 too, which needs no label: both are independent where
            the likelihood is matched, and to compare with regressions of y on x.
        control: whether to look for the least leak that the probe sees, which takes as long as
            some probes more.
    """

    def __init__(self, data: DataDescription, leakage_points: int | None = None) -> None:
        super().__init__()
        self.target_names = data.metric_names() if data.physical else []
        scale = list(data.target_scale) or [1.0] * len(data.target_names)
        self.reconstruction = _reconstruction_metrics(data)
        self.searched = _reconstruction_metrics(data).get("smiles_accuracy")
        # so that they change device
        self.metrics = nn.ModuleList(self.reconstruction.values())
        self.metrics.extend([] if self.searched is None else [self.searched])
        self.likelihood = MeanMetric()
        self.target = SummedAbsoluteError()
        self.columns = ColumnAbsoluteError(scale)
        self.constant = ColumnAbsoluteError(scale)
        self.leakage = Leakage(max_points=leakage_points)
        self.dependence = Leakage(max_points=leakage_points)
        self.visible = VisibleLeak()
        self.split = self.control = False
        self.has_target = self.has_searched = self.has_likelihood = False

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch; a test searches for inputs too, which is slow."""
        x, y = batch[0], batch[1]
        found = model.evaluate(x, y, search=stage.name == "test")
        self.show(_SHOWN, x=x, y=y, **found.tensors())
        self.add(x, y, found)

    def add(self, x: Tensor, y: Tensor, found: Evaluation) -> None:
        """Add what a model made of a batch.

        Raises:
            FloatingPointError: if a code is not finite.
        """
        if not bool(found.code.z0.isfinite().all()):
            raise FloatingPointError(
                "codes of the evaluated set are not finite: its weights have diverged; train with "
                "a lower learning rate (model.players.<name>.lr), or in 64-true precision"
            )
        for metric in self.reconstruction.values():
            metric.update(found.x_hat, x)
        if found.x_search is not None and self.searched is not None:
            self.has_searched = True
            self.searched.update(found.x_search, x)
        if found.nll is not None:
            self.has_likelihood = True
            self.likelihood.update(found.nll)
        if found.y_hat is not None:
            self.has_target = True
            self.target.update(found.y_hat, y)
            self.columns.update(found.y_hat, y)
            self.constant.update(torch.zeros_like(y), y)
        self.leakage.update(found.code.z0, y)
        if found.code.z1 is not None:
            if self.split:
                self.dependence.update(found.code.z0, found.code.z1)
            if self.control:
                self.visible.update(found.code.z0, found.code.z1, y)

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures of the set, over all processes; with the held-out probe if thorough."""
        values = {name: m.compute() for name, m in self.reconstruction.items()}
        if self.has_searched and self.searched is not None:
            values["smiles_accuracy_search"] = self.searched.compute()
        if self.has_likelihood:
            values["nll_x"] = self.likelihood.compute()
        error = values["mae_x"] if "mae_x" in values else 1 - values["smiles_accuracy"]
        if self.has_target:
            values["mae_y"] = self.target.compute()
            error = error + values["mae_y"]
            # torchmetrics squeezes what has one element
            columns, constant = (
                metric.compute().reshape(-1) for metric in (self.columns, self.constant)
            )
            for i, name in enumerate(self.target_names):
                values[name] = columns[i]
                values[f"{name}_constant"] = constant[i]
        self.leakage.probe = stage.thorough
        values |= self.leakage.compute()
        if self.split and stage.thorough:
            self.dependence.probe = True
            of_z1 = self.dependence.compute()
            values |= {name.replace("z0_y", "z0_z1"): of_z1[name] for name in _DEPENDENCE}
        if stage.name == "test" and self.split:
            values |= regressions(stage.data)
        if stage.name == "test" and self.control:
            values["visible_leak"] = self.visible.compute()
        values["objective"] = error + values["mi_z0_y_white"].clamp(min=0)
        return {k: torch.as_tensor(v, dtype=torch.float32) for k, v in values.items()}

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self.has_target = self.has_searched = self.has_likelihood = False


def _reconstruction_metrics(data: DataDescription) -> dict[str, Metric]:
    if data.kind == "vector":
        return {"mae_x": SummedAbsoluteError()}
    from symmetry_pl.metrics.molecules import SmilesAccuracy, TokenAccuracy, Validity
    from symmetry_pl.molecules import Vocabulary, representation

    language = representation(data.representation)
    vocabulary = Vocabulary(data.symbols)
    return {
        "token_accuracy": TokenAccuracy(),
        "smiles_accuracy": SmilesAccuracy(vocabulary, language),
        "validity": Validity(vocabulary, language),
    }

"""When a run's figures are drawn, and where they go; what they show is up to the family."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.figure import Figure
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.painter import Curves, Painter
from symmetry_pl.lens.painter import LensPainter
from symmetry_pl.sgm.painter import ImagePainter
from symmetry_pl.stib.painter import BottleneckPainter

PAINTERS: tuple[Painter, ...] = (BottleneckPainter(), ImagePainter(), LensPainter())


class Figures(Callback):
    """Draw what a method has learned, on TensorBoard.

    Figures are made on process 0 from the last evaluation, at the x-axis of the batch counter:
    in a fit after every ``every`` validations and at its end, and in every test.

    Args:
        every: validations between two sets of figures; None draws eight sets a fit.
    """

    def __init__(self, every: int | None = None) -> None:
        self.every = every
        self._validations = 0
        self._curves: Curves = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """Remember what is drawn over time, at the batches that are logged."""
        if isinstance(pl_module, SymmetryModule) and pl_module.log_now:
            self._remember(trainer, pl_module, "train")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw where a set is due."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not isinstance(pl_module, SymmetryModule) or not fitting:
            return
        self._remember(trainer, pl_module, "val")
        self._validations += 1
        epochs = (trainer.max_epochs or 1) / (trainer.check_val_every_n_epoch or 1)
        every = self.every or max(1, round(epochs / 8))
        if self._validations % every == 0 or trainer.current_epoch + 1 == trainer.max_epochs:
            self._draw(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test set."""
        if isinstance(pl_module, SymmetryModule):
            self._draw(trainer, pl_module, "test")

    def _remember(self, trainer: Trainer, module: SymmetryModule, stage: str) -> None:
        painter = _painter_of(module)
        for name in painter.curves.get(stage, ()) if painter else ():
            value = trainer.callback_metrics.get(f"{stage}/{name}")
            if value is not None:
                batches, values = self._curves.setdefault(f"{stage}/{name}", ([], []))
                batches.append(module.batches_seen)
                values.append(float(value))

    def _draw(self, trainer: Trainer, module: SymmetryModule, stage: str) -> None:
        loggers = [g for g in trainer.loggers if isinstance(g, TensorBoardLogger)]
        painter = _painter_of(module)
        if not trainer.is_global_zero or not loggers or painter is None:
            return
        board, step = loggers[0].experiment, module.batches_seen
        curves = self._curves if stage == "val" else {}
        with torch.no_grad():
            for name, picture in painter.paint(module, trainer.datamodule, curves):  # type: ignore[attr-defined]
                if isinstance(picture, Figure):
                    board.add_figure(f"{stage}/{name}", picture, step, close=False)
                else:
                    board.add_image(f"{stage}/{name}", picture, step, dataformats="HWC")
        board.flush()


def _painter_of(module: SymmetryModule) -> Painter | None:
    return next((p for p in PAINTERS if p.accepts(module)), None)

"""Progress for people and for log files."""

from __future__ import annotations

import sys
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.trainer.states import TrainerFn


def progress() -> Callback:
    """A bar on a terminal; elsewhere, where a bar would fill the log, a line a validation."""
    return HeadlineBar() if sys.stderr.isatty() else HeadlineLines()


class HeadlineBar(TQDMProgressBar):
    """Lightning's bar with the headline numbers and without the version number."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Headline numbers, three digits each."""
        return {
            name: f"{value:.3g}" if isinstance(value, float) else value
            for name, value in super().get_metrics(trainer, pl_module).items()
            if name != "v_num"
        }


class HeadlineLines(Callback):
    """One line a validation: epoch and headline numbers."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line, on process 0 of a fit."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not trainer.is_global_zero or not fitting:
            return
        headline: tuple[str, ...] = getattr(pl_module, "headline", ())
        metrics: dict[str, Any] = trainer.callback_metrics
        shown = [f"{k} {float(metrics[f'val/{k}']):.4g}" for k in headline if f"val/{k}" in metrics]
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        print("  ".join([epoch, *shown]), flush=True)

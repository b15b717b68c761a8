"""Progress for people and for log files."""

from __future__ import annotations

import sys
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.metrics.catalogue import spec


def progress() -> Callback:
    """A bar on a terminal; elsewhere, where a bar would fill the log, a line a validation."""
    return HeadlineBar() if sys.stderr.isatty() else HeadlineLines()


class HeadlineBar(TQDMProgressBar):
    """Lightning's bar with the headline figures and without the version number."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Headline figures as the catalogue names them, three digits each."""
        shown: dict[str, int | str | float | dict[str, float]] = {}
        for name, value in super().get_metrics(trainer, pl_module).items():
            if name == "v_num":
                continue
            entry = spec(name.split("/", 1)[-1])
            shown[entry.short] = entry.brief(value, 3) if isinstance(value, float) else value
        return shown


class HeadlineLines(Callback):
    """One line a validation: epoch and headline figures."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line, on process 0 of a fit."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not trainer.is_global_zero or not fitting:
            return
        headline: tuple[str, ...] = getattr(pl_module, "headline", ())
        metrics: dict[str, Any] = trainer.callback_metrics
        shown = [
            f"{entry.short} {entry.brief(float(metrics[f'val/{entry.name}']))}"
            for entry in map(spec, headline)
            if f"val/{entry.name}" in metrics
        ]
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        print("  ".join([epoch, *shown]), flush=True)

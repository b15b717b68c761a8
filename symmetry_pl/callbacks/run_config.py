"""Saving the whole configuration of a fit into its run folder."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback


class RunConfig(SaveConfigCallback):
    """Write ``config.yaml``; a continued fit writes ``config_resume_k.yaml`` beside it.

    ``test``, ``validate`` and ``predict`` write none: the run's config is that of its fit.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose a free name, then save as Lightning does."""
        if stage != "fit":
            return
        if trainer.log_dir is not None:
            folder = Path(trainer.log_dir)
            k = 0
            while (folder / self.config_filename).exists():
                self.config_filename, k = f"config_resume_{k}.yaml", k + 1
            self.config_filename = trainer.strategy.broadcast(self.config_filename)
            super().setup(trainer, pl_module, stage)

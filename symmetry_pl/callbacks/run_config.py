"""Saving the whole configuration of a fit into its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from symmetry_pl.core.files import atomic_write


class RunConfig(SaveConfigCallback):
    """Write ``config.yaml``; a continued fit writes ``config_resume_k.yaml`` beside it.

    It lies in the run's folder, whatever the logger. ``test``, ``validate`` and ``predict`` write
    none: the run's config is that of its fit.

    Args:
        args: what Lightning gives.
        run_dir: the run's folder.
        kwargs: what Lightning gives.
    """

    def __init__(self, *args: Any, run_dir: Path, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run_dir = run_dir

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose a free name, on process 0, and save."""
        dry = getattr(trainer, "fast_dev_run", False)
        if stage != "fit" or dry or not trainer.is_global_zero or self.already_saved:
            return
        path = self.run_dir / "config.yaml"
        if path.exists():
            k = len(list(self.run_dir.glob("config_resume_*.yaml")))
            path = self.run_dir / f"config_resume_{k}.yaml"
        # null is a value: left out, an option would have its default in the next fit
        atomic_write(path, self.parser.dump(self.config, skip_none=False))
        self.already_saved = True

"""A checkpoint of every epoch, whether an optimiser has moved or not."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

__all__ = ["EpochCheckpoint"]


class EpochCheckpoint(ModelCheckpoint):
    """As Lightning's, which skips an epoch without a step of an optimiser.

    A warm start, and densities that follow by EM, are learned without one.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget that the last checkpoint was of the same step."""
        self._last_global_step_saved = -1

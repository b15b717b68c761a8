"""What every trainer of ours has in common, whoever builds it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO

from symmetry_pl.core.checkpoint_io import WholeCheckpointIO

__all__ = ["DEFAULTS", "as_ours"]

# one device: a batch_size is one process's, so that more of them are another recipe
DEFAULTS: Mapping[str, Any] = MappingProxyType({"num_sanity_val_steps": 0, "devices": 1})
"""Options of a trainer that differ from Lightning's."""


def as_ours(trainer: Trainer) -> Trainer:
    """A trainer that leaves signals alone and writes whole checkpoints."""
    # ours end a run at once, whichever process they reach; Lightning's wait in a collective
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeCheckpointIO()
    return trainer

"""Rows of a set, for what a method measures before or beside its batches."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pytorch_lightning import Trainer
from torch import Tensor

__all__ = ["first_rows"]


def first_rows(
    trainer: Trainer, name: Literal["train", "val"], limit: int
) -> tuple[Tensor, Tensor] | None:
    """Inputs ``(n, …)`` and targets ``(n, t)`` of a set, the same on every process.

    Args:
        trainer: that has the data, after its loaders are made.
        name: of the set.
        limit: most rows.

    Returns:
        None where there is no such set, or it is switched off.
    """
    if name == "val" and not trainer.limit_val_batches:
        return None
    source: Any = getattr(trainer, "datamodule", None)
    if hasattr(source, "split"):
        data = source.split(name)
        batch = data.__getitems__(range(min(len(data), limit)))
        return batch[0], batch[1]
    loaders = trainer.train_dataloader if name == "train" else trainer.val_dataloaders
    if loaders is None:
        return None
    found: list[Any] = []
    count = 0
    for batch in loaders:
        found.append((batch[0], batch[1]))
        count += len(batch[0])
        if count >= limit:
            break
    if not found:
        return None
    x, y = (torch.cat(part)[:limit] for part in zip(*found, strict=True))
    return x, y

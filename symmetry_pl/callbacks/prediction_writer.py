"""Predictions as one table, one row an input, in the order of the data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter
from torch import Tensor

from symmetry_pl.callbacks.prediction_columns import prediction_columns
from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.files import atomic_file, atomic_write

_PLACE = "place"
"""Key of the samples' places in the dataset, in what processes hand to the first."""


class PredictionWriter(BasePredictionWriter):
    """Write what ``predict_step`` returns to ``predictions.csv`` in the run's folder.

    Columns have the names and units of the user's data (``prediction_columns``). A model that can
    say what it has learned (``SymmetryModule.learned``), or that predicts images, gets that and the
    same tensors in ``predictions.npz``; a table holds no images.

    Rows are in the order of the dataset, each once, for any number of workers and processes: the
    other processes hand theirs to the first through files beside its own.

    Files are written beside their place and moved there when they are whole, so that what a failed
    or interrupted command leaves is never half a table.

    Args:
        run_dir: the run's folder.
        name: name of the files, without suffix.
    """

    def __init__(self, run_dir: Path, name: str = "predictions") -> None:
        super().__init__("epoch")
        self.run_dir = run_dir
        self.name = name

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Join the batches of all processes and write them, on the first."""
        assert isinstance(pl_module, SymmetryModule)
        assert pl_module.data is not None
        own = {k: torch.cat([p[k] for p in predictions]).cpu() for k in predictions[0]}
        own[_PLACE] = _places(trainer, batch_indices, len(next(iter(own.values()))))
        joined = own if trainer.world_size == 1 else self._gathered(trainer, own)
        if joined is None:
            return
        order = np.unique(joined.pop(_PLACE).numpy(), return_index=True)[1]
        joined = {name: values[torch.from_numpy(order)] for name, values in joined.items()}
        learned = pl_module.learned()
        if learned or any(values.ndim > 2 for values in joined.values()):
            tensors = {**joined, **learned}
            arrays: dict[str, Any] = {k: v.detach().cpu().numpy() for k, v in tensors.items()}
            with atomic_file(self.run_dir / f"{self.name}.npz") as file:
                np.savez(file, **arrays)
        told = getattr(getattr(trainer, "datamodule", None), "row_columns", None)
        source = told(joined["row"]) if told is not None and "row" in joined else {}
        columns = prediction_columns(joined, pl_module.data, source, pl_module.column_names())
        path = self.run_dir / f"{self.name}.csv"
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        instead = ", in place of those that were there" if path.exists() else ""
        atomic_write(path, text.getvalue())
        print(f"{len(order)} predictions in {path}{instead}")

    def _gathered(self, trainer: Trainer, own: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """What all processes predict, on the first; None on the others."""
        folder = Path(trainer.strategy.broadcast(str(self.run_dir)))
        parts = [folder / f".{self.name}.of_{rank}.pt" for rank in range(trainer.world_size)]
        if not trainer.is_global_zero:
            with atomic_file(parts[trainer.global_rank]) as file:
                torch.save(own, file)
        trainer.strategy.barrier()
        if not trainer.is_global_zero:
            return None
        try:
            found = [own, *(torch.load(part, weights_only=True) for part in parts[1:])]
        finally:
            for part in parts[1:]:
                part.unlink(missing_ok=True)
        return {name: torch.cat([part[name] for part in found]) for name in own}


def _places(trainer: Trainer, batch_indices: Sequence[Any], count: int) -> Tensor:
    """Places in the dataset of the samples of this process ``(count,)``.

    Lightning knows them of a dataset with an index; processes that share another take every W-th.
    """
    known = [place for batch in (batch_indices or [[]])[0] for place in batch]
    if len(known) == count:
        return torch.tensor(known)
    return torch.arange(count) * trainer.world_size + trainer.global_rank

"""Predictions as a table, one row an input, in the order of the data."""

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

from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.core.files import atomic_file, atomic_write


class PredictionWriter(BasePredictionWriter):
    """Write what ``predict_step`` returns to ``predictions.csv`` in the run's folder.

    Each tensor ``(B, d)`` becomes columns ``name_0 … name_{d-1}``; token ids become SMILES, and
    predicted targets are named after the property and its unit. A model that can say what it has
    learned (``SymmetryModule.learned``), or that predicts images, gets that and the same tensors in
    ``predictions.npz``; a table holds no images.

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
        """Join the batches of this process and write them."""
        assert isinstance(pl_module, SymmetryModule)
        assert pl_module.data is not None
        joined = {k: torch.cat([p[k] for p in predictions]).cpu() for k in predictions[0]}
        columns: dict[str, list[Any]] = {}
        for name, values in joined.items():
            if values.ndim <= 2:
                columns |= _columns(name, values, pl_module.data)
        rank = "" if trainer.world_size == 1 else f"_rank{trainer.global_rank}"
        learned = pl_module.learned()
        if learned or any(values.ndim > 2 for values in joined.values()):
            tensors = {**joined, **learned}
            arrays: dict[str, Any] = {k: v.detach().cpu().numpy() for k, v in tensors.items()}
            with atomic_file(self.run_dir / f"{self.name}{rank}.npz") as file:
                np.savez(file, **arrays)
        path = self.run_dir / f"{self.name}{rank}.csv"
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        atomic_write(path, text.getvalue())
        print(f"{len(next(iter(columns.values())))} predictions in {path}")


def _columns(name: str, values: Tensor, data: DataDescription) -> dict[str, list[Any]]:
    if name in ("x", "x_hat") and data.kind == "tokens":
        from symmetry_pl.molecules import Vocabulary, representation

        vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
        smiles = [language.decode(symbols) or "" for symbols in vocabulary.decode(values)]
        return {"smiles" if name == "x" else "reconstruction": smiles}
    if name == "y_hat" and data.physical:
        units = [f"_{u}" if u else "" for u in data.target_units]
        names = [f"{t}{u}" for t, u in zip(data.target_names, units, strict=True)]
        return {n: values[:, i].tolist() for i, n in enumerate(names)}
    if values.ndim == 1:
        return {name: values.tolist()}
    return {f"{name}_{i}": values[:, i].tolist() for i in range(values.shape[1])}

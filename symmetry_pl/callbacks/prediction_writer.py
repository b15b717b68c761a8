"""Predictions as a table, one row an input, in the order of the data."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter
from torch import Tensor

from symmetry_pl.core import DataDescription, SymmetryModule


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
            with _whole(self.run_dir / f"{self.name}{rank}.npz", "wb") as file:
                np.savez(file, **arrays)
        path = self.run_dir / f"{self.name}{rank}.csv"
        with _whole(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        print(f"{len(next(iter(columns.values())))} predictions in {path}")


@contextmanager
def _whole(path: Path, mode: str, **options: Any) -> Iterator[IO[Any]]:
    """A file that appears under its name when it is complete, in the place of an older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open(mode, **options) as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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

"""Vectors as a trained model reads them: its columns, its scales, its standard units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import Table
from symmetry_pl.datamodules.targets import Targets

__all__ = ["columns_of_model", "targets_of_model"]


def columns_of_model(table: Table, model: DataDescription) -> Table:
    """The columns of a model, by name where the table has them all, else all of as many.

    Raises:
        ValueError: if there are more or fewer.
    """
    wanted = model.extra.get("columns", table.names)
    if set(wanted) <= set(table.names):
        places = [table.names.index(name) for name in wanted]
        if places != list(range(len(table.names))):
            table = Table(table.path, list(wanted), table.values[:, places])
    if (len(table.names),) != model.x_shape:
        raise ValueError(
            f"{table.path} has {len(table.names)} columns, and the model was trained on "
            f"{model.kind} data of shape {model.x_shape}: see data.columns"
        )
    return table


def targets_of_model(targets: Targets, model: DataDescription) -> Tensor:
    """Targets ``(N, t)`` in the standard units of a model; ``(N, 0)`` unless all are there."""
    y: npt.NDArray[np.float64] = targets.values
    if targets.names != model.target_names or not np.isfinite(y).all():
        return torch.empty(len(y), 0, dtype=torch.float64)
    return torch.from_numpy((y - np.array(model.target_mean)) / np.array(model.target_scale))

"""What datamodules of samples of one's own share: read once, to learn from or to predict."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.datamodules.files.download import data_root

__all__ = ["OwnDataModule", "own_path"]


class OwnDataModule(SymmetryDataModule):
    """Base of datamodules of a file, or of what is in memory, whose rows are dealt into sets.

    Sets and scales are learned from the rows; or, with the ``data`` of a model (``adopt``), all
    rows are scaled as that model's own were, none are held out, and targets need not be there.
    Prediction goes through all usable rows in their order.

    A subclass reads its rows in ``setup`` unless there is a ``_description``, and then sets that,
    ``_rows`` (places in the source, by the name of a set and ``"all"``) and ``_y`` ``(N, t)``.

    Args:
        kwargs: options of ``SymmetryDataModule``, or of the class behind this one.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._adopted: DataDescription | None = None
        self._description: DataDescription | None = None
        self._rows: dict[str, npt.NDArray[np.int64]] = {}
        self._y = torch.empty(0, 0)

    @abstractmethod
    def check_model(self, description: DataDescription) -> None:
        """Raise a ``ValueError`` if a model with such ``data`` can read nothing of these."""

    @property
    def description(self) -> DataDescription:
        """What was learned from the rows, or that of the model whose inputs they are."""
        if self._description is None:
            raise RuntimeError(f"call setup() of the {type(self).__name__} first")
        return self._description

    @property
    def gives_targets(self) -> bool:
        """Whether batches have targets; to a model that has been trained they need not be given."""
        return self._y.shape[1] > 0

    def adopt(self, description: DataDescription) -> None:
        """Read the inputs of a model, scaled as those it was trained on.

        Args:
            description: the ``data`` of the model.

        Raises:
            ValueError: if it was trained on other inputs.
        """
        self.check_model(description)
        self._adopted, self._description = description, None
        self._splits.clear()

    def predict_dataloader(self) -> DataLoader[Any]:
        """All usable rows, in the order of the source."""
        return self._loader(self.split("all"))


def own_path(path: str, root: str | None, owner: str) -> Path:
    """A folder or file as it is, or within ``root``.

    Raises:
        FileNotFoundError: if it is at neither place.
        ValueError: for an empty path.
    """
    if not path:
        raise ValueError(
            f"data.path names no folder or file: give its path, or use {owner}.from_arrays"
        )
    within = data_root(root) / path
    for place in (Path(path).expanduser(), within):
        if place.exists():
            return place
    raise FileNotFoundError(
        f"data.path is {path!r}, but there is no such folder or file here or at {within}"
    )

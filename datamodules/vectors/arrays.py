"""Your own vectors, from a NumPy or CSV file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import qr
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import Table, listed, read_table
from symmetry_pl.datamodules.files.download import data_root
from symmetry_pl.datamodules.splits import check_fractions, random_split
from symmetry_pl.datamodules.vectors.vector_data import (
    VectorDataModule,
    VectorDataset,
    check_at_least,
    check_choice,
    normal_noise,
)

__all__ = ["ArrayDataModule"]

Array = npt.NDArray[np.float64]
_LARGE = 1e100  # squares of larger numbers overflow in sums
_SINGULAR = 1e-11  # eigenvalue of a correlation matrix, of the largest, that rounding may leave


class ArrayDataModule(VectorDataModule):
    """Vectors of your own: the rows of an array or of a table.

    Rows are samples, counted from 0 at the first row of data. Validation and test sets are cut at
    random, so that overlapping windows of one series end up on both sides of a cut and make these
    sets easier than new data. Prediction goes through all usable rows in the order of the file.

    Args:
        file: path of a ``.npy``, ``.npz`` or ``.csv`` file, as it is or within ``root``. A CSV
            file may have one line of names, and commas, semicolons or tabs between cells; nothing
            is ever unpickled.
        root: folder with data; null for ``$SYMMETRY_DATA`` or the cache.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        num_workers: loader processes.
        split_seed: seed of the splits and of the order of training.
        key: which array of a ``.npz`` file; null where there is only one.
        columns: names or numbers (from 0) of the columns to use, in this order; null for all.
        header: whether the first line of a CSV file holds names; null to find out.
        val_fraction: share of the rows that is the validation set.
        test_fraction: share of the rows that is the test set.
        on_invalid: what to do about rows with missing or infinite numbers: ``raise`` or ``drop``,
            with a warning that states the count.
        topology: whether the hidden line has ends (``chain``) or closes (``ring``).
        scale: subtract one mean and divide by one standard deviation, those of all columns of the
            training set together; nothing that tells columns apart is changed.
        noise: standard deviation of normal noise added to every number, in units of that of all
            columns together; it makes up for columns that others determine.
        dtype: ``float32`` or ``float64``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file, row, column or option that cannot be used, in one sentence.
    """

    def __init__(
        self,
        file: str,
        root: str | None = None,
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        num_workers: int = 0,
        split_seed: int = 0,
        key: str | None = None,
        columns: list[str | int] | None = None,
        header: bool | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        topology: Literal["chain", "ring"] = "chain",
        scale: bool = True,
        noise: float = 0.0,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        super().__init__(
            root, batch_size, eval_batch_size, num_workers, split_seed, topology, dtype
        )
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_at_least(0, noise=noise)
        check_fractions(val_fraction, test_fraction)
        self.file = file
        self.key = key
        self.columns = columns
        self.header = header
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.on_invalid = on_invalid
        self.scale = scale
        self.noise = noise
        self._values: npt.NDArray[Any] = np.empty((0, 0))
        self._rows: dict[str, npt.NDArray[np.int64]] = {}
        self._noise = 0.0
        self._description: DataDescription | None = None

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``; ``extra`` holds topology, columns, mean and scale."""
        if self._description is None:
            raise RuntimeError("call setup() of the ArrayDataModule first")
        return self._description

    def setup(self, stage: str | None = None) -> None:
        """Read the file, leave out unusable rows, split and check it; once."""
        if self._description is not None:
            return
        table = read_table(self._path(), self.key, self.columns, self.header)
        if len(table.names) < 3:
            raise ValueError(
                f"{table.path}: {len(table.names)} columns are fewer than the 3 that a symmetry "
                "needs: see data.columns"
            )
        rows = self._usable(table)
        self._rows = random_split(
            rows,
            self.fractions["val"],
            self.fractions["test"],
            self.split_seed,
            f"{table.path} has only {len(rows)} usable rows",
        )
        train = table.values[self._rows["train"]].astype(np.float64)
        _check_columns(train, table)
        values = table.values[rows]
        largest = max(abs(float(values.min())), abs(float(values.max())))
        limit = _LARGE if self.scale else min(_LARGE, torch.finfo(self.dtype).max)
        if largest > limit:
            raise ValueError(
                f"{table.path} has numbers as large as {largest:.3g}, beyond {limit:.3g}: choose "
                "another unit, or set data.scale to true if it is not"
            )
        if not self.noise:
            _check_rank(train, table)
        self._values = table.values
        mean, spread = float(train.mean()), float(train.std())
        self._noise = self.noise * spread
        extra = {
            "topology": self.topology,
            "columns": table.names,
            "mean": mean if self.scale else 0.0,
            "scale": spread if self.scale else 1.0,
        }
        self._description = DataDescription("vector", (len(table.names),), extra=extra)

    def make_split(self, split: str) -> VectorDataset:
        """The rows of a split, or of ``"all"``; training rows in random order."""
        extra = self.description.extra
        rows = self._rows[split]
        x = self._values[rows].astype(np.float64)
        if self.noise:
            x += self._noise * normal_noise(self.split_seed, 0, rows, x.shape[1])
        x -= extra["mean"]
        x /= extra["scale"]
        return VectorDataset(torch.from_numpy(x).to(self.dtype), torch.from_numpy(rows))

    def predict_dataloader(self) -> DataLoader[Any]:
        """All usable rows, in the order of the file."""
        return self._loader(self.split("all"))

    def _path(self) -> Path:
        """The file as it is, or within ``root``."""
        within = data_root(self.root) / self.file
        for path in (Path(self.file).expanduser(), within):
            if path.is_file():
                return path
        raise FileNotFoundError(
            f"data.file is {self.file!r}, but there is no such file here or at {within}"
        )

    def _usable(self, table: Table) -> npt.NDArray[np.int64]:
        """Rows whose numbers are all finite, or an error that names the others."""
        bad = ~np.isfinite(table.values).all(axis=1)
        if bad.any():
            shown = []
            for row in np.flatnonzero(bad)[:3]:
                column = int(np.flatnonzero(~np.isfinite(table.values[row]))[0])
                shown.append(f"row {row} in column {table.names[column]!r}")
            count = int(bad.sum())
            found = (
                f"{table.path} has missing or infinite numbers in {count} of {len(bad)} rows "
                f"({listed(shown, count)})"
            )
            if self.on_invalid == "raise":
                raise ValueError(f"{found}: set data.on_invalid to drop to leave them out")
            warnings.warn(f"{found}; left out", stacklevel=3)
        return np.flatnonzero(~bad)


def _check_rank(train: Array, table: Table) -> None:
    """Refuse training rows whose covariance is singular, naming the columns to leave out."""
    dim = train.shape[1]
    correlation = np.corrcoef(train, rowvar=False)
    eigenvalues = np.linalg.eigvalsh(correlation)
    rank = int((eigenvalues > _SINGULAR * eigenvalues[-1]).sum())
    if rank < dim:
        # with pivoting, the columns that the ones before them span come last
        order = qr(correlation, mode="r", pivoting=True)[1]
        spare = [table.names[i] for i in sorted(order[rank:])]
        raise ValueError(
            f"{table.path}: the {dim} columns have rank {rank} (the others determine "
            f"{_names(spare)}): leave such columns out with data.columns, or set data.noise above "
            "0 to give them something of their own"
        )


def _check_columns(train: Array, table: Table) -> None:
    """Refuse too few training rows, and columns that are the same in all of them."""
    count, dim = train.shape
    if count <= dim:
        raise ValueError(
            f"{table.path} leaves {count} training rows for {dim} columns: more rows than columns "
            "are needed, or choose fewer with data.columns"
        )
    constant = [table.names[i] for i in np.flatnonzero(np.ptp(train, axis=0) == 0)]
    if constant:
        verb = "is" if len(constant) == 1 else "are"
        raise ValueError(
            f"{table.path}: {_names(constant)} {verb} the same in all training rows: leave out "
            "with data.columns"
        )


def _names(columns: list[str]) -> str:
    shown = listed([repr(name) for name in columns[:5]], len(columns))
    return f"column{'s' if len(columns) > 1 else ''} {shown}"

"""Your own vectors, from a NumPy or CSV file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import qr
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import Table, chosen_columns, listed, read_table
from symmetry_pl.datamodules.files.download import data_root
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.splits import check_fractions, random_split
from symmetry_pl.datamodules.vectors.vector_data import (
    VectorDataModule,
    VectorDataset,
    normal_noise,
)

__all__ = ["ArrayDataModule"]

Array = npt.NDArray[np.float64]
_LARGE = 1e100  # squares of larger numbers overflow in sums
_SINGULAR = 1e-11  # eigenvalue of a correlation matrix, of the largest, that rounding may leave


class ArrayDataModule(VectorDataModule):
    """Vectors of your own: the rows of an array or of a table, from a file or from memory.

    Rows are samples, counted from 0 at the first row of data. Validation and test sets are cut at
    random, so that overlapping windows of one series end up on both sides of a cut and make these
    sets easier than new data. Prediction goes through all usable rows in the order of the file.

    Targets are given in units of the training rows' standard deviation about their mean.

    Args:
        file: path of a ``.npy``, ``.npz`` or ``.csv`` file, as it is or within ``root``. A CSV
            file may have one line of names, and commas, semicolons or tabs between cells; nothing
            is ever unpickled. Arrays in memory: see ``from_arrays``.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        key: which array of a ``.npz`` file; null where there is only one.
        columns: names or numbers (from 0) of the columns to use, in this order; null for all.
        header: whether the first line of a CSV file holds names; null to find out.
        targets: names or numbers of the columns to predict; none by default. Where ``columns`` is
            null, inputs are all others.
        units: unit of each target, by name; dimensionless where it has none.
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
        kwargs: options of ``VectorDataModule``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file, row, column or option that cannot be used, in one sentence.
    """

    def __init__(
        self,
        file: str = "",
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        key: str | None = None,
        columns: list[str | int] | None = None,
        header: bool | None = None,
        targets: list[str | int] | None = None,
        units: dict[str, str] = {},  # noqa: B006 (jsonargparse shows it)
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        topology: Literal["chain", "ring"] = "chain",
        scale: bool = True,
        noise: float = 0.0,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(topology, dtype, batch_size, eval_batch_size, **kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_at_least(0, noise=noise)
        check_fractions(val_fraction, test_fraction)
        if not isinstance(file, (str, Path)):
            raise ValueError(
                f"data.file is a path, got a {type(file).__name__}: ArrayDataModule.from_arrays "
                "takes arrays in memory"
            )
        for name in units:
            if name not in map(str, targets or []):
                raise ValueError(f"data.units has {name!r}, which data.targets lacks")
        self.file = str(file)
        self.targets = list(targets or [])
        self.units = dict(units)
        self.key = key
        self.columns = columns
        self.header = header
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.on_invalid = on_invalid
        self.scale = scale
        self.noise = noise
        self._memory: Table | None = None
        self._values: npt.NDArray[Any] = np.empty((0, 0))
        self._y: npt.NDArray[np.float64] = np.empty((0, 0))
        self._rows: dict[str, npt.NDArray[np.int64]] = {}
        self._noise = 0.0
        self._description: DataDescription | None = None

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        names: Sequence[str] = (),
        units: Sequence[str] = (),
        **options: Any,
    ) -> ArrayDataModule:
        """The same from memory.

        Args:
            x: inputs ``(N, d)``.
            y: targets ``(N, t)`` or ``(N,)``; none by default.
            names: of the targets; ``y0``, ``y1``, … by default.
            units: of the targets; dimensionless by default.
            options: the others.

        Raises:
            ValueError: for arrays that are not real numbers, or of unequal lengths.

        >>> x = np.random.default_rng(0).normal(size=(200, 4))
        >>> data = ArrayDataModule.from_arrays(x, x[:, :1] ** 2, ["energy"], ["eV"])
        >>> data.setup()
        >>> data.description.x_shape, data.description.metric_names()
        ((4,), ['mae_energy_ev'])
        """
        inputs = _matrix("x", x)
        outputs = np.empty((len(inputs), 0)) if y is None else _matrix("y", y)
        if len(outputs) != len(inputs):
            raise ValueError(f"x has {len(inputs)} rows and y has {len(outputs)}")
        called = list(names) or [f"y{i}" for i in range(outputs.shape[1])]
        for what, given in (("names", called), ("units", units)):
            if given and len(given) != outputs.shape[1]:
                raise ValueError(f"y has {outputs.shape[1]} columns, and {len(given)} {what}")
        columns = [str(i) for i in range(inputs.shape[1])]
        if set(columns) & set(called):
            raise ValueError(f"names of targets must not be numbers, got {called}")
        by_name = dict(zip(called, units, strict=False))
        made = cls(targets=[*called], units=by_name, **options)
        values = np.concatenate([inputs, outputs], axis=1)
        made._memory = Table(Path("the array"), [*columns, *called], values)
        return made

    @property
    def gives_targets(self) -> bool:  # type: ignore[override]
        """Whether there are columns to predict."""
        return bool(self.targets)

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
        table, targets = self._read()
        if len(table.names) < 3 and not self.targets:
            raise ValueError(
                f"{table.path}: {len(table.names)} columns are fewer than the 3 that a symmetry "
                "needs: see data.columns"
            )
        rows = self._usable(table._replace(
            names=[*table.names, *targets.names],
            values=np.concatenate([table.values, targets.values], axis=1),
        ) if self.targets else table)  # fmt: skip
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
        if not self.noise and not self.targets:
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
        self._description = self._described(table, targets, extra)

    def _read(self) -> tuple[Table, Table]:
        """Inputs, and targets."""
        if self._memory is None and not self.file:
            raise ValueError(
                "data.file names no file: give its path, or use ArrayDataModule.from_arrays"
            )
        wanted = None if self.columns is None else [*self.columns, *self.targets]
        table = self._memory or read_table(self._path(), self.key, wanted, self.header)
        if not self.targets:
            return table, Table(table.path, [], np.empty((len(table.values), 0)))
        if self.columns is None or self._memory is not None:
            outputs = chosen_columns(table.path, table.names, self.targets, "data.targets")
            inputs = [i for i in range(len(table.names)) if i not in outputs]
            if self.columns is not None:
                inputs = chosen_columns(table.path, table.names, self.columns)
        else:
            inputs, outputs = (
                list(part) for part in np.split(range(len(wanted or [])), [len(self.columns)])
            )
        x, y = (
            Table(table.path, [table.names[i] for i in part], table.values[:, part])
            for part in (inputs, outputs)
        )
        return x, y

    def _described(self, table: Table, targets: Table, extra: dict[str, Any]) -> DataDescription:
        """What the data are; standardises the targets."""
        y = targets.values.astype(np.float64)
        train = y[self._rows["train"]]
        mean, scale = train.mean(0), train.std(0)
        for name, value in zip(targets.names, scale, strict=True):
            if not value > 0:
                raise ValueError(f"data.targets: {name} is the same in all training rows")
        self._y = (y - mean) / scale
        return DataDescription(
            "vector",
            (len(table.names),),
            tuple(targets.names),
            tuple(self.units.get(name, "") for name in targets.names) if self.targets else (),
            tuple(mean.tolist()),
            tuple(scale.tolist()),
            extra=extra,
        )

    def make_split(self, name: str) -> VectorDataset:
        """The rows of a name, or of ``"all"``; training rows in random order."""
        extra = self.description.extra
        rows = self._rows[name]
        x = self._values[rows].astype(np.float64)
        if self.noise:
            x += self._noise * normal_noise(self.split_seed, 0, rows, x.shape[1])
        x -= extra["mean"]
        x /= extra["scale"]
        y = torch.from_numpy(self._y[rows]).to(self.dtype)
        return VectorDataset(torch.from_numpy(x).to(self.dtype), torch.from_numpy(rows), y)

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


def _matrix(name: str, values: npt.ArrayLike) -> Array:
    """An array in memory as rows of real numbers ``(N, d)``."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    found = np.asarray(values)
    if found.ndim == 1:
        found = found[:, None]
    if found.dtype.kind not in "fiub" or found.ndim != 2 or not len(found):
        raise ValueError(
            f"{name} must be real numbers (N, d), samples in rows, got {found.dtype} of shape "
            f"{found.shape}"
        )
    return found.astype(np.float64)


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

"""Your own vectors, from a NumPy or CSV file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from symmetry_pl.core.bad_rows import RefusedRows
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import Table
from symmetry_pl.datamodules.files.download import user_file
from symmetry_pl.datamodules.options import check_at_least, check_choice, check_kind, refuse_options
from symmetry_pl.datamodules.own_data import OwnDataModule
from symmetry_pl.datamodules.splits import check_fractions, grouped_split, random_split
from symmetry_pl.datamodules.targets import Targets, as_rows, as_targets, standardised
from symmetry_pl.datamodules.vectors.array_checks import (
    bad_numbers,
    check_columns,
    check_count,
    check_rank,
    first_bad_numbers,
)
from symmetry_pl.datamodules.vectors.array_columns import ArrayColumns
from symmetry_pl.datamodules.vectors.of_model import columns_of_model, targets_of_model
from symmetry_pl.datamodules.vectors.vector_data import (
    VectorDataModule,
    VectorDataset,
    normal_noise,
)
from symmetry_pl.datamodules.vectors.windows import overlapping_rows

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["ArrayDataModule"]

_LARGE = 1e100  # squares of larger numbers overflow in sums


class ArrayDataModule(OwnDataModule, VectorDataModule):
    """Vectors of your own: the rows of an array or of a table, from a file or from memory.

    Rows are samples, counted from 0 at the first row of data. Validation and test sets are cut at
    random, in blocks where rows depend on their neighbours: windows of one series would else end up
    on both sides of a cut and make these sets easier than new data. Prediction goes
    through all usable rows in their order.

    Targets are given in units of the training rows' standard deviation about their mean. With the
    ``data`` of a model (``adopt``) all rows are scaled as that model's own were, its columns are
    found by name where the file has names, and targets need not be there.

    Args:
        file: path of a ``.npy``, ``.npz`` or ``.csv`` file, as it is or within ``root``. A CSV
            file may have one line of names, and commas, semicolons or tabs between cells; nothing
            is ever unpickled. Arrays in memory: see ``from_arrays``.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        key: which array of a ``.npz`` file; null where there is only one.
        columns: names or numbers (from 0) of the columns that are inputs, in this order; null for
            all but the targets.
        header: whether the first line of a CSV file holds names; null to find out.
        targets: names or numbers of the columns to predict; null for none.
        units: unit of each target, by name; dimensionless where it has none.
        val_fraction: share of the rows that is the validation set.
        test_fraction: share of the rows that is the test set; 0 for none.
        on_invalid: what to do about rows with missing or infinite numbers: ``raise`` or ``drop``,
            with a warning that states the count. ``bad_rows`` has all such numbers.
        block: rows next to each other that may depend on each other, and are held out together;
            null to find out whether they overlap as windows of one series do.
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

    split_options = ("split_seed", "val_fraction", "test_fraction")

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
        block: int | None = None,
        topology: Literal["chain", "ring"] = "chain",
        scale: bool = True,
        noise: float = 0.0,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            topology=topology,
            dtype=dtype,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **kwargs,
        )
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_at_least(0, noise=noise)
        check_at_least(1, block=1 if block is None else block)
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
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.on_invalid = on_invalid
        self.block = block
        self._overlap = 1
        self.scale = scale
        self.noise = noise
        self._memory: tuple[Table, Targets] | None = None
        self._values: npt.NDArray[Any] = np.empty((0, 0))
        self._mean, self._scale, self._noise = np.zeros(1), np.ones(1), 0.0

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        names: Sequence[str] = (),
        units: Sequence[str] = (),
        **options: Any,
    ) -> Self:
        """The same from memory.

        Args:
            x: inputs ``(N, d)``.
            y: targets ``(N, t)`` or ``(N,)``; none by default.
            names: of the targets; ``y0``, ``y1``, … by default.
            units: of the targets; dimensionless by default.
            options: those of the class but ``file``, ``key``, ``columns``, ``header``, ``targets``.

        Raises:
            ValueError: for arrays that are not real numbers, or of unequal lengths.

        >>> x = np.random.default_rng(0).normal(size=(200, 4))
        >>> data = ArrayDataModule.from_arrays(x, x[:, :1] ** 2, ["energy"], ["eV"])
        >>> data.setup()
        >>> data.description.x_shape, data.description.metric_names()
        ((4,), ['mae_energy_ev'])
        """
        inputs = as_rows(x)
        refuse_options(options, ("file", "key", "columns", "header", "targets", "units"))
        targets = as_targets(y, names, units, count=len(inputs))
        made = cls(targets=[*targets.names], **options)
        columns = [str(i) for i in range(inputs.shape[1])]
        made._memory = Table(Path("x"), columns, inputs), targets
        return made

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``.

        ``extra`` holds topology, columns, mean, scale, noise, ``rows`` (number of training rows)
        and ``split``.
        """
        return super().description

    @property
    def own_file(self) -> Path | None:
        """The file; None in memory."""
        return Path(self.file).expanduser() if self.file else None

    def check_model(self, description: DataDescription) -> None:
        """Refuse a model of what are no vectors."""
        check_kind(description, "vector", "and ArrayDataModule gives vectors")

    def setup(self, stage: str | None = None) -> None:
        """Read the file, leave out unusable rows, split and check it; once."""
        if self._description is not None:
            return
        table, targets = self._memory or self._read()
        if self._adopted is None:
            self._learn(table, targets)
        else:
            self._follow(table, targets, self._adopted)

    def _follow(self, table: Table, targets: Targets, model: DataDescription) -> None:
        """Scale as the model's data were; no rows are held out."""
        table = columns_of_model(table, model)
        rows = self._usable(table, as_targets(None, count=len(table.values)))
        if not len(rows):
            raise ValueError(f"{table.path} has no usable row")
        self._rows = dict.fromkeys(("train", "val", "test", "all"), rows)
        self._values, self._y = table.values, targets_of_model(targets, model).to(self.dtype)
        self._scale_by(model.extra)
        self._description = model

    def _scale_by(self, extra: Mapping[str, Any]) -> None:
        """Take mean, scale and noise from a description; one that has none leaves numbers alone."""
        self._mean, self._scale = (
            np.array(extra.get("mean", 0.0)),
            np.array(extra.get("scale", 1.0)),
        )
        self._noise = float(extra.get("noise", 0.0))

    def _learn(self, table: Table, targets: Targets) -> None:
        """Split and check the rows, and take scales from those of the training set."""
        if len(table.names) < 3 and not self.targets:
            raise ValueError(
                f"{table.path}: {len(table.names)} columns are fewer than the 3 that a symmetry "
                "needs: see data.columns"
            )
        rows = self._usable(table, targets)
        self._rows = self._split(rows, table)
        train = table.values[self._rows["train"]].astype(np.float64)
        if not self.targets:
            check_count(train, table)
        check_columns(train, table)
        values = table.values[rows]
        largest = max(abs(float(values.min())), abs(float(values.max())))
        limit = _LARGE if self.scale else min(_LARGE, torch.finfo(self.dtype).max)
        if largest > limit:
            raise ValueError(
                f"{table.path} has numbers as large as {largest:.3g}, beyond {limit:.3g}: choose "
                "another unit, or set data.scale to true if it is not"
            )
        if not self.noise and not self.targets:
            check_rank(train, table)
        scaled = standardised(
            torch.from_numpy(targets.values),
            torch.from_numpy(self._rows["train"]),
            targets.names,
            "data.targets",
            "rows",
        )
        self._values, self._y = table.values, scaled.y.to(self.dtype)
        mean, spread = float(train.mean()), float(train.std())
        extra = {
            "topology": self.topology,
            "columns": table.names,
            "mean": mean if self.scale else 0.0,
            "scale": spread if self.scale else 1.0,
            "noise": self.noise * spread,
            "rows": len(train),
            "split": self.split_identity,
        }
        self._scale_by(extra)
        self._description = DataDescription(
            "vector",
            (len(table.names),),
            targets.names,
            targets.units,
            scaled.mean,
            scaled.scale,
            extra=extra,
        )

    def _read(self) -> tuple[Table, Targets]:
        """Inputs and targets of the file."""
        if not self.file:
            raise ValueError(
                "data.file names no file: give its path, or use ArrayDataModule.from_arrays"
            )
        path = user_file(self.file, self.root, "data.file")
        asked = ArrayColumns(self.columns, self.targets, self.units, self._adopted)
        return asked.read(path, self.key, self.header)

    def make_split(self, name: str) -> VectorDataset:
        """The rows of a split, or of ``"all"``; training rows in random order."""
        rows = self._rows[name]
        x = self._values[rows].astype(np.float64)
        if self._noise:
            x += self._noise * normal_noise(self.split_seed, 0, rows, x.shape[1])
        x = (x - self._mean) / self._scale
        number = torch.from_numpy(rows)
        return VectorDataset(torch.from_numpy(x).to(self.dtype), number, self._y[number])

    @property
    def dependent_rows(self) -> int | None:
        """How many rows next to each other may depend on each other; null if nobody knows."""
        return self.block or (self._overlap if self._overlap > 1 else None)

    def _split(self, rows: npt.NDArray[np.int64], table: Table) -> dict[str, Any]:
        """Sets of rows, or of blocks of rows where they depend on their neighbours."""
        fractions = self.val_fraction, self.test_fraction, self.split_seed
        if self.block is None:
            self._overlap = overlapping_rows(table.values[rows])
        block = self.dependent_rows or 1
        if block == 1:
            few = f"{table.path} has only {len(rows)} usable rows"
            return random_split(rows, *fractions, few)
        if self.block is None:
            warnings.warn(
                f"{table.path}: the rows are windows of one series, {block} of which share numbers "
                "(data.block): as many are held out together",
                stacklevel=5,
            )
        where = f"{table.path}, in blocks of {block} rows,"
        return grouped_split(rows, np.arange(len(rows)) // block, *fractions, where)

    def _usable(self, table: Table, targets: Targets) -> npt.NDArray[np.int64]:
        """Rows whose numbers are all finite, or an error that names the others."""
        outputs = Table(table.path, list(targets.names), targets.values)
        parts = (table, outputs)
        self.bad_rows = tuple(sorted(chain(*map(bad_numbers, parts)), key=lambda bad: bad.row))
        found = [what for part in parts if (what := first_bad_numbers(part))]
        if found and self.on_invalid == "raise":
            raise RefusedRows(
                f"{found[0]}: set data.on_invalid to drop to leave them out", self.bad_rows
            )
        for what in found:
            warnings.warn(f"{what}; left out", stacklevel=4)
        bad = [fault.row for fault in self.bad_rows]
        return np.setdiff1d(np.arange(len(table.values)), bad)

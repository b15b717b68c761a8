"""Your own tables: the rows of a CSV file, of arrays or of a data frame."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from symmetry_pl.core.bad_rows import RefusedRows, summarise_bad_rows
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.download import user_file
from symmetry_pl.datamodules.files.number_table import NumberTable, read_number_table
from symmetry_pl.datamodules.options import check_at_least, check_choice, check_csv, refuse_options
from symmetry_pl.datamodules.own_data import OwnDataModule
from symmetry_pl.datamodules.samplers import PassSampler
from symmetry_pl.datamodules.splits import check_fractions, grouped_split
from symmetry_pl.datamodules.targets import standardised
from symmetry_pl.datamodules.vectors.column_scales import ColumnScales
from symmetry_pl.datamodules.vectors.of_model import targets_of_model
from symmetry_pl.datamodules.vectors.same_rows import contradictions, same_rows
from symmetry_pl.datamodules.vectors.table_memory import (
    TableInMemory,
    table_of_arrays,
    table_of_frame,
)
from symmetry_pl.datamodules.vectors.table_rows import TableRows, Wanted
from symmetry_pl.datamodules.vectors.vector_data import VectorDataset
from symmetry_pl.messages import listed, quoted

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["TableDataModule"]

_OF_FILES = ("path", "inputs", "targets", "units", "id_column", "delimiter", "decimal", "header")

_EXACT = 2.0**53  # up to which each whole number is one in double precision


class TableDataModule(OwnDataModule):
    r"""Rows of a table of your own, from a CSV file or from memory.

    Batches are ``(x, y, row)``: inputs ``(B, d)``, float32, each column in units of its own
    standard deviation about its own mean in the training rows,

    .. math:: x_j = (v_j - \mu_j) / \sigma_j

    targets ``(B, t)`` likewise, ``(B, 0)`` where there are none, and row numbers ``(B,)``, from 0
    at the first row of data. A column that is constant there has σ = 1.

    Validation and test sets are cut at random; rows with identical inputs are always in one set.
    Prediction goes through all usable rows in the order of the file. With the ``data`` of a model
    (``adopt``) that is all: the model's columns are found by name, in any order, and scaled as its
    own were; targets need not be there.

    Args:
        path: a CSV file, gzipped or not, as it is or within ``root``; in UTF-8, or in UTF-16 with a
            byte order mark. Tables in memory: see ``from_arrays`` and ``from_frame``.
        inputs: names or numbers (from 0) of the columns that are inputs, in this order; null for
            all columns of numbers that are nothing else. What is left out is said.
        targets: names or numbers of the columns to predict.
        units: unit of each target, by name; dimensionless where it has none.
        id_column: name or number of a column that is carried into predictions as it stands.
        delimiter: what stands between two cells; null to find it: a comma, a semicolon, a tab or a
            bar.
        decimal: ``.`` or ``,``; null to find it. Separators of thousands are refused.
        header: whether the first line holds names; null to find out.
        val_fraction: share of the different rows that is the validation set.
        test_fraction: share of the different rows that is the test set.
        on_invalid: what to do about rows that cannot be used (a number that is missing, infinite or
            text; more or fewer cells than the header): ``raise`` or ``drop``, with a warning that
            states the count. ``bad_rows`` has all of their faults.
        samples_per_epoch: samples that count as one epoch, over all processes, whatever the size of
            the table: passes over all rows follow each other, each in a new order. Null for one
            pass.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file, row, column or option that cannot be used, in one sentence.
    """

    split_options = ("split_seed", "val_fraction", "test_fraction")

    def __init__(
        self,
        path: str = "",
        inputs: list[str | int] | None = None,
        targets: list[str | int] = [],  # noqa: B006 (jsonargparse shows it)
        units: dict[str, str] = {},  # noqa: B006 (jsonargparse shows it)
        id_column: str | int | None = None,
        delimiter: str | None = None,
        decimal: Literal[".", ","] | None = None,
        header: bool | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        samples_per_epoch: int | None = 51_200,
        batch_size: int = 512,
        eval_batch_size: int = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, **kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_csv(delimiter, decimal)
        check_at_least(1, samples_per_epoch=samples_per_epoch)
        check_fractions(val_fraction, test_fraction)
        if not isinstance(path, (str, Path)):
            raise ValueError(
                f"data.path is a path, got a {type(path).__name__}: TableDataModule.from_arrays "
                "and from_frame take tables in memory"
            )
        if inputs is not None and not inputs:
            raise ValueError("data.inputs names no column: leave it out for all columns of numbers")
        for name in units:
            if name not in map(str, targets):
                raise ValueError(f"data.units has {quoted(name)}, which data.targets lacks")
        self.path = str(path)
        self.delimiter, self.decimal, self.header = delimiter, decimal, header
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.on_invalid = on_invalid
        self.samples_per_epoch = samples_per_epoch
        self._wanted = Wanted(inputs, list(targets), dict(units), id_column)
        self._memory: NumberTable | None = None
        self._table: TableRows | None = None
        self._scales = ColumnScales.none(0)

    # -- tables in memory ------------------------------------------------------------------------

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        names: Sequence[str] = (),
        units: Sequence[str] = (),
        columns: Sequence[str] = (),
        ids: Sequence[Any] | None = None,
        **options: Any,
    ) -> Self:
        """The same from arrays.

        Args:
            x: inputs ``(N, d)``.
            y: targets ``(N, t)`` or ``(N,)``; none by default.
            names: of the targets; ``y0``, ``y1``, … by default.
            units: of the targets; dimensionless by default.
            columns: names of the inputs; ``x0``, ``x1``, … by default.
            ids: what tells rows apart in predictions ``(N,)``; none by default.
            options: those of the class but the ones that say how a file is read.

        Raises:
            ValueError: for arrays that are not real numbers, or of unequal lengths; or for names
                that are not one a column, each once.

        >>> x = np.random.default_rng(0).normal(size=(200, 4))
        >>> data = TableDataModule.from_arrays(x, x[:, :1] ** 2, ["energy"], ["eV"])
        >>> data.setup()
        >>> data.description.extra["columns"], data.description.metric_names()
        (['x0', 'x1', 'x2', 'x3'], ['mae_energy_ev'])
        """
        refuse_options(options, _OF_FILES)
        return cls._of(table_of_arrays(x, y, names, units, columns, ids), options)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] = (),
        units: Mapping[str, str] | None = None,
        id_column: str | None = None,
        **options: Any,
    ) -> Self:
        """The same from a data frame, or from a dict of columns.

        Args:
            frame: with ``columns`` and ``frame[name]``, as those of pandas and polars; or columns
                ``(N,)`` by name.
            inputs: names of the inputs; None for all columns of numbers that are nothing else.
            targets: names of the columns to predict.
            units: of targets, by name.
            id_column: name of a column that is carried into predictions.
            options: those of the class but the ones that say how a file is read.

        Raises:
            ValueError: for what is no such table, or columns of unequal lengths.

        >>> frame = {"a": np.arange(50.0), "b": np.arange(50) % 7, "who": ["x"] * 50}
        >>> data = TableDataModule.from_frame(frame, targets=["b"], id_column="who")
        >>> data.setup()
        >>> data.description.extra["columns"]
        ['a']
        """
        refuse_options(options, _OF_FILES)
        return cls._of(table_of_frame(frame, inputs, targets, units or {}, id_column), options)

    @classmethod
    def _of(cls, memory: TableInMemory, options: Mapping[str, Any]) -> Self:
        made = cls(**memory.options, **options)
        made._memory = memory.table
        return made

    # -- what is read ----------------------------------------------------------------------------

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``.

        ``extra`` holds ``columns`` (names), ``mean`` and ``scale`` (one a column), ``rows`` (number
        of training rows) and ``split``.
        """
        return super().description

    @property
    def own_file(self) -> Path | None:
        """The file; None in memory."""
        return Path(self.path).expanduser() if self.path else None

    def check_model(self, description: DataDescription) -> None:
        """Refuse a model whose inputs are no named columns."""
        if description.kind != "vector" or "columns" not in description.extra:
            raise ValueError(
                f"the model was trained on {description.kind} data of shape {description.x_shape} "
                "without names of columns: TableDataModule gives the columns of a table"
            )

    def setup(self, stage: str | None = None) -> None:
        """Read the table, leave out unusable rows, split and scale it; once."""
        if self._description is not None:
            return
        try:
            table = self._read()
        except RefusedRows as refused:
            self.bad_rows = refused.rows
            raise
        self.bad_rows = table.faults
        usable = self._usable(table)
        self._table = table
        if self._adopted is None:
            self._learn(table, usable)
        else:
            self._follow(table, usable, self._adopted)

    def _learn(self, table: TableRows, usable: npt.NDArray[np.int64]) -> None:
        """Split the rows, and take scales from those of the training set."""
        if table.left_out:
            warnings.warn(
                f"{table.where}: {listed([quoted(name) for name in table.left_out])} left out of "
                "the inputs, as most of what stands there is no number",
                stacklevel=3,
            )
        self._rows = self._split(table, usable)
        train = self._rows["train"]
        self._scales = ColumnScales.of(table.x, train)
        constant = [quoted(table.columns[i]) for i in np.flatnonzero(self._scales.constant)]
        if constant:
            warnings.warn(
                f"{table.where}: {listed(constant)} of the inputs is the same in all training "
                "rows, and tells nothing",
                stacklevel=3,
            )
        values, names = torch.from_numpy(table.targets.values), table.targets.names
        scaled = standardised(values, torch.from_numpy(train), names, "data.targets", "rows")
        self._y = scaled.y.float()
        self._description = DataDescription(
            "vector",
            (len(table.columns),),
            names,
            table.targets.units,
            scaled.mean,
            scaled.scale,
            extra={
                "columns": list(table.columns),
                **self._scales.as_lists(),
                "rows": len(train),
                "split": self.split_identity,
            },
        )

    def _follow(
        self, table: TableRows, usable: npt.NDArray[np.int64], model: DataDescription
    ) -> None:
        """Scale as the model's data were; no rows are held out."""
        self._rows = dict.fromkeys(("train", "val", "test", "all"), usable)
        self._scales = ColumnScales.from_extra(model.extra, len(table.columns))
        self._y = targets_of_model(table.targets, model).float()
        self._description = model

    def _read(self) -> TableRows:
        wanted = self._wanted
        if self._adopted is not None:
            model = self._adopted
            wanted = wanted._replace(
                inputs=model.extra["columns"], targets=model.target_names, of_model=True
            )
        if self._memory is not None:
            return wanted.rows(self._memory)
        if not self.path:
            raise ValueError(
                "data.path names no file: give its path, or use TableDataModule.from_arrays or "
                "from_frame"
            )
        path = user_file(self.path, self.root, "data.path")
        table = read_number_table(
            path,
            lambda names: wanted.places(str(path), names),
            self.delimiter,
            self.decimal,
            self.header,
            wanted.names,
        )
        return wanted.rows(table)

    def _usable(self, table: TableRows) -> npt.NDArray[np.int64]:
        """Rows without a fault, or an error that names the others."""
        bad = {fault.row for fault in table.faults}
        if not bad:
            return np.arange(len(table.x))
        found = f"{table.where}: {summarise_bad_rows(table.faults)}"
        if len(bad) == len(table.x):
            raise RefusedRows(f"{found}: no row is left", table.faults)
        if self.on_invalid == "raise":
            raise RefusedRows(
                f"{found} (set data.on_invalid to drop to leave them out)", table.faults
            )
        warnings.warn(f"{found}; left out", stacklevel=4)
        return np.setdiff1d(np.arange(len(table.x)), sorted(bad))

    def _split(
        self, table: TableRows, usable: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[np.int64]]:
        """Deal groups of identical rows, not rows."""
        groups = same_rows(table.x[usable])
        said = contradictions(groups, table.targets.values[usable], usable)
        if said:
            warnings.warn(
                f"{table.where}: {said}: the inputs cannot tell their targets apart; such rows are "
                "in one set",
                stacklevel=4,
            )
        return grouped_split(
            usable, groups, self.val_fraction, self.test_fraction, self.split_seed, table.where
        )

    # -- what is given ---------------------------------------------------------------------------

    def make_split(self, name: str) -> VectorDataset:
        """The rows of a set, or of ``"all"``; training rows in random order."""
        assert self._table is not None
        rows = self._rows[name]
        x = self._scales.applied(self._table.x, rows, self._table.columns)
        number = torch.from_numpy(rows)
        return VectorDataset(torch.from_numpy(x), number, self._y[number])

    def training_inputs(self, limit: int | None = None) -> Tensor:
        """The training set itself, or the first of it, the same on every process.

        Args:
            limit: number of samples n; null for all. Training samples are in random order.

        Returns:
            ``(n, d)``, a view: not to be changed in place.
        """
        x: Tensor = self.split("train").x
        return x[:limit]

    def train_dataloader(self) -> DataLoader[Any]:
        """The next ``samples_per_epoch`` of endless passes over the training set."""
        train = self.split("train")
        if self.samples_per_epoch is None:
            return self._loader(train, shuffle=True, train=True)
        sampler = PassSampler(
            len(train), self.samples_per_epoch, self.split_seed, self.world_size, self.rank
        )
        return self._loader(train, train=True, sampler=sampler)

    def row_columns(self, rows: Tensor) -> dict[str, list[Any]]:
        """IDs and inputs of these rows, as they stand in the table."""
        assert self._table is not None
        places = rows.numpy()
        found: dict[str, list[Any]] = {}
        if self._table.ids is not None:
            found["id"] = [self._table.ids[place] for place in places]
        for i, name in enumerate(self._table.columns):
            values = self._table.x[places, i]
            whole = (values == np.round(values)).all() and (np.abs(values) < _EXACT).all()
            found[name] = (values.astype(np.int64) if whole else values).tolist()
        return found

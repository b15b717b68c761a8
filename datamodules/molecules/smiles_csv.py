"""Your own molecules: a CSV file of SMILES and properties, as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from symmetry_pl.datamodules.files.csv_table import CsvTable, read_columns
from symmetry_pl.datamodules.files.number_table import numbers_of
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable, Splits
from symmetry_pl.datamodules.options import check_csv, refuse_options
from symmetry_pl.datamodules.targets import as_targets
from symmetry_pl.molecules import standardise

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["SmilesCSVDataModule"]


@dataclass(frozen=True)
class _Table(MoleculeTable):
    """All rows, with RDKit's canonical SMILES."""

    canonical: list[str]


class SmilesCSVDataModule(MoleculeDataModule):
    """Molecules and properties from a CSV file or from memory, split by molecule.

    Batches are ids ``(B, L)``, targets ``(B, t)`` in units of the training molecules' standard
    deviation about their mean, and row numbers ``(B,)``, from 0 at the first row of data.

    Rows of one molecule, however written, are always in the same set.

    Args:
        path: the file, gzipped or not, with a header. Molecules in memory: see ``from_smiles``.
        property_columns: names of the columns to predict.
        units: unit of each of these, by name; dimensionless where it has none.
        smiles_column: name of the column of molecules.
        delimiter: what stands between two fields; null to find it: a comma, a semicolon, a tab or a
            bar.
        decimal: ``.`` or ``,``; null to find it. Separators of thousands are refused.
        test_fraction: share of the molecules that is the test set.
        val_fraction: share of the others that is the validation set.
        on_invalid: what to do about rows that cannot be used (no molecule, a property that is
            missing or not a number, another number of fields than the header): ``raise`` or
            ``drop``, with a warning that states the count. ``bad_rows`` has all of their faults.
        representation: how tokens spell molecules.
        max_length: L, symbols a molecule may have, fragments counting as one; a longer one
            cannot be used. Null for the length of the longest training molecule.
        fragments: learned fragments that join symbols which often stand together; 0 for none.
            They are learned from training molecules alone, by byte-pair encoding.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a missing column, an empty file or set, an option out of range, or
            unusable rows.
    """

    split_options = ("split_seed", "test_fraction", "val_fraction")
    targets_option = "property_columns"

    def __init__(
        self,
        path: str = "",
        property_columns: list[str] = [],  # noqa: B006 (jsonargparse shows it)
        units: dict[str, str] = {},  # noqa: B006 (jsonargparse shows it)
        smiles_column: str = "smiles",
        delimiter: str | None = None,
        decimal: Literal[".", ","] | None = None,
        test_fraction: float = 0.1,
        val_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        representation: str = "deepsmiles",
        max_length: int | None = None,
        fragments: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(on_invalid, representation, max_length, fragments, **kwargs)
        if not property_columns or len(set(property_columns)) != len(property_columns):
            raise ValueError(
                f"data.property_columns must name each column once, got {property_columns}"
            )
        for name in units:
            if name not in property_columns:
                raise ValueError(f"data.units has {name!r}, which data.property_columns lacks")
        for option, value in (("test_fraction", test_fraction), ("val_fraction", val_fraction)):
            if not 0 < value < 1:
                raise ValueError(f"data.{option} must lie between 0 and 1, got {value}")
        check_csv(delimiter, decimal)
        self._memory: CsvTable | None = None
        self.path = Path(path).expanduser()
        self.property_columns = list(property_columns)
        self.units = dict(units)
        self.smiles_column = smiles_column
        self.delimiter, self.decimal = delimiter, decimal
        self.test_fraction, self.val_fraction = test_fraction, val_fraction

    @classmethod
    def from_smiles(
        cls,
        smiles: Sequence[str],
        y: npt.ArrayLike,
        names: Sequence[str] = (),
        units: Sequence[str] = (),
        **options: Any,
    ) -> Self:
        """The same from memory.

        Args:
            smiles: of N molecules.
            y: their properties ``(N, t)`` or ``(N,)``.
            names: of the properties; ``y0``, ``y1``, … by default.
            units: of the properties; dimensionless by default.
            options: those of the class but the ones that say how a file is read.

        Raises:
            ValueError: for what is no text, for properties that are not real numbers, or for
                unequal lengths.

        >>> smiles = ["C" * n + end for n in range(2, 12) for end in ("O", "N")]
        >>> data = SmilesCSVDataModule.from_smiles(smiles, range(20), ["boiling"], ["K"])
        >>> data.setup()
        >>> data.description.symbols, data.description.metric_names()
        (('', 'C', 'N', 'O'), ['mae_boiling_k'])
        """
        of_files = (
            "path", "property_columns", "units", "smiles_column", "delimiter", "decimal"
        )  # fmt: skip
        refuse_options(options, of_files)
        molecules = list(smiles)
        for row, text in enumerate(molecules):
            if not isinstance(text, str):
                raise ValueError(f"smiles must be text, got {text!r} in row {row}")
        targets = as_targets(y, names, units, count=len(molecules))
        if not molecules:
            raise ValueError("smiles names no molecule")
        called = list(targets.names)
        if "smiles" in called:
            raise ValueError("names has 'smiles', which is what the molecules are called")
        # repr of a float is read back as the same float
        columns = dict(
            zip(called, (list(map(repr, v)) for v in targets.values.T.tolist()), strict=True)
        )
        made = cls("smiles", called, dict(zip(called, targets.units, strict=True)), **options)
        header = (made.smiles_column, *called)
        made._memory = CsvTable(header, {made.smiles_column: molecules, **columns}, (), ())
        return made

    @property
    def own_file(self) -> Path | None:
        """The file; None in memory."""
        return None if self._memory is not None or self.path == Path() else self.path

    def columns(self) -> CsvTable:
        """Molecules and properties as they are written, of the file or from memory.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: for a missing column, or an empty file.
        """
        if self._memory is not None:
            return self._memory
        if self.path == Path():
            raise ValueError(
                "data.path names no file: give its path, or use SmilesCSVDataModule.from_smiles"
            )
        wanted = {"smiles_column": [self.smiles_column], "property_columns": self.property_columns}
        return read_columns(self.path, wanted, self.delimiter)

    def _read(self) -> tuple[_Table, list[str], list[str]]:
        table, names = self.columns(), self.property_columns
        smiles = [text.strip() for text in table.columns[self.smiles_column]]
        numbers = numbers_of(table, str(self.path), names, self.decimal)
        places = range(len(names))
        numbers.check_notation(places)
        bad = numbers.faults(places)
        without = {fault.row for fault in bad}
        whole = {fault.row for fault in table.ragged}
        canonical, texts = [""] * len(smiles), [""] * len(smiles)
        self.changes.clear()
        for row, text in enumerate(smiles):
            if row not in whole:
                try:
                    canonical[row], changes = standardise(text)
                    texts[row] = self.language.text(self.language.spell(canonical[row]))
                except ValueError as error:
                    bad.append(table.bad_row(row, text, str(error), self.smiles_column))
                else:
                    self.changes.update(() if row in without else changes)
        values = torch.from_numpy(np.stack([numbers.numbers[i].values for i in places], axis=1))
        units = [self.units.get(name, "") for name in names]
        rows = torch.arange(len(smiles))
        return _Table(self.path, rows, smiles, texts, values, tuple(bad), canonical), names, units

    def _split(self, table: _Table) -> Splits:
        """Deal molecules, not rows."""
        number = {text: i for i, text in enumerate(dict.fromkeys(table.canonical))}
        of_row = torch.tensor([number[text] for text in table.canonical])
        generator = torch.Generator().manual_seed(self.split_seed)
        order = torch.randperm(len(number), generator=generator)
        n_test = round(self.test_fraction * len(number))
        n_val = round(self.val_fraction * (len(number) - n_test))
        parts = (order[n_test + n_val :], order[n_test : n_test + n_val], order[:n_test])
        train, val, test = (torch.isin(of_row, part).nonzero()[:, 0] for part in parts)
        for name, rows in (("test", test), ("validation", val), ("training", train)):
            if not len(rows):
                raise ValueError(
                    f"the {name} set is empty: {len(number)} molecules in {self.path} are too few "
                    f"for data.test_fraction={self.test_fraction} and "
                    f"data.val_fraction={self.val_fraction}"
                )
        return Splits(train, val, test, train)

"""A few thousand molecules with a property, as a chemist has them, to try small data on."""

from __future__ import annotations

from typing import Any

import torch

from symmetry_pl.datamodules.files.csv_table import CsvTable, read_csv
from symmetry_pl.datamodules.molecules.smiles_csv import SmilesCSVDataModule
from symmetry_pl.datamodules.molecules.zinc_table import zinc_file
from symmetry_pl.datamodules.options import check_at_least
from symmetry_pl.molecules import PROPERTIES

__all__ = ["ExampleMoleculesDataModule"]

_HELD_OUT = 5_000  # test molecules of ``ZINCDataModule`` at its defaults


class ExampleMoleculesDataModule(SmilesCSVDataModule):
    """Some of the molecules that ``ZINCDataModule`` holds out, as if they were your own.

    No model that was trained on ZINC250k at the default split has seen one of them. Their target
    is ``logp_rdkit``, log P as RDKit computes it.

    Args:
        molecules: how many, at most 5,000.
        test_fraction: share that is the test set.
        val_fraction: share of the others that is the validation set.
        kwargs: options of ``SmilesCSVDataModule`` but those that say how its file is read; ``root``
            is that of ``ZINCDataModule``.

    Raises:
        FileNotFoundError: if there is no file of ZINC250k, and none can be downloaded.
        ValueError: for another number of molecules.
    """

    def __init__(
        self,
        molecules: int = 3_000,
        test_fraction: float = 0.2,
        val_fraction: float = 0.125,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            property_columns=["logp_rdkit"],
            test_fraction=test_fraction,
            val_fraction=val_fraction,
            **kwargs,
        )
        check_at_least(1, molecules=molecules)
        if molecules > _HELD_OUT:
            raise ValueError(f"data.molecules must be at most {_HELD_OUT}, got {molecules}")
        self.molecules = molecules

    def columns(self) -> CsvTable:
        """SMILES of the chosen molecules, and log P as RDKit computes it."""
        if self._memory is None:
            self.path = zinc_file(self.root)
            smiles = [text.strip() for text in read_csv(self.path, ["smiles"]).columns["smiles"]]
            order = torch.randperm(len(smiles), generator=torch.Generator().manual_seed(0))
            some = [smiles[row] for row in order[: self.molecules].tolist()]
            logp = [repr(PROPERTIES["logp_rdkit"](text)) for text in some]
            header = (self.smiles_column, *self.property_columns)
            columns = {self.smiles_column: some, self.property_columns[0]: logp}
            self._memory = CsvTable(header, columns, (), ())
        return self._memory

"""ZINC250k as FreeGress cleans it, for molecules that are asked for their properties."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import torch

from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable, Splits
from symmetry_pl.datamodules.molecules.target_table import read_targets
from symmetry_pl.datamodules.molecules.zinc_table import zinc_file
from symmetry_pl.datamodules.options import check_at_least
from symmetry_pl.molecules.descriptors import DESCRIPTORS

__all__ = ["ZINCTargetsDataModule"]


class ZINCTargetsDataModule(MoleculeDataModule):
    """ZINC250k without stereochemistry, as SMILES, with nine properties by RDKit.

    Cleaned as FreeGress's code does (Ninniri et al. 2024): one fragment, of the atoms C, N, O, F,
    B, Br, Cl, I, P, S, N⁺ and O⁻, each molecule once: 245,804 of 249,455. (Its round trip through
    graphs leaves about 228,000.) They are dealt 80 : 10 : 10 by ``split_seed``; ``held_out`` is
    another share.

    Batches are ids ``(B, L)``, the nine properties of ``molecules.descriptors`` in units of the
    training molecules' standard deviation about their mean ``(B, 9)``, and row numbers ``(B,)``.
    They are computed once, in some ten minutes of one core, and kept in ``cache``.

    Args:
        batch_size: molecules a step and process.
        molecules: rows of the file that are used, its first; null for all.
        held_out: share of the validation set, and of the test set.
        cache: folder of what is computed; null for ``~/.cache/symmetry_pl/derived``.
        max_length: symbols a molecule may have; null for the length of the longest of training.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no file, and none can be downloaded.
        ValueError: for a share that leaves a set empty, or a file without SMILES.
    """

    split_options = ("split_seed", "held_out", "molecules")
    targets_option = "properties"

    def __init__(
        self,
        batch_size: int = 1024,
        molecules: int | None = None,
        held_out: float = 0.1,
        cache: str | None = None,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("drop", "smiles", max_length, 0, batch_size=batch_size, **kwargs)
        check_at_least(3, molecules=molecules)
        if not 0 < held_out < 0.5:
            raise ValueError(f"data.held_out must be between 0 and 0.5, got {held_out}")
        self.molecules, self.held_out, self.cache = molecules, held_out, cache
        self.left_out: Counter[str] = Counter()
        self._table: MoleculeTable | None = None

    def prepare_data(self) -> None:
        """Find or download the file, and compute what is not in the cache, on one process."""
        self._table = self._fresh()

    def _fresh(self) -> MoleculeTable:
        found, self.left_out = read_targets(zinc_file(self.root), self.cache, self.molecules)
        return found

    def _read(self) -> tuple[MoleculeTable, list[str], list[str]]:
        table, self._table = self._table or self._fresh(), None
        if self.left_out:
            reasons = ", ".join(f"{n} for {reason}" for reason, n in self.left_out.most_common(4))
            warnings.warn(
                f"{table.path}: {len(table.rows):,} molecules are used, and "
                f"{self.left_out.total():,} left out ({reasons})",
                stacklevel=3,
            )
        return table, list(DESCRIPTORS), list(DESCRIPTORS.values())

    def _split(self, table: MoleculeTable) -> Splits:
        """Molecules dealt at random; all of them are different."""
        count = len(table.rows)
        held = round(self.held_out * count)
        if held < 1:
            raise ValueError(f"data.held_out={self.held_out} leaves no test set of {count}")
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.split_seed))
        train = order[2 * held :].sort().values
        return Splits(train, order[held : 2 * held], order[:held], train)

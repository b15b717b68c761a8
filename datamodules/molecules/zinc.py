"""ZINC250k: drug-like molecules with QED and log P, as tokens."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import torch
from torch import Tensor

from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.datamodules.molecules.molecule_table import Splits, unless
from symmetry_pl.datamodules.molecules.zinc_table import (
    PUBLISHED,
    TEST,
    TRAIN,
    UNUSED,
    VAL,
    ZINCTable,
    read_zinc,
    zinc_file,
)
from symmetry_pl.molecules import PROPERTIES

__all__ = ["ZINCDataModule"]


class ZINCDataModule(MoleculeDataModule):
    """ZINC250k: 249,455 drug-like molecules (STIB, appendix 2.3; Gómez-Bombarelli et al. 2018).

    Batches are ids ``(B, L)``, targets ``(B, t)`` in units of the training molecules' standard
    deviation about their mean, and row numbers ``(B,)`` (from 0) in the file.

    The published file is ``250k_rndm_zinc_drugs_clean_3.csv`` with columns smiles, logP, qed and
    SAS. A file without these columns does as well: then QED and log P are computed by RDKit, and
    named ``qed_rdkit`` and ``logp_rdkit``, because RDKit's QED is not the published one (0.732
    and 0.702 for the first molecule). What is computed from SMILES is kept in ``cache``, so
    that the first run alone takes minutes.

    No held-out molecule, however written, is ever trained on. Rows are dealt to the three sets
    before anything is computed, and only rows that are used are computed.

    ``root`` is the file; or a folder with the published file, or with your own ``zinc250k.csv`` or
    ``zinc250k.csv.gz`` that has a column smiles; else the published file is downloaded into it.

    Args:
        batch_size: molecules a step and process.
        properties: targets, any of ``qed``, ``logp`` and ``sas`` (the published columns; RDKit's
            value where there is none, except for ``sas``), ``qed_rdkit`` and ``logp_rdkit``.
        max_train: molecules to train on; null for all that are not held out.
        val_size: molecules in the validation set.
        test_size: molecules in the test set.
        on_invalid: what to do about rows that cannot be used: ``raise`` or ``drop``, with a
            warning that states the count.
        representation: how tokens spell molecules.
        max_length: L, symbols a molecule may have, fragments counting as one; a longer one
            cannot be used. Null for the length of the longest training molecule.
        fragments: learned fragments that join symbols which often stand together; 0 for none.
            They are learned from training molecules alone, by byte-pair encoding.
        cache: folder of what is computed; null for ``~/.cache/symmetry_pl/derived``.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no file, and none can be downloaded.
        ValueError: for an unknown property or representation, sets too large for the file, a
            missing column, or unusable rows.
    """

    split_options = ("split_seed", "test_size", "val_size")
    targets_option = "properties"

    def __init__(
        self,
        batch_size: int = 500,
        properties: list[str] = ["qed"],  # noqa: B006 (jsonargparse shows it)
        max_train: int | None = None,
        val_size: int = 2000,
        test_size: int = 5000,
        on_invalid: Literal["raise", "drop"] = "raise",
        representation: str = "deepsmiles",
        max_length: int | None = None,
        fragments: int = 0,
        cache: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            on_invalid, representation, max_length, fragments, batch_size=batch_size, **kwargs
        )
        known = (*PUBLISHED, *PROPERTIES)
        for name in properties:
            if name not in known:
                raise ValueError(f"data.properties must be among {', '.join(known)}; got {name!r}")
        if not properties or len(set(properties)) != len(properties):
            raise ValueError(f"data.properties must name each property once, got {properties}")
        sizes = {"max_train": max_train, "val_size": val_size, "test_size": test_size}
        for option, value in sizes.items():
            if value is not None and value < 1:
                raise ValueError(f"data.{option} is {value}, less than 1")
        self.properties = list(properties)
        self.max_train, self.val_size, self.test_size = max_train, val_size, test_size
        self.cache = cache
        self._table: tuple[ZINCTable, list[str]] | None = None

    def prepare_data(self) -> None:
        """Find or download the file, and compute what is not in the cache, on one process."""
        self._table = self._fresh()

    def _read(self) -> tuple[ZINCTable, list[str], list[str]]:
        (table, names), self._table = self._table or self._fresh(), None
        self.changes = Counter(table.changes)
        return table, names, [""] * len(names)

    def _fresh(self) -> tuple[ZINCTable, list[str]]:
        path = zinc_file(self.root)
        return read_zinc(path, self.language, self.properties, self._deal, self.cache)

    def _deal(self, count: int) -> Tensor:
        """The set of each of the file's rows ``(N,)``: they are dealt at random, or not at all."""
        held = self.test_size + self.val_size
        if held >= count:
            raise ValueError(
                f"data.test_size={self.test_size} and data.val_size={self.val_size} leave nothing "
                f"of {count} molecules to train on"
            )
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.split_seed))
        part = torch.full((count,), UNUSED)
        part[order[: self.test_size]] = TEST
        part[order[self.test_size : held]] = VAL
        part[order[held:][: self.max_train]] = TRAIN
        return part

    def _split(self, table: ZINCTable) -> Splits:
        """The sets as dealt, but for training molecules that are held out in other words."""
        test, val, train = ((table.part == i).nonzero()[:, 0] for i in (TEST, VAL, TRAIN))
        held = {table.canonical[i] for i in test.tolist()}
        val = unless(val, table.canonical, held)
        held |= {table.canonical[i] for i in val.tolist()}
        train = unless(train, table.canonical, held)
        for name, rows in (("test", test), ("validation", val), ("training", train)):
            if not len(rows):
                raise ValueError(f"no usable molecule of {table.path} is left in the {name} set")
        return Splits(train, val, test, train)

"""What the datamodules of molecules share: tables, tokens, and targets in standard units."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.datamodules.molecules.tokens import TokenDataset, join_tokens, tokenise
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.targets import standardised
from symmetry_pl.molecules import BadRow, Representation, Vocabulary, summarise_bad_rows
from symmetry_pl.molecules import representation as make_representation
from symmetry_pl.molecules.fragments import MOST_SYMBOLS

__all__ = [
    "MoleculeDataModule",
    "MoleculeTable",
    "Splits",
    "TokenDataset",
    "tokenise",
    "unless",
]

T = TypeVar("T", bound="MoleculeTable")

_LEARNED_FROM = 60_000  # molecules; more of them find the same frequent pairs


class Splits(NamedTuple):
    """Positions in the table: disjoint, and disjoint as molecules.

    Args:
        train: what is trained on.
        val: validation set.
        test: test set.
        pool: what pre-training may use, the training set included; nothing held out.
    """

    train: Tensor
    val: Tensor
    test: Tensor
    pool: Tensor

    def among(self, kept: Tensor) -> Splits:
        """Positions in the table of the rows that ``kept`` ``(N,)`` marks, without the others."""
        new = kept.cumsum(0) - 1
        return Splits(*(new[part[kept[part]]] for part in self))


@dataclass(frozen=True)
class MoleculeTable:
    """Columns of equal length N, unusable rows included.

    Args:
        path: where it was read.
        rows: row numbers in the file, from 0, ``(N,)``.
        smiles: as written there.
        texts: the molecules in the representation asked for, one string each.
        targets: ``(N, t)`` float64 in physical units.
        bad: the unusable rows.
    """

    path: Path
    rows: Tensor
    smiles: list[str]
    texts: list[str]
    targets: Tensor
    bad: tuple[BadRow, ...]

    def without_bad(self: T) -> T:
        """The usable rows."""
        bad = {b.row for b in self.bad}
        keep = [i for i, row in enumerate(self.rows.tolist()) if row not in bad]
        kept: dict[str, Any] = {"bad": ()}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, Tensor):
                kept[field.name] = column[keep]
            elif isinstance(column, list):
                kept[field.name] = [column[i] for i in keep]
        return replace(self, **kept)


class MoleculeDataModule(SymmetryDataModule):
    """Base of datamodules whose batches are token ids, targets and row numbers.

    A subclass reads a table and splits it; it may choose the order of training. After ``setup``
    all rows that were left out are in ``bad_rows``, with their numbers and reasons.

    Args:
        on_invalid: what to do about rows that cannot be used: ``raise`` or ``drop``, with a
            warning that states the count.
        representation: how tokens spell molecules.
        max_length: L, symbols a molecule may have, fragments counting as one; a longer one
            cannot be used. Null for the length of the longest.
        fragments: learned fragments that join symbols which often stand together; 0 for none.
            They are learned from training molecules alone, by byte-pair encoding.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for an unknown choice, or fragments of a representation that has a mask.
    """

    targets_option: ClassVar[str]
    """The option that names the targets, for messages."""
    samples: ClassVar[str] = "molecules"
    """What is trained on, for messages."""

    def __init__(
        self,
        on_invalid: Literal["raise", "drop"] = "raise",
        representation: str = "deepsmiles",
        max_length: int | None = None,
        fragments: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_at_least(1, max_length=max_length)
        check_at_least(0, fragments=fragments)
        self.language = make_representation(representation)
        if fragments and type(self.language).mask is not Representation.mask:
            raise ValueError(
                f"data.fragments is {fragments}, but {self.language.title} is decoded symbol by "
                "symbol under a mask: set data.fragments to 0 or choose another representation"
            )
        self.on_invalid = on_invalid
        self.max_length = max_length
        self.fragments = fragments
        self.bad_rows: tuple[BadRow, ...] = ()
        self._loaded: tuple[TokenDataset, Splits, DataDescription] | None = None

    @abstractmethod
    def _read(self) -> tuple[MoleculeTable, list[str], list[str]]:
        """The table, and names and units of its targets."""

    @abstractmethod
    def _split(self, table: Any) -> Splits:
        """Split the usable rows."""

    @property
    def description(self) -> DataDescription:
        """Vocabulary, targets with units, and their standardisation."""
        return self._get()[2]

    def setup(self, stage: str | None = None) -> None:
        """Read the table, split it, and standardise the targets; once, whatever the stage."""
        if self._loaded is not None:
            return
        table, names, units = self._read()
        table = self._usable(table)
        splits = self._split(table)
        sequences = map(self.language.split, table.texts)
        if self.fragments:
            vocabulary, tokens = self._join(*tokenise(sequences), splits.pool)
            table, tokens, splits = self._fitting(table, tokens, splits)
        else:
            vocabulary, tokens = tokenise(sequences, self.max_length)
        option = f"data.{self.targets_option}"
        scaled = standardised(table.targets, splits.train, names, option, self.samples)
        description = DataDescription(
            "tokens",
            (tokens.shape[1],),
            tuple(names),
            tuple(units),
            scaled.mean,
            scaled.scale,
            vocabulary.symbols,
            self.language.name,
            {"split": self.split_identity},
        )
        y = scaled.y.to(torch.get_default_dtype())
        self._loaded = TokenDataset(tokens, y, table.rows), splits, description

    @property
    def training_set(self) -> TokenDataset:
        """The training molecules, without those of a pre-training."""
        found: TokenDataset = self.split("train")
        return found

    def make_split(self, name: str) -> TokenDataset:
        """The training, validation or test molecules."""
        data, splits, _ = self._get()
        return data.subset(getattr(splits, name))

    def _get(self) -> tuple[TokenDataset, Splits, DataDescription]:
        if self._loaded is None:
            raise RuntimeError(f"call setup() of the {type(self).__name__} first")
        return self._loaded

    def _usable(self, table: T) -> T:
        """The table without its unusable rows, as far as they are known before it is split."""
        self.bad_rows = ()
        bad = list(table.bad)
        if not self.fragments:
            bad += self._too_long(table, lambda i: len(self.language.split(table.texts[i])))
        return self._without(table, bad)

    def _join(
        self, vocabulary: Vocabulary, tokens: Tensor, pool: Tensor
    ) -> tuple[Vocabulary, Tensor]:
        """Learn fragments from the pool, and join the symbols of all rows."""
        room = MOST_SYMBOLS - len(vocabulary)
        if self.fragments > room:
            raise ValueError(
                f"data.fragments is {self.fragments}, but {len(vocabulary)} symbols leave room for "
                f"{room}"
            )
        generator = torch.Generator().manual_seed(self.split_seed)
        rows = pool[torch.randperm(len(pool), generator=generator)[:_LEARNED_FROM]]
        return join_tokens(vocabulary, tokens, rows, self.fragments)

    def _fitting(self, table: T, tokens: Tensor, splits: Splits) -> tuple[T, Tensor, Splits]:
        """The rows that are short enough once joined, with ids ``(N, max_length)``."""
        if self.max_length is None:
            return table, tokens, splits
        lengths = (tokens > 0).sum(1)
        long = self._too_long(table, lengths.tolist().__getitem__)
        kept = lengths <= self.max_length
        splits = splits.among(kept)
        table = self._without(table, long)
        for name, rows in zip(("training", "validation", "test"), splits, strict=False):
            if not len(rows):
                raise ValueError(f"data.max_length={self.max_length} leaves the {name} set empty")
        return table, F.pad(tokens[kept], (0, self.max_length - tokens.shape[1])), splits

    def _without(self, table: T, bad: Sequence[BadRow]) -> T:
        """The table without these rows, or an error that names them."""
        if not bad:
            return table
        bad = sorted(bad, key=lambda b: b.row)
        self.bad_rows = tuple(sorted((*self.bad_rows, *bad), key=lambda b: b.row))
        found = f"{table.path}: {summarise_bad_rows(bad)}"
        if len(bad) == len(table.rows):
            raise ValueError(f"{found}: no row is left")
        if self.on_invalid == "raise":
            raise ValueError(f"{found} (set data.on_invalid to drop to leave them out)")
        warnings.warn(f"{found}; left out", stacklevel=4)
        return replace(table, bad=tuple(bad)).without_bad()

    def _too_long(self, table: MoleculeTable, length: Callable[[int], int]) -> list[BadRow]:
        """Rows with more symbols than allowed, by their positions in the table."""
        if self.max_length is None:
            return []
        bad = {b.row for b in table.bad}
        joined = " after joining" if self.fragments else ""
        limit = f"symbols{joined}, more than data.max_length={self.max_length}"
        return [
            BadRow(row, smiles, f"{found} {limit}")
            for i, (row, smiles) in enumerate(zip(table.rows.tolist(), table.smiles, strict=True))
            if row not in bad and (found := length(i)) > self.max_length
        ]


def unless(
    rows: Tensor, molecule: Mapping[int, str | None] | Sequence[str | None], held: set[str | None]
) -> Tensor:
    """Those of ``rows`` whose molecule is not in ``held``."""
    return rows[torch.tensor([molecule[i] not in held for i in rows.tolist()], dtype=torch.bool)]

"""What the datamodules of molecules share: tables, tokens, and targets in standard units."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import BatchDataset, SymmetryDataModule
from symmetry_pl.core.description import DataDescription
from symmetry_pl.molecules import BadRow, Vocabulary, summarise_bad_rows
from symmetry_pl.molecules import representation as make_representation

__all__ = [
    "MoleculeDataModule",
    "MoleculeTable",
    "Splits",
    "TokenDataset",
    "tokenise",
    "unless",
]

T = TypeVar("T", bound="MoleculeTable")


class TokenDataset(BatchDataset):
    """Rows of token ids and targets; ``__getitems__`` makes a whole batch at once.

    Args:
        tokens: ids ``(N, L)``, any integer type.
        y: targets ``(N, t)``.
        rows: row numbers in the source ``(N,)``.
    """

    def __init__(self, tokens: Tensor, y: Tensor, rows: Tensor) -> None:
        self.tokens, self.y, self.rows = tokens, y, rows

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids ``(B, L)`` as int64, targets ``(B, t)`` and row numbers ``(B,)``."""
        i = torch.as_tensor(indices, dtype=torch.int64)
        return self.tokens[i].long(), self.y[i], self.rows[i]

    def subset(self, indices: Tensor) -> TokenDataset:
        """The dataset of some of the rows."""
        return TokenDataset(self.tokens[indices], self.y[indices], self.rows[indices])


class Splits(NamedTuple):
    """Positions in the table: disjoint, and disjoint as molecules.

    Args:
        train: what is trained on.
        val: validation set.
        test: test set.
        pool: what pre-training may use, the training set included.
    """

    train: Tensor
    val: Tensor
    test: Tensor
    pool: Tensor


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
        root: see ``SymmetryDataModule``, as the next four.
        batch_size: molecules a step and process.
        eval_batch_size: molecules a step in evaluation.
        num_workers: loader processes.
        split_seed: seed of the splits and of the order of training.
        on_invalid: what to do about rows that cannot be used: ``raise`` or ``drop``, with a
            warning that states the count.
        representation: how tokens spell molecules.
        max_length: L, symbols a molecule may have; a longer one cannot be used. Null for the
            length of the longest.

    Raises:
        ValueError: for an unknown choice.
    """

    targets_option: ClassVar[str]
    """The option that names the targets, for messages."""
    samples: ClassVar[str] = "molecules"
    """What is trained on, for messages."""

    def __init__(
        self,
        root: str | None,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int,
        split_seed: int,
        on_invalid: Literal["raise", "drop"],
        representation: str,
        max_length: int | None = None,
    ) -> None:
        super().__init__(root, batch_size, eval_batch_size, num_workers, split_seed)
        if on_invalid not in ("raise", "drop"):
            raise ValueError(f"data.on_invalid must be raise or drop, got {on_invalid!r}")
        if max_length is not None and max_length < 1:
            raise ValueError(f"data.max_length is {max_length}, less than 1")
        self.language = make_representation(representation)
        self.on_invalid = on_invalid
        self.max_length = max_length
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
        vocabulary, tokens = tokenise(map(self.language.split, table.texts), self.max_length)
        mean = table.targets[splits.train].mean(0)
        scale = table.targets[splits.train].std(0, unbiased=False)
        for name, value in zip(names, scale.tolist(), strict=True):
            if not value > 0:
                raise ValueError(
                    f"data.{self.targets_option}: {name} is the same for all training "
                    f"{self.samples}"
                )
        description = DataDescription(
            "tokens",
            (tokens.shape[1],),
            tuple(names),
            tuple(units),
            tuple(mean.tolist()),
            tuple(scale.tolist()),
            vocabulary.symbols,
            self.language.name,
        )
        y = ((table.targets - mean) / scale).to(torch.get_default_dtype())
        self._loaded = TokenDataset(tokens, y, table.rows), splits, description

    @property
    def training_set(self) -> TokenDataset:
        """The training molecules, without those of a pre-training."""
        data, splits, _ = self._get()
        return data.subset(splits.train)

    def train_dataloader(self) -> DataLoader[Any]:
        """The training set, in an order that the epoch decides."""
        return self._loader(self.training_set, shuffle=True, train=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation set."""
        data, splits, _ = self._get()
        return self._loader(data.subset(splits.val))

    def test_dataloader(self) -> DataLoader[Any]:
        """The test set."""
        data, splits, _ = self._get()
        return self._loader(data.subset(splits.test))

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test set."""
        return self.test_dataloader()

    def _get(self) -> tuple[TokenDataset, Splits, DataDescription]:
        if self._loaded is None:
            raise RuntimeError(f"call setup() of the {type(self).__name__} first")
        return self._loaded

    def _usable(self, table: T) -> T:
        """The table without its unusable rows, or an error that names them."""
        bad = sorted((*table.bad, *self._too_long(table)), key=lambda b: b.row)
        if not bad:
            return table
        self.bad_rows = tuple(bad)
        found = f"{table.path}: {summarise_bad_rows(bad)}"
        if len(bad) == len(table.rows):
            raise ValueError(f"{found}: no row is left")
        if self.on_invalid == "raise":
            raise ValueError(f"{found} (set data.on_invalid to drop to leave them out)")
        warnings.warn(f"{found}; left out", stacklevel=3)
        return replace(table, bad=tuple(bad)).without_bad()

    def _too_long(self, table: MoleculeTable) -> list[BadRow]:
        if self.max_length is None:
            return []
        bad = {b.row for b in table.bad}
        return [
            BadRow(row, smiles, f"{length} symbols, more than data.max_length={self.max_length}")
            for row, smiles, text in zip(
                table.rows.tolist(), table.smiles, table.texts, strict=True
            )
            if row not in bad and (length := len(self.language.split(text))) > self.max_length
        ]


def tokenise(
    sequences: Iterable[Sequence[str]], max_length: int | None = None
) -> tuple[Vocabulary, Tensor]:
    """The vocabulary of some sequences and their ids ``(N, L)``, in one pass.

    L is ``max_length``, which no sequence may exceed, or the length of the longest. The result is
    that of ``Vocabulary.from_sequences`` and ``encode``, without all symbols in memory.

    Example:
        >>> vocabulary, ids = tokenise([["C", "O"], ["C"]])
        >>> vocabulary.symbols, ids.tolist()
        (('', 'C', 'O'), [[1, 2], [1, 0]])
    """
    seen: dict[str, int] = {}
    flat, lengths = array("H"), array("L")
    for sequence in sequences:
        flat.extend([seen.setdefault(symbol, len(seen)) for symbol in sequence])
        lengths.append(len(sequence))
    vocabulary = Vocabulary(["", *sorted(seen)])
    final = np.array([vocabulary.symbols.index(symbol) for symbol in seen], dtype=np.uint8)
    counts = np.asarray(lengths)
    ids = np.zeros((len(counts), max_length or counts.max()), dtype=np.uint8)
    ids[np.arange(ids.shape[1]) < counts[:, None]] = final[np.frombuffer(flat, dtype=np.uint16)]
    return vocabulary, torch.from_numpy(ids)


def unless(
    rows: Tensor, molecule: Mapping[int, str | None] | Sequence[str | None], held: set[str | None]
) -> Tensor:
    """Those of ``rows`` whose molecule is not in ``held``."""
    return rows[torch.tensor([molecule[i] not in held for i in rows.tolist()], dtype=torch.bool)]

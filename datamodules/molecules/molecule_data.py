"""What the datamodules of molecules share: tables, tokens, and targets in standard units."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

import torch
import torch.nn.functional as F
from rdkit import rdBase
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow, RefusedRows, summarise_bad_rows
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable, Splits
from symmetry_pl.datamodules.molecules.tokens import (
    TokenDataset,
    join_as,
    join_tokens,
    known_tokens,
    tokenise,
)
from symmetry_pl.datamodules.options import check_at_least, check_choice, check_kind
from symmetry_pl.datamodules.targets import standardised
from symmetry_pl.molecules import Representation, Vocabulary, summarise_changes
from symmetry_pl.molecules import representation as make_representation
from symmetry_pl.molecules.fragments import MOST_SYMBOLS

__all__ = ["MoleculeDataModule"]

T = TypeVar("T", bound=MoleculeTable)

_LEARNED_FROM = 60_000  # molecules; more of them find the same frequent pairs


class MoleculeDataModule(SymmetryDataModule):
    """Base of datamodules whose batches are token ids, targets and row numbers.

    A subclass reads a table and splits it; it may choose the order of training. After ``setup``
    all rows that were left out are in ``bad_rows``, with their numbers and reasons.

    A molecule has one spelling, however its row writes it: see ``molecules.standardise``, which
    says what becomes of salts, isotopes, atom maps, charges and dummy atoms, too. How many
    molecules were changed is in ``changes``, and in a warning.

    The vocabulary, and the length of a molecule where ``max_length`` is null, are those of training
    molecules alone. A validation or test molecule with another symbol, or a longer one, is left out
    of its set, with a warning that states the count.

    Args:
        on_invalid: what to do about rows that cannot be used: ``raise`` or ``drop``, with a
            warning that states the count.
        representation: how tokens spell molecules.
        max_length: L, symbols a molecule may have, fragments counting as one; a longer one
            cannot be used. Null for the length of the longest training molecule.
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
    smiles_column: str = "smiles"
    """Name of the column of molecules."""

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
        self.changes: Counter[str] = Counter()
        self._loaded: tuple[TokenDataset, Splits, DataDescription] | None = None
        self._continued: dict[str, Any] | None = None  # symbols and length of a model before

    def continue_from(self, description: DataDescription) -> None:
        """Spell molecules as another model's were: language, symbols and fragments.

        Symbols of training molecules that it lacks are added to its vocabulary, and L is its own,
        or that of a longer training molecule.

        Args:
            description: the ``data`` of that model.

        Raises:
            ValueError: if they are not molecules, or an option asks for other fragments.
        """
        check_kind(description, "tokens", "not on molecules", "the model to start from")
        if self.fragments:
            raise ValueError(
                f"data.fragments is {self.fragments}, but fragments are those of the model to "
                "start from: set it to 0"
            )
        self.language = make_representation(description.representation)
        self._continued = {"symbols": list(description.symbols), "length": description.x_shape[0]}

    def continue_as(self, description: DataDescription) -> None:
        """Spell molecules as for a model that was itself started from another."""
        self._continued = description.extra.get("continued")
        if self._continued is not None:
            self.fragments = 0
            self.language = make_representation(description.representation)

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
        try:
            table, names, units = self._read()
        except RefusedRows as refused:
            self.bad_rows = refused.rows
            raise
        table = self._usable(table)
        splits = self._split(table)
        vocabulary, tokens = tokenise(map(self.language.split, table.texts))
        # what is held out says nothing of the vocabulary, nor of how long a molecule may be
        found = vocabulary
        before = Vocabulary(self._continued["symbols"]) if self._continued else None
        vocabulary, tokens, strange = known_tokens(vocabulary, tokens, splits.pool, before)
        table, tokens, splits = self._readable(
            table, tokens, splits, strange == 0,
            lambda i: f"no training molecule has the symbol {found.symbols[strange[i]]!r}",
        )  # fmt: skip
        if before is not None and before.merges:
            vocabulary, tokens = join_as(vocabulary, tokens, before)
        elif self.fragments:
            vocabulary, tokens = self._join(vocabulary, tokens, splits.pool)
        table, tokens, splits = self._fitting(table, tokens, splits)
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
            {
                "split": self.split_identity,
                "rdkit": rdBase.rdkitVersion,
                "continued": self._continued,
            },
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
        changed = summarise_changes(self.changes)
        if changed:
            warnings.warn(f"{table.path}: {changed}", stacklevel=4)
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
        """The rows that are short enough, fragments joined, with ids ``(N, L)``."""
        lengths = (tokens > 0).sum(1)
        if self.max_length is None:
            most = int(lengths[splits.pool].max())
            if self._continued:
                most = max(most, self._continued["length"])
                tokens = F.pad(tokens, (0, max(0, most - tokens.shape[1])))
            table, tokens, splits = self._readable(
                table, tokens, splits, lengths <= most,
                lambda i: f"{lengths[i]} symbols, more than the {most} of any training molecule",
            )  # fmt: skip
            return table, tokens[:, :most], splits
        if self.fragments:  # else they have been left out before the rows were split
            long = self._too_long(table, lengths.tolist().__getitem__)
            kept = lengths <= self.max_length
            splits, table, tokens = splits.among(kept), self._without(table, long), tokens[kept]
            self._check_sets(splits, f"data.max_length={self.max_length} leaves")
        return table, F.pad(tokens, (0, self.max_length - tokens.shape[1])), splits

    def _readable(
        self,
        table: T,
        tokens: Tensor,
        splits: Splits,
        readable: Tensor,
        reason: Callable[[int], str],
    ) -> tuple[T, Tensor, Splits]:
        """The rows that a model of the training molecules can read, with a warning of the others.

        They are left out whatever ``on_invalid`` says: such a model gives them no code.

        Args:
            table: the usable rows.
            tokens: their ids ``(N, L)``.
            splits: their sets; all of ``pool`` can be read.
            readable: which rows can be read ``(N,)``.
            reason: why the row at a position cannot.
        """
        if bool(readable.all()):
            return table, tokens, splits
        bad = [
            self._of_molecule(int(table.rows[i]), table.smiles[i], reason(i))
            for i in (~readable).nonzero()[:, 0].tolist()
        ]
        self.bad_rows = tuple(sorted((*self.bad_rows, *bad), key=lambda b: b.row))
        lost = {"validation": splits.val, "test": splits.test}
        counts = [
            f"{n} of the {k} set" for k, v in lost.items() if (n := int((~readable[v]).sum()))
        ]
        if counts:  # else they are further spellings of held-out molecules, in no set
            warnings.warn(
                f"{table.path}: {summarise_bad_rows(bad)}; left out, {' and '.join(counts)}: "
                "figures are of molecules that training can speak of",
                stacklevel=4,
            )
        kept = table.among(readable)
        splits = splits.among(readable)
        self._check_sets(splits, f"{table.path}: what no training molecule has leaves")
        return kept, tokens[readable], splits

    def _of_molecule(self, row: int, smiles: str, reason: str) -> BadRow:
        """A molecule that cannot be used."""
        return BadRow(row, smiles, reason, column=self.smiles_column)

    def _check_sets(self, splits: Splits, cause: str) -> None:
        """Refuse an empty set."""
        for name, rows in zip(("training", "validation", "test"), splits, strict=False):
            if not len(rows):
                raise ValueError(f"{cause} the {name} set empty")

    def _without(self, table: T, bad: Sequence[BadRow]) -> T:
        """The table without these rows, or an error that names them."""
        if not bad:
            return table
        bad = sorted(bad, key=lambda b: b.row)
        self.bad_rows = tuple(sorted((*self.bad_rows, *bad), key=lambda b: b.row))
        found = f"{table.path}: {summarise_bad_rows(bad)}"
        if len({fault.row for fault in bad}) == len(table.rows):
            raise RefusedRows(f"{found}: no row is left", bad)
        if self.on_invalid == "raise":
            raise RefusedRows(f"{found} (set data.on_invalid to drop to leave them out)", bad)
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
            self._of_molecule(row, smiles, f"{found} {limit}")
            for i, (row, smiles) in enumerate(zip(table.rows.tolist(), table.smiles, strict=True))
            if row not in bad and (found := length(i)) > self.max_length
        ]

"""Molecules whose properties nobody may know: a CSV file, spelled as a checkpoint's were."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from rdkit import rdBase
from torch import Tensor
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.csv_table import read_columns
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.datamodules.molecules.molecule_table import MoleculeTable, Splits
from symmetry_pl.datamodules.molecules.tokens import TokenDataset
from symmetry_pl.datamodules.options import check_csv, check_kind
from symmetry_pl.molecules import Representation, Vocabulary, representation, standardise

__all__ = ["PredictionCSVDataModule", "encode_smiles"]


@dataclass(frozen=True)
class _Table(MoleculeTable):
    """All rows, with their ids ``(N, L)`` in the adopted vocabulary."""

    tokens: Tensor


class PredictionCSVDataModule(MoleculeDataModule):
    """Every molecule of a CSV file, for a model that was trained on molecules of another file.

    Vocabulary, length and language are those of the model, whichever datamodule it was trained
    with; no property is needed, and columns of properties are not read. ``symmetry predict`` takes
    them from the checkpoint; in Python, ``adopt`` the model's ``data``.

    Batches are ids ``(B, L)``, no targets ``(B, 0)``, and row numbers ``(B,)``, from 0 at the first
    row of data. A molecule with a symbol that the model has never seen, or with more symbols than
    it has positions, is an unusable row.

    Args:
        path: the file, gzipped or not, with a header.
        smiles_column: name of the column of molecules.
        id_column: name of a column that is carried into predictions as it stands.
        delimiter: what stands between two fields; null to find it: a comma, a semicolon, a tab or a
            bar.
        on_invalid: what to do about rows that cannot be used (no molecule, none that the model can
            read, another number of fields than the header): ``raise`` or ``drop``, with a warning
            that states the count. ``bad_rows`` has them all.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a missing column, an empty file, an option out of range, unusable rows, or
            a model that was not trained on molecules.
    """

    def __init__(
        self,
        path: str,
        smiles_column: str = "smiles",
        id_column: str | None = None,
        delimiter: str | None = None,
        on_invalid: Literal["raise", "drop"] = "raise",
        **kwargs: Any,
    ) -> None:
        super().__init__(on_invalid, **kwargs)
        check_csv(delimiter)
        self.path = Path(path).expanduser()
        self.smiles_column, self.id_column = smiles_column, id_column
        self._told: dict[str, list[str]] = {}
        self.delimiter = delimiter
        self._adopted: DataDescription | None = None

    @property
    def gives_targets(self) -> bool:
        """There are none, though the model's data had some."""
        return False

    @property
    def own_file(self) -> Path:
        """The file."""
        return self.path

    def adopt(self, description: DataDescription) -> None:
        """Spell molecules as a model reads them.

        Args:
            description: the ``data`` of the model.

        Raises:
            ValueError: if they are not molecules.
        """
        check_kind(description, "tokens", "not on molecules")
        self.language = representation(description.representation)
        speller = description.extra.get("rdkit")
        if speller != rdBase.rdkitVersion:
            was = "as their file wrote them" if speller is None else f"as RDKit {speller} does"
            warnings.warn(
                f"the model was trained on molecules spelled {was}, and here RDKit "
                f"{rdBase.rdkitVersion} spells them: predictions may be worse",
                stacklevel=2,
            )
        self._adopted, self._loaded = description, None

    def setup(self, stage: str | None = None) -> None:
        """Read and spell the molecules, once.

        Raises:
            ValueError: if no model has said how.
        """
        if self._loaded is not None:
            return
        if self._adopted is None:
            raise ValueError(
                "PredictionCSVDataModule gives molecules to predict, in the vocabulary of a model "
                "that was trained on others: use it with symmetry predict --ckpt_path CHECKPOINT"
            )
        table = self._usable(self._read()[0])
        data = TokenDataset(table.tokens, table.targets, table.rows)
        self._loaded = data, self._split(table), self._adopted

    def predict_dataloader(self) -> DataLoader[Any]:
        """All molecules in the order of the file; several processes repeat none."""
        data = self._get()[0]
        if len(data) < self.world_size:
            raise ValueError(
                f"{self.path} has {len(data)} molecules for {self.world_size} processes: set "
                "trainer.devices to 1"
            )
        sampler = UnrepeatedDistributedSampler(
            data, num_replicas=self.world_size, rank=self.rank, shuffle=False
        )
        return self._loader(data, sampler=sampler)

    def row_columns(self, rows: Tensor) -> dict[str, list[Any]]:
        """IDs of these rows, if there are any, and their molecules as the file writes them."""
        return {name: [texts[i] for i in rows.tolist()] for name, texts in self._told.items()}

    def _read(self) -> tuple[_Table, list[str], list[str]]:
        assert self._adopted is not None
        columns = {"smiles_column": [self.smiles_column]}
        if self.id_column is not None:
            columns["id_column"] = [self.id_column]
        read = read_columns(self.path, columns, self.delimiter)
        smiles = [text.strip() for text in read.columns[self.smiles_column]]
        self._told = {"as_written": smiles}
        if self.id_column is not None:
            self._told = {"id": read.columns[self.id_column], **self._told}
        vocabulary, length = Vocabulary(self._adopted.symbols), self._adopted.x_shape[0]
        tokens = torch.zeros(len(smiles), length, dtype=vocabulary.dtype)
        texts = [""] * len(smiles)
        bad = {b.row: b for b in read.ragged}
        self.changes.clear()
        for row, text in enumerate(smiles):
            if row not in bad:
                try:
                    found = encode_smiles(text, self.language, vocabulary, length)
                    tokens[row], symbols, changes = found
                    self.changes.update(changes)
                    texts[row] = self.language.text(symbols)
                except ValueError as error:
                    bad[row] = read.bad_row(row, text, str(error), self.smiles_column)
        rows, none = torch.arange(len(smiles)), torch.zeros(len(smiles), 0)
        return _Table(self.path, rows, smiles, texts, none, tuple(bad.values()), tokens), [], []

    def _split(self, table: _Table) -> Splits:
        """All of them are predicted."""
        every = torch.arange(len(table.rows))
        return Splits(every[:0], every[:0], every, every[:0])


def encode_smiles(
    smiles: str, language: Representation, vocabulary: Vocabulary, length: int
) -> tuple[Tensor, list[str], tuple[str, ...]]:
    """Ids ``(L,)`` of one molecule as a model reads it, its symbols, and what was changed.

    Args:
        smiles: the molecule, however it is written.
        language: what spells it.
        vocabulary: of the model.
        length: L, positions of the model.

    Raises:
        ValueError: saying why the model cannot read it.
    """
    canonical, changes = standardise(smiles)
    symbols = language.spell(canonical)
    return _encode(vocabulary, symbols, length), symbols, changes


def _encode(vocabulary: Vocabulary, symbols: list[str], length: int) -> Tensor:
    """Ids ``(L,)`` of one molecule, or a ``ValueError`` that says why the model cannot read it."""
    try:
        return vocabulary.encode([symbols], length)[0]
    except ValueError:
        known = {part for symbol in vocabulary.symbols for part in symbol.split()}
        strange = next((symbol for symbol in symbols if symbol not in known), None)
        if strange is not None:
            reason = f"the model has never seen the symbol {strange!r}"
        else:
            reason = f"too long for the {length} positions of the model"
        raise ValueError(reason) from None

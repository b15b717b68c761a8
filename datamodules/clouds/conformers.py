"""Molecules in space: conformers in their own axes, turned by a hidden subgroup."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import rdkit
import torch
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow, RefusedRows, summarise_bad_rows
from symmetry_pl.datamodules.clouds.cloud_data import padded
from symmetry_pl.datamodules.clouds.molecule_shapes import (
    conformer,
    part_of,
    shape_from,
    shape_text,
)
from symmetry_pl.datamodules.clouds.turned_clouds import TurnedCloudsDataModule
from symmetry_pl.datamodules.files.csv_table import read_columns
from symmetry_pl.datamodules.files.derived import DerivedColumns, cache_root
from symmetry_pl.datamodules.files.download import sha256_of, user_file
from symmetry_pl.datamodules.options import check_at_least, check_choice

__all__ = ["ConformerDataModule"]

Array = npt.NDArray[np.float64]

_ROWS = 8192  # of a file at once


class ConformerDataModule(TurnedCloudsDataModule):
    """Conformers of molecules (RDKit's ETKDG), in their own axes and then turned by a subgroup.

    A molecule's own axes are the principal axes of its heavy atoms, those of the most and the
    second most variance along x and y, each pointing to where the third moment is positive. With a
    scaffold they are those of a part that all molecules share: x from the first to the second atom
    of its pattern, y towards the third; other molecules are passed over.
    Molecules without conformer, with fewer than 4 heavy atoms or with all of them in a line are
    faults of their row. Clouds are of heavy atoms, in Å, in the order of the SMILES.

    Args:
        path: a CSV file with a column of SMILES, as it is or within ``root``.
        column: its name.
        smiles: SMILES in place of a file.
        limit: number of molecules, the first of the file; null for all.
        scaffold: SMARTS of the part, such as ``O=C[NX3]``; molecules that have it once are taken.
        cache: folder where conformers of a file are kept; null for
            ``~/.cache/symmetry_pl/derived``.
        once: whether each molecule is seen once; it is then in one set only, and ``samples`` and
            ``eval_samples`` say how many of them each set has. If not, clouds are of any of them.
        on_invalid: what to do about molecules without such a conformer: ``raise`` or ``drop``, with
            a warning. ``bad_rows`` has them all.
        kwargs: options of ``TurnedCloudsDataModule``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for molecules or an option that cannot be used, in one sentence.

    >>> data = ConformerDataModule(smiles=["CC(O)C(N)=O"], group="C2", samples=8, eval_samples=8)
    >>> data.setup()
    >>> data.description.x_shape
    (6, 3)
    """

    def __init__(
        self,
        path: str = "",
        column: str = "smiles",
        smiles: list[str] = [],  # noqa: B006 (jsonargparse shows it)
        limit: int | None = None,
        scaffold: str = "",
        cache: str | None = None,
        once: bool = False,
        on_invalid: Literal["raise", "drop"] = "raise",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_at_least(1, limit=limit)
        if bool(path) == bool(smiles):
            raise ValueError("give molecules by one of data.path and data.smiles")
        self.path, self.column, self.smiles = str(path), column, list(smiles)
        self.limit, self.once, self.on_invalid = limit, once, on_invalid
        self.scaffold, self.cache = scaffold, cache
        if scaffold:
            part_of(scaffold)

    @property
    def own_file(self) -> Path | None:
        """The file; None where molecules are given as a list."""
        return Path(self.path).expanduser() if self.path else None

    def base_shapes(self) -> Tensor:
        """Conformers ``(S, n, 3)`` in their own axes, NaN behind the last atom of each."""
        smiles, lines, shapes = self._source()
        found: list[Array] = []
        faults: list[BadRow] = []
        for row, made in enumerate(shapes):
            if len(found) + len(faults) == self.limit:
                break
            if isinstance(made, str):
                faults.append(BadRow(row, smiles[row], made, lines[row] if lines else None))
            elif made is not None:
                found.append(made)
        self.bad_rows = tuple(faults)
        if faults:
            where = f"{self.path or 'data.smiles'}: {summarise_bad_rows(faults)}"
            if self.on_invalid == "raise" or not found:
                raise RefusedRows(
                    f"{where}; set data.on_invalid to drop to leave them out", self.bad_rows
                )
            warnings.warn(f"{where}; left out", stacklevel=3)
        if not found:
            raise ValueError(
                f"{self.path or 'data.smiles'}: no molecule has the part {self.scaffold!r} "
                "(data.scaffold) exactly once"
            )
        self._check_count(len(found))
        return torch.from_numpy(padded(found))

    def chosen(self, name: str, places: npt.NDArray[np.int64], shapes: int) -> Tensor:
        """Any molecule; or with ``once`` the next ones of the set's own."""
        if not self.once:
            return super().chosen(name, places, shapes)
        order = torch.randperm(shapes, generator=torch.Generator().manual_seed(self.split_seed))
        sizes = [self.samples[split] for split in ("train", "val", "test")]
        start = {"train": 0, "val": sizes[0], "test": sizes[0] + sizes[1]}[name]
        # a chunk is drawn as a whole: what lies beyond the set is cut off
        within = np.minimum(places, self.samples[name] - 1)
        return order[torch.from_numpy(start + within)]

    def _check_count(self, count: int) -> None:
        wanted = sum(self.samples.values())
        if self.once and count < wanted:
            raise ValueError(
                f"there are {count} molecules, and data.samples and data.eval_samples ask for "
                f"{wanted}, each seen once"
            )

    def _source(self) -> tuple[list[str], Sequence[int], Iterator[Array | str | None]]:
        """SMILES, the line of each in a file, and what ``conformer`` gives for them in turn."""
        if self.smiles:
            made = (conformer(text, scaffold=self.scaffold) for text in self.smiles)
            return self.smiles, (), made
        path = user_file(self.path, self.root, "data.path")
        table = read_columns(path, {"column": [self.column]})
        smiles = table.columns[self.column]
        known = DerivedColumns(
            cache_root(self.cache), sha256_of(path, uncompressed=True), len(smiles)
        )
        return smiles, table.lines, self._kept(known, smiles)

    def _kept(self, known: DerivedColumns, smiles: list[str]) -> Iterator[Array | str | None]:
        """Conformers of a file, computed where they are not known, some rows at a time."""
        part = hashlib.sha256(f"{self.column} {self.scaffold}".encode()).hexdigest()[:12]
        name = f"conformer-{part}-rdkit-{rdkit.__version__}"

        def compute(row: int) -> str:
            return shape_text(conformer(smiles[row], scaffold=self.scaffold))

        step = min(self.limit or _ROWS, _ROWS)
        for start in range(0, len(smiles), step):
            rows = range(start, min(start + step, len(smiles)))
            texts = known.column(name, rows, compute)
            yield from (shape_from(texts[row]) for row in rows)

"""Molecules in space: conformers in their own axes, turned by a hidden subgroup."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow, RefusedRows, summarise_bad_rows
from symmetry_pl.datamodules.clouds.cloud_data import padded
from symmetry_pl.datamodules.clouds.turned_clouds import TurnedCloudsDataModule
from symmetry_pl.datamodules.files.csv_table import read_columns
from symmetry_pl.datamodules.files.download import user_file
from symmetry_pl.datamodules.options import check_at_least, check_choice

__all__ = ["ConformerDataModule", "conformer", "own_axes"]

Array = npt.NDArray[np.float64]


class ConformerDataModule(TurnedCloudsDataModule):
    """Conformers of molecules (RDKit's ETKDG), in their own axes and then turned by a subgroup.

    A molecule's own axes are the principal axes of its heavy atoms, those of the most and the
    second most variance along x and y, each pointing to where the third moment is positive.
    Molecules without conformer, with fewer than 4 heavy atoms or with all of them in a line are
    faults of their row. Clouds are of heavy atoms, in Å, in the order of the SMILES.

    Args:
        path: a CSV file with a column of SMILES, as it is or within ``root``.
        column: its name.
        smiles: SMILES in place of a file.
        limit: number of molecules, the first of the file; null for all.
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

    @property
    def own_file(self) -> Path | None:
        """The file; None where molecules are given as a list."""
        return Path(self.path).expanduser() if self.path else None

    def base_shapes(self) -> Tensor:
        """Conformers ``(S, n, 3)`` in their own axes, NaN behind the last atom of each."""
        smiles, lines = (self.smiles, ()) if self.smiles else self._read()
        found: list[Array] = []
        faults: list[BadRow] = []
        for row, text in enumerate(smiles[: self.limit]):
            made = conformer(text)
            if isinstance(made, str):
                faults.append(BadRow(row, text, made, lines[row] if lines else None))
            else:
                found.append(made)
        self.bad_rows = tuple(faults)
        if faults:
            where = f"{self.path or 'data.smiles'}: {summarise_bad_rows(faults)}"
            if self.on_invalid == "raise" or not found:
                raise RefusedRows(
                    f"{where}; set data.on_invalid to drop to leave them out", self.bad_rows
                )
            warnings.warn(f"{where}; left out", stacklevel=3)
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

    def _read(self) -> tuple[list[str], Sequence[int]]:
        """SMILES of the file, and the line of each."""
        path = user_file(self.path, self.root, "data.path")
        table = read_columns(path, {"column": [self.column]})
        return table.columns[self.column], table.lines


def conformer(smiles: str, seed: int = 0) -> Array | str:
    """Heavy atoms of a molecule in its own axes ``(n, 3)``, in Å; or in a clause why not.

    >>> conformer("CCO")
    'has 3 heavy atoms, and 4 are needed at least'
    """
    with rdBase.BlockLogs():
        molecule: Any = Chem.MolFromSmiles(smiles)
        if molecule is None:
            return "is no SMILES of a molecule"
        heavy = molecule.GetNumAtoms()
        if heavy < 4:
            return f"has {heavy} heavy atoms, and 4 are needed at least"
        whole = Chem.AddHs(molecule)
        if rdDistGeom.EmbedMolecule(whole, randomSeed=seed, maxAttempts=20) != 0:
            return "has no conformer that ETKDG finds"
        positions = np.asarray(whole.GetConformer().GetPositions(), float)[:heavy]
    turned = own_axes(positions)
    return "has its heavy atoms in a line" if turned is None else turned


def own_axes(positions: Array) -> Array | None:
    """Points ``(n, 3)`` about their mean along their principal axes; None where these are no three.

    The first two point to where the third moment is positive, the third is their cross product.
    """
    x = positions - positions.mean(0)
    _, singular, axes = np.linalg.svd(x, full_matrices=False)
    if singular[1] < 1e-2 * singular[0]:
        return None
    signs = np.where(((x @ axes[:2].T) ** 3).sum(0) < 0, -1.0, 1.0)
    first, second = axes[:2] * signs[:, None]
    turned: Array = x @ np.stack([first, second, np.cross(first, second)]).T
    return turned

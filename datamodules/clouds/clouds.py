"""Your own clouds of points: arrays, molecules, meshes and scans."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow, RefusedRows, summarise_bad_rows
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.clouds.cloud_data import (
    CloudDataset,
    fault_of,
    normalised,
    padded,
    thinned,
)
from symmetry_pl.datamodules.clouds.cloud_files import MESHES, MOLECULES, Clouds, read_folder
from symmetry_pl.datamodules.clouds.cloud_files import read_file as read_cloud_file
from symmetry_pl.datamodules.files.array_files import load_array
from symmetry_pl.datamodules.options import check_at_least, check_choice, check_kind, refuse_options
from symmetry_pl.datamodules.own_data import OwnDataModule, own_path
from symmetry_pl.datamodules.splits import check_fractions, random_split
from symmetry_pl.datamodules.targets import as_array

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["PointCloudDataModule"]

Array = npt.NDArray[np.float64]

_ARRAYS = (".npy", ".npz")


class PointCloudDataModule(OwnDataModule):
    """Clouds of points of your own: an array, molecules, meshes or scans.

    Batches are clouds ``(B, n, d)``, d = 2 or 3, NaN where a point is missing, no targets
    ``(B, 0)``, and row numbers ``(B,)``: places in the array, or in the sorted list of files
    (``names``). Validation and test sets are cut at random; prediction goes through all usable
    clouds in order. With the ``data`` of a model (``adopt``) clouds have its number of points, its
    centre and its scale.

    Args:
        path: a ``.npy`` or ``.npz`` file with an array ``(N, n, d)``, a file of molecules
            (``.xyz``, ``.sdf``, ``.mol``; all atoms), a mesh or scan (``.ply``, ``.off``, ``.obj``,
            ``.stl``; with the extra ``clouds``), or a folder of such files, which are read with
            those of its subfolders; as it is or within ``root``. Arrays in memory: see
            ``from_arrays``.
        key: which array of a ``.npz`` file; null where there is only one.
        mask: array ``(N, n)`` of the same file, 0 where a point is missing; null where NaN says so.
        points: n: so many points are drawn on the surface of a mesh, or from a cloud that has
            more; a cloud that has fewer is filled up with missing ones. Null for the largest
            number of a cloud, and the vertices of meshes.
        centre: subtract the mean of its points from each cloud.
        scale: divide each cloud by the root mean square radius of its points.
        val_fraction: share of the clouds that is the validation set.
        test_fraction: share of the clouds that is the test set; 0 for none.
        on_invalid: what to do about clouds that cannot be read, with infinite coordinates or too
            few points: ``raise`` or ``drop``, with a warning. ``bad_rows`` has them all.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: for clouds or an option that cannot be used, in one sentence.
    """

    split_options = ("split_seed", "val_fraction", "test_fraction")

    def __init__(
        self,
        path: str = "",
        key: str | None = None,
        mask: str | None = None,
        points: int | None = None,
        centre: bool = True,
        scale: bool = False,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_fractions(val_fraction, test_fraction)
        check_at_least(3, points=points)
        if not isinstance(path, (str, Path)):
            raise ValueError(
                f"data.path is a path, got a {type(path).__name__}: PointCloudDataModule."
                "from_arrays takes clouds in memory"
            )
        self.path = str(path)
        self.key, self.mask, self.points = key, mask, points
        self.centre, self.scale = centre, scale
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.on_invalid = on_invalid
        self.names: list[str] = []
        self._memory: Array | None = None
        self._clouds = torch.empty(0)

    @classmethod
    def from_arrays(cls, x: Any, mask: npt.ArrayLike | None = None, **options: Any) -> Self:
        """The same from memory.

        Args:
            x: clouds ``(N, n, d)``, or a list of N arrays ``(n_i, d)``; NaN where a point is
                missing.
            mask: ``(N, n)``, 0 where a point is missing; none by default.
            options: those of the class but ``path``, ``key`` and ``mask``.

        Raises:
            ValueError: for what are no clouds.

        >>> x = np.random.default_rng(0).normal(size=(40, 5, 3))
        >>> data = PointCloudDataModule.from_arrays(x)
        >>> data.setup()
        >>> data.description.kind, data.description.x_shape
        ('cloud', (5, 3))
        """
        refuse_options(options, ("path", "key", "mask"))
        if isinstance(x, (list, tuple)) and len({np.shape(part) for part in x}) > 1:
            x = padded([np.asarray(part, float) for part in x])
        made = cls(**options)
        made._memory = _masked(_clouds_in(as_array(x), "x"), mask, "mask")
        return made

    @property
    def own_file(self) -> Path | None:
        """The file or folder; None in memory."""
        return Path(self.path).expanduser() if self.path else None

    def check_model(self, description: DataDescription) -> None:
        """Refuse a model of what are no clouds."""
        check_kind(description, "cloud", "and PointCloudDataModule gives clouds of points")

    def adopt(self, description: DataDescription) -> None:
        """Read clouds as those that a model was trained on: their number of points and units.

        Raises:
            ValueError: if they are no clouds.
        """
        super().adopt(description)
        self.points = description.x_shape[0]
        self.centre = bool(description.extra.get("centre", self.centre))
        self.scale = bool(description.extra.get("scale", self.scale))

    def setup(self, stage: str | None = None) -> None:
        """Read the clouds, leave out unusable ones, and split them; once."""
        if self._description is not None:
            return
        where, clouds = self._read()
        rows = self._usable(clouds, where)
        whole = self._as_one_array(clouds, rows)
        self.names = clouds.names
        self._clouds = torch.from_numpy(whole).to(torch.get_default_dtype())
        if self._adopted is not None:
            self._follow(rows, where, self._adopted)
            return
        few = f"{where} has only {len(rows)} usable clouds"
        self._rows = random_split(rows, self.val_fraction, self.test_fraction, self.split_seed, few)
        extra = {"split": self.split_identity, "centre": self.centre, "scale": self.scale}
        self._description = DataDescription("cloud", whole.shape[1:], extra=extra)

    def make_split(self, name: str) -> CloudDataset:
        """The clouds of a name, or of ``"all"``."""
        if self._description is None:
            raise RuntimeError("call setup() of the PointCloudDataModule first")
        rows = torch.from_numpy(self._rows[name])
        return CloudDataset(self._clouds[rows], rows)

    def row_columns(self, rows: Tensor) -> dict[str, list[Any]]:
        """Names of these clouds' files, with the number of the molecule; of arrays, nothing."""
        named = bool(self.names) and self._memory is None and not self.path.endswith(_ARRAYS)
        return {"file": [self.names[row] for row in rows.tolist()]} if named else {}

    def _follow(self, rows: Any, where: str, model: DataDescription) -> None:
        """Check clouds against a model's; none are held out."""
        if tuple(self._clouds.shape[1:]) != tuple(model.x_shape):
            raise ValueError(
                f"{where} has clouds of shape {tuple(self._clouds.shape[1:])}, and the model was "
                f"trained on {tuple(model.x_shape)}"
            )
        self._rows = dict.fromkeys(("train", "val", "test", "all"), rows)
        self._description = model

    def _read(self) -> tuple[str, Clouds]:
        """Where clouds are from, and what is there."""
        if self._memory is not None:
            return "x", Clouds(list(self._memory), [str(i) for i in range(len(self._memory))], {})
        path = own_path(self.path, self.root, type(self).__name__)
        kind = path.suffix.lower()
        for name in ("key", "mask"):
            if getattr(self, name) is not None and kind != ".npz":
                raise ValueError(f"data.{name} is for .npz files, but {path} is none")
        if path.is_dir():
            return str(path), read_folder(path, self.points, self.split_seed)
        if kind in MOLECULES + MESHES:
            return str(path), read_cloud_file(path, self.points, self.split_seed)
        if kind not in _ARRAYS:
            known = ", ".join(_ARRAYS + MOLECULES + MESHES)
            raise ValueError(f"data.path must be a folder, or end in {known}, got {path}")
        array, where = load_array(path, self.key)
        clouds = _clouds_in(np.asarray(array), where)
        if self.mask is not None:
            clouds = _masked(clouds, *load_array(path, self.mask))
        return where, Clouds(list(clouds), [str(i) for i in range(len(clouds))], {})

    def _usable(self, clouds: Clouds, where: str) -> npt.NDArray[np.int64]:
        """Rows of clouds without fault, or an error that names the others."""
        bad = dict(clouds.bad)
        for row, cloud in enumerate(clouds.points):
            why = None if row in bad else fault_of(cloud)
            if why is not None:
                bad[row] = why
        self.bad_rows = tuple(BadRow(row, clouds.names[row], bad[row]) for row in sorted(bad))
        if bad:
            found = f"{where}: {summarise_bad_rows(self.bad_rows)}"
            if self.on_invalid == "raise" or len(bad) == len(clouds.points):
                raise RefusedRows(
                    f"{found}; set data.on_invalid to drop to leave such clouds out", self.bad_rows
                )
            warnings.warn(f"{found}; left out", stacklevel=4)
        return np.setdiff1d(np.arange(len(clouds.points)), list(bad))

    def _as_one_array(self, clouds: Clouds, rows: npt.NDArray[np.int64]) -> Array:
        """All clouds ``(N, n, d)`` in their units; unusable ones are missing as a whole."""
        n = self.points
        empty = np.empty((0, clouds.points[rows[0]].shape[1]))
        kept = [empty] * len(clouds.points)
        for row in rows.tolist():
            cloud = clouds.points[row]
            if n is not None and len(cloud) != n:
                there = cloud[~np.isnan(cloud).any(1)]
                cloud = thinned(there, n, self.split_seed + row)
            kept[row] = normalised(cloud, self.centre, self.scale)
        return padded(kept, n)


def _clouds_in(array: npt.NDArray[Any], where: str) -> Array:
    if array.dtype.kind not in "fiub" or array.ndim != 3 or array.shape[2] not in (2, 3):
        raise ValueError(
            f"{where} must be real numbers (N, n, 2) or (N, n, 3), got {array.dtype} of shape "
            f"{array.shape}"
        )
    return array.astype(np.float64)


def _masked(clouds: Array, mask: Any, where: str) -> Array:
    """Clouds with NaN where a mask is 0."""
    if mask is None:
        return clouds
    there = np.asarray(mask)
    if there.shape != clouds.shape[:2] or there.dtype.kind not in "fiub":
        raise ValueError(
            f"{where} must be a mask of shape {clouds.shape[:2]}, 0 where a point is missing, got "
            f"{there.dtype} of shape {there.shape}"
        )
    return np.where((there != 0)[..., None], clouds, np.nan)

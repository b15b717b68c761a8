"""Objects of ModelNet, from files that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.clouds.cloud_data import normalised
from symmetry_pl.datamodules.clouds.cloud_files import read_mesh
from symmetry_pl.datamodules.clouds.turned_clouds import TurnedCloudsDataModule
from symmetry_pl.datamodules.files.download import data_root
from symmetry_pl.datamodules.options import check_at_least

__all__ = ["ModelNetDataModule"]

_LAYOUTS = ("ModelNet10/*/train", "*/train", "raw/*/train", "train/*")


class ModelNetDataModule(TurnedCloudsDataModule):
    """Objects of ModelNet10, some of each class, turned by a subgroup of SO(3).

    As LieFlow has it (Chen et al., 2026): 10 objects a class of the training part, 128 points of
    each drawn once, so that points keep their order. Points are drawn on the surface; ``vertices``
    draws corners of the mesh instead, with repetition where there are too few, as the published
    code does. Each object is centred, with a root mean square radius of 1.

    The files must be there: ``<class>/train/<object>.off`` within ``root``, or within
    ``ModelNet10`` or ``raw`` there, or as
    ``train/<class>/<object>.off``. They are read with the extra ``clouds``.

    Args:
        root: folder of the classes, or with ``ModelNet10`` in it.
        per_class: objects a class, drawn with ``split_seed``.
        cloud_size: points of an object.
        vertices: whether points are corners of the mesh.
        kwargs: options of ``TurnedCloudsDataModule``.

    Raises:
        FileNotFoundError: if there are no such files.
        ValueError: for a file that cannot be read, in one sentence.
    """

    def __init__(
        self,
        root: str | None = None,
        per_class: int = 10,
        cloud_size: int = 128,
        vertices: bool = False,
        samples: int = 50_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(root=root, samples=samples, **kwargs)
        check_at_least(1, per_class=per_class)
        check_at_least(4, cloud_size=cloud_size)
        self.per_class, self.cloud_size, self.vertices = per_class, cloud_size, vertices
        self.names: list[str] = []

    def base_shapes(self) -> Tensor:
        """The objects ``(S, n, 3)``, class by class."""
        draws = np.random.default_rng(self.split_seed)
        found: list[npt.NDArray[np.float64]] = []
        for folder in self._classes():
            files = sorted(folder.glob("*.off"))
            kept = draws.permutation(len(files))[: self.per_class]
            for file in (files[i] for i in sorted(kept)):
                found.append(self._cloud(file, self.split_seed + len(found)))
                self.names.append(file.stem)
        return torch.from_numpy(np.stack(found))

    def _classes(self) -> list[Path]:
        """Folders of training objects, in the order of the classes."""
        base = data_root(self.root)
        for layout in _LAYOUTS:
            folders = sorted(f for f in base.glob(layout) if any(f.glob("*.off")))
            if folders:
                return folders
        raise FileNotFoundError(
            f"no object of ModelNet in {base}, such as ModelNet10/chair/train/chair_0001.off: set "
            "data.root to the folder that you unpacked it in"
        )

    def _cloud(self, file: Path, seed: int) -> npt.NDArray[np.float64]:
        """The points of an object ``(n, 3)``."""
        try:
            corners = read_mesh(file, None if self.vertices else self.cloud_size, seed)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # trimesh raises whatever it meets in a damaged file
            raise ValueError(f"{file} cannot be read as a mesh: {error}") from error
        if self.vertices:
            draws = np.random.default_rng(seed)
            few = len(corners) < self.cloud_size
            corners = corners[draws.choice(len(corners), self.cloud_size, replace=few)]
        if corners.shape != (self.cloud_size, 3):
            raise ValueError(f"{file} has {len(corners)} points and no faces to draw more from")
        return normalised(corners, centre=True, scale=True)

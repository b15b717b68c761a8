"""Your own images, from a folder of files or a NumPy array."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.download import data_root
from symmetry_pl.datamodules.images.image_arrays import read_array
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.datamodules.images.image_files import Pictures, read_folder, summary
from symmetry_pl.datamodules.options import check_choice
from symmetry_pl.datamodules.splits import check_fractions, random_split

__all__ = ["ImagesDataModule"]

_BRIGHT = 0.5  # mean of the frame's pixels in [−1, 1] above which the ground is not black


class ImagesDataModule(ImageDataModule):
    """Images of your own, without labels: a folder of image files, or an array.

    Batches are images ``(B, C, H, W)`` in [−1, 1], C = 1 or 3, an empty ``(B, 0)``, and row
    numbers ``(B,)``: places in the sorted list of files (``names``), or in the array. Black is −1,
    and what lies outside of the frame is taken to be black. Validation and test sets are cut at
    random; prediction goes through all usable images in order.

    Args:
        path: a folder, whose image files are read with those of its subfolders, or a ``.npy`` or
            ``.npz`` file with an array ``(N, H, W)`` or ``(N, H, W, C)`` of bytes, truth values or
            floats; as it is or within ``root``. Nothing is ever unpickled.
        key: which array of a ``.npz`` file; null where there is only one.
        value_range: the values of an array that are black and white; null for 0 and 255 of bytes,
            0 and 1 of others. Values outside are refused, not cut off.
        channels: ``grey``, ``rgb``, or ``auto`` for grey where all images are.
        resize: height and width that images are stretched to; null to leave them as they are,
            which must be one size.
        invert: swap black and white, for dark shapes on a bright ground.
        val_fraction: share of the images that is the validation set.
        test_fraction: share of the images that is the test set.
        on_invalid: what to do about images that cannot be read, have missing values or values out
            of range, or are all of one value: ``raise`` or ``drop``, with a warning that states
            the count.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: for images or an option that cannot be used, in one sentence.
    """

    split_options = ("split_seed", "val_fraction", "test_fraction")

    def __init__(
        self,
        path: str,
        key: str | None = None,
        value_range: list[float] | None = None,
        channels: Literal["auto", "grey", "rgb"] = "auto",
        resize: list[int] | None = None,
        invert: bool = False,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        on_invalid: Literal["raise", "drop"] = "raise",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        check_choice("channels", channels, ("auto", "grey", "rgb"))
        check_fractions(val_fraction, test_fraction)
        if value_range is not None and not (
            len(value_range) == 2 and -math.inf < value_range[0] < value_range[1] < math.inf
        ):
            raise ValueError(
                f"data.value_range must be [black, white], ascending, got {value_range}"
            )
        if resize is not None and (len(resize) != 2 or min(resize) < 2):
            raise ValueError(f"data.resize must be [height, width], 2 at least, got {resize}")
        self.path = path
        self.key = key
        self.value_range = value_range
        self.channels = channels
        self.resize = resize
        self.invert = invert
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.on_invalid = on_invalid
        self.names: list[str] = []
        self.bad_images: dict[str, str] = {}
        self._images: Tensor | None = None
        self._rows: dict[str, npt.NDArray[np.int64]] = {}

    @property
    def description(self) -> DataDescription:
        """Images of shape (C, H, W), without targets."""
        extra = {"split": self.split_identity}
        return DataDescription("image", tuple(self._loaded().shape[1:]), extra=extra)

    def setup(self, stage: str | None = None) -> None:
        """Read the images, leave out unusable ones, and split them; once."""
        if self._images is not None:
            return
        path = self._path()
        pictures = self._read(path)
        rows = self._usable(pictures, path)
        self._rows = random_split(
            rows,
            self.val_fraction,
            self.test_fraction,
            self.split_seed,
            f"{path} has only {len(rows)} usable images",
        )
        self.names = pictures.names
        self.bad_images = {pictures.names[row]: why for row, why in sorted(pictures.bad.items())}
        images = pictures.images
        if self.invert:
            images = images.bitwise_not_() if images.dtype == torch.uint8 else images.neg_()
        _warn_of_bright_ground(images[torch.from_numpy(rows[:1000])], self.invert)
        self._images = images

    def make_split(self, name: str) -> ImageDataset:
        """The images of a name, or of ``"all"``."""
        everything = ImageDataset(self._loaded())
        return everything.subset(torch.from_numpy(self._rows[name]))

    def predict_dataloader(self) -> DataLoader[Any]:
        """All usable images, in order."""
        return self._loader(self.split("all"))

    def _loaded(self) -> Tensor:
        if self._images is None:
            raise RuntimeError("call setup() of the ImagesDataModule first")
        return self._images

    def _path(self) -> Path:
        """The folder or file as it is, or within ``root``."""
        within = data_root(self.root) / self.path
        for path in (Path(self.path).expanduser(), within):
            if path.exists():
                return path
        raise FileNotFoundError(
            f"data.path is {self.path!r}, but there is no such folder or file here or at {within}"
        )

    def _read(self, path: Path) -> Pictures:
        if path.is_dir():
            for name in ("key", "value_range"):
                if getattr(self, name) is not None:
                    raise ValueError(f"data.{name} is for arrays, but {path} is a folder")
            return read_folder(path, self.channels, self.resize)
        if path.suffix.lower() not in (".npy", ".npz"):
            raise ValueError(f"data.path must be a folder, a .npy or a .npz file, got {path}")
        return read_array(path, self.key, self.value_range, self.channels, self.resize)

    def _usable(self, pictures: Pictures, path: Path) -> npt.NDArray[np.int64]:
        """Rows of images without fault, or an error that names the others."""
        rows = np.setdiff1d(np.arange(len(pictures.names)), list(pictures.bad))
        if pictures.bad:
            found = f"{path}: {summary(pictures)}"
            if not len(rows):
                raise ValueError(f"{found}: no image is left")
            if self.on_invalid == "raise":
                raise ValueError(f"{found}: set data.on_invalid to drop to leave them out")
            warnings.warn(f"{found}; left out", stacklevel=3)
        return rows


def _warn_of_bright_ground(images: Tensor, inverted: bool) -> None:
    """Warn if the outermost pixels are bright: a moved image would get black edges."""
    edges = torch.cat(
        [images[..., i].flatten().float() for i in (0, -1)]
        + [images[..., i, :].flatten().float() for i in (0, -1)]
    )
    if images.dtype == torch.uint8:
        edges = edges / 127.5 - 1
    if edges.mean() > _BRIGHT:
        warnings.warn(
            "the images have a bright ground, but what a transformation moves in from outside of "
            f"the frame is black: set data.invert to {str(not inverted).lower()}",
            stacklevel=3,
        )

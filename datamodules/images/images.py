"""Your own images, from a folder of files or a NumPy array."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.bad_rows import BadRow, RefusedRows
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.download import user_file
from symmetry_pl.datamodules.images.image_arrays import images_of, read_array
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.datamodules.images.image_files import Pictures, read_folder, summary
from symmetry_pl.datamodules.images.image_labels import read_labels
from symmetry_pl.datamodules.options import check_choice, check_kind, refuse_options
from symmetry_pl.datamodules.own_data import OwnDataModule, own_path
from symmetry_pl.datamodules.splits import check_fractions, random_split
from symmetry_pl.datamodules.targets import Targets, as_array, as_targets, standardised
from symmetry_pl.messages import quoted

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["ImagesDataModule"]

_BRIGHT = 0.5  # mean of the frame's pixels in [−1, 1] above which the ground is not black


class ImagesDataModule(OwnDataModule, ImageDataModule):
    """Images of your own: a folder of image files, or an array, in a file or in memory.

    Batches are images ``(B, C, H, W)`` in [−1, 1], C = 1 or 3, targets ``(B, t)``, and row
    numbers ``(B,)``: places in the sorted list of files (``names``), or in the array. Black is −1,
    and what lies outside of the frame is taken to be black. Validation and test sets are cut at
    random; prediction goes through all usable images in order. Image files may have targets in a
    CSV file (``labels``), images in memory in an array (see ``from_arrays``); t = 0 without. They
    are in units of the training images' standard deviation about their mean. With the ``data`` of a
    model (``adopt``) images are read as its own were: channels, size, ``invert``, and of arrays
    ``value_range``; no targets are read.

    Args:
        path: a folder, whose image files are read with those of its subfolders, or a ``.npy`` or
            ``.npz`` file with an array ``(N, H, W)`` or ``(N, H, W, C)`` of bytes, truth values or
            floats; as it is or within ``root``. Nothing is ever unpickled. Arrays in memory: see
            ``from_arrays``.
        labels: a CSV file with a column ``file``, the names of image files relative to the folder,
            and the targets; as it is or within ``path``. Null for none.
        targets: names of its columns to predict.
        units: unit of each target, by name; dimensionless where it has none.
        key: which array of a ``.npz`` file; null where there is only one.
        value_range: the values of an array that are black and white; null for 0 and 255 of bytes,
            0 and 1 of others. Values outside are refused, not cut off.
        channels: ``grey``, ``rgb``, or ``auto`` for grey where all images are.
        resize: height and width that images are stretched to; null to leave them as they are,
            which must be one size.
        invert: swap black and white, for dark shapes on a bright ground.
        val_fraction: share of the images that is the validation set.
        test_fraction: share of the images that is the test set; 0 for none.
        on_invalid: what to do about images that cannot be read, have missing values or values out
            of range, or are all of one value: ``raise`` or ``drop``, with a warning that states
            the count. ``bad_rows`` has them all.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: for images or an option that cannot be used, in one sentence.
    """

    split_options = ("split_seed", "val_fraction", "test_fraction")

    def __init__(
        self,
        path: str = "",
        labels: str | None = None,
        targets: list[str] = [],  # noqa: B006 (jsonargparse shows it)
        units: dict[str, str] = {},  # noqa: B006 (jsonargparse shows it)
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
        if not isinstance(path, (str, Path)):
            raise ValueError(
                f"data.path is a path, got a {type(path).__name__}: ImagesDataModule.from_arrays "
                "takes images in memory"
            )
        if bool(targets) != (labels is not None):
            raise ValueError(
                f"data.labels is {quoted(labels)} and data.targets {targets}: one needs the other"
            )
        for name in units:
            if name not in targets:
                raise ValueError(f"data.units has {quoted(name)}, which data.targets lacks")
        self.path = str(path)
        self.labels, self.targets, self.units = labels, list(targets), dict(units)
        self.key = key
        self.value_range = value_range
        self.channels = channels
        self.resize = resize
        self.invert = invert
        self.val_fraction, self.test_fraction = val_fraction, test_fraction
        self.on_invalid = on_invalid
        self.names: list[str] = []
        self._memory: tuple[npt.NDArray[Any], Targets] | None = None
        self._images: Tensor | None = None

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike | None = None,
        names: Sequence[str] = (),
        units: Sequence[str] = (),
        **options: Any,
    ) -> Self:
        """The same from memory.

        Args:
            x: images ``(N, H, W)`` or ``(N, H, W, C)``, bytes, truth values or floats.
            y: targets ``(N, t)`` or ``(N,)``; none by default.
            names: of the targets; ``y0``, ``y1``, … by default.
            units: of the targets; dimensionless by default.
            options: those of the class but the ones that say how files are read.

        Raises:
            ValueError: for targets that are not real numbers, or of another length than x.

        >>> x = np.random.default_rng(0).random((40, 8, 8))
        >>> data = ImagesDataModule.from_arrays(x, x.mean((1, 2)), ["brightness"])
        >>> data.setup()
        >>> data.description.x_shape, data.description.target_names
        ((1, 8, 8), ('brightness',))
        """
        images = as_array(x)
        refuse_options(options, ("path", "key", "labels", "targets", "units"))
        targets = as_targets(y, names, units, count=len(images) if images.ndim else 0)
        made = cls(**options)
        made._memory = images, targets
        return made

    @property
    def description(self) -> DataDescription:
        """Images of shape (C, H, W), and targets; ``extra`` says how arrays became these."""
        return super().description

    @property
    def own_file(self) -> Path | None:
        """The file or folder; None in memory."""
        return Path(self.path).expanduser() if self.path else None

    def check_model(self, description: DataDescription) -> None:
        """Refuse a model of what are no images."""
        check_kind(description, "image", "and ImagesDataModule gives images")

    def adopt(self, description: DataDescription) -> None:
        """Read images as those that a model was trained on.

        Args:
            description: the ``data`` of the model.

        Raises:
            ValueError: if they are no images.
        """
        super().adopt(description)
        extra = description.extra
        self.channels = "grey" if description.x_shape[0] == 1 else "rgb"
        self.resize = self.resize or extra.get("resize")
        self.invert = bool(extra.get("invert", self.invert))

    def setup(self, stage: str | None = None) -> None:
        """Read the images, leave out unusable ones, and split them; once."""
        if self._description is not None:
            return
        path, pictures, targets = self._read()
        rows = self._usable(pictures, path)
        self.names = pictures.names
        images = pictures.images
        if self.invert:
            images = images.bitwise_not_() if images.dtype == torch.uint8 else images.neg_()
        _warn_of_bright_ground(images[torch.from_numpy(rows[:1000])], self.invert)
        if self._adopted is None:
            self._learn(images, targets, rows, path)
        else:
            self._follow(images, rows, path, self._adopted)
        self._images = images

    def _follow(
        self, images: Tensor, rows: npt.NDArray[np.int64], path: Path, model: DataDescription
    ) -> None:
        """Check the size of images for a model; none are held out."""
        size, wanted = list(images.shape[2:]), list(model.x_shape[1:])
        if size != wanted:
            raise ValueError(
                f"{path} has images of {size[1]} × {size[0]} (width × height), and the model was "
                f"trained on {wanted[1]} × {wanted[0]}: set data.resize to {wanted}"
            )
        self._rows = dict.fromkeys(("train", "val", "test", "all"), rows)
        self._y = torch.empty(len(images), 0)
        self._description = model

    def _learn(
        self, images: Tensor, targets: Targets, rows: npt.NDArray[np.int64], path: Path
    ) -> None:
        """Split the images, and take the scales of targets from those of the training set."""
        self._rows = random_split(
            rows,
            self.val_fraction,
            self.test_fraction,
            self.split_seed,
            f"{path} has only {len(rows)} usable images",
        )
        scaled = standardised(
            torch.from_numpy(targets.values),
            torch.from_numpy(self._rows["train"]),
            targets.names,
            "y",
            "images",
        )
        self._y = scaled.y.float()
        self._description = DataDescription(
            "image",
            tuple(images.shape[1:]),
            targets.names,
            targets.units,
            scaled.mean,
            scaled.scale,
            extra={
                "split": self.split_identity,
                "value_range": self.value_range,
                "invert": self.invert,
                "resize": self.resize,
            },
        )

    def make_split(self, name: str) -> ImageDataset:
        """The images of a name, or of ``"all"``."""
        if self._images is None:
            raise RuntimeError("call setup() of the ImagesDataModule first")
        everything = ImageDataset(self._images, self._y)
        return everything.subset(torch.from_numpy(self._rows[name]))

    def row_columns(self, rows: Tensor) -> dict[str, list[Any]]:
        """Names of these images' files, relative to their folder; of arrays, nothing."""
        named = self._memory is None and self._path().is_dir()
        return {"file": [self.names[row] for row in rows.tolist()]} if named else {}

    def _path(self) -> Path:
        return own_path(self.path, self.root, type(self).__name__)

    def _read(self) -> tuple[Path, Pictures, Targets]:
        """Where the images are from, the images, and their targets."""
        model = {} if self._adopted is None else self._adopted.extra
        options = self.value_range or model.get("value_range"), self.channels, self.resize
        labels = self.labels if self._adopted is None else None
        if self._memory is not None:
            array, targets = self._memory
            if self._adopted is not None:  # a model that has been trained needs none
                targets = as_targets(None, count=len(targets.values))
            pictures = images_of(array, "x", *options)
            for i in np.flatnonzero(~np.isfinite(targets.values).all(axis=1)).tolist():
                pictures.bad.setdefault(i, "has a target that is missing or infinite")
            return Path("x"), pictures, targets
        path = self._path()
        if labels is not None and not path.is_dir():
            raise ValueError(f"data.labels is for folders of image files, but {path} is none")
        if path.is_dir():
            for name in ("key", "value_range"):
                if getattr(self, name) is not None:
                    raise ValueError(f"data.{name} is for arrays, but {path} is a folder")
            pictures = read_folder(path, self.channels, self.resize)
            if labels is not None:
                file = user_file(labels, path, "data.labels")
                targets, without = read_labels(file, pictures.names, self.targets, self.units)
                return path, pictures._replace(bad={**without, **pictures.bad}), targets
        elif path.suffix.lower() in (".npy", ".npz"):
            pictures = read_array(path, self.key, *options)
        else:
            raise ValueError(f"data.path must be a folder, a .npy or a .npz file, got {path}")
        return path, pictures, as_targets(None, count=len(pictures.names))

    def _usable(self, pictures: Pictures, path: Path) -> npt.NDArray[np.int64]:
        """Rows of images without fault, or an error that names the others."""
        rows = np.setdiff1d(np.arange(len(pictures.names)), list(pictures.bad))
        self.bad_rows = tuple(
            BadRow(row, pictures.names[row], why) for row, why in sorted(pictures.bad.items())
        )
        if pictures.bad:
            found = f"{path}: {summary(pictures)}"
            if not len(rows):
                raise RefusedRows(f"{found}: no image is left", self.bad_rows)
            if self.on_invalid == "raise":
                raise RefusedRows(
                    f"{found}: set data.on_invalid to drop to leave them out", self.bad_rows
                )
            warnings.warn(f"{found}; left out", stacklevel=3)
        return rows


def _warn_of_bright_ground(images: Tensor, inverted: bool) -> None:
    """Warn if the outermost pixels are bright: most methods would take them for content."""
    edges = torch.cat(
        [images[..., i].flatten().float() for i in (0, -1)]
        + [images[..., i, :].flatten().float() for i in (0, -1)]
    )
    if images.dtype == torch.uint8:
        edges = edges / 127.5 - 1
    if edges.mean() > _BRIGHT:
        warnings.warn(
            "the images have a bright ground, and methods take black for the ground: set "
            f"data.invert to {str(not inverted).lower()}",
            stacklevel=3,
        )

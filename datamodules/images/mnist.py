"""MNIST digits, each turned by an angle of its own or painted in a colour of its own."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.mnist_files import mnist_file, mnist_images, mnist_labels
from symmetry_pl.datamodules.images.image_data import ImageDataModule, ImageDataset
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.groups import hsv_to_rgb, warp

__all__ = ["MNISTDataModule", "rotate"]

_STREAMS = {"train": 0, "test": 2}  # of the two files: training and validation rows share one
_CHUNK = 2048  # images rotated at once
_VALIDATION_SHARE = 6  # the last sixth of the training file: 10,000 of 60,000
_HUE = 0.3  # largest turn of the hue, in turns: 0.6π
_SATURATION = (0.6, 0.9)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    r"""Turn images about their centre, anticlockwise as seen, by bilinear interpolation.

    The pixel at normalised coordinates p (x right, y down) of the result is the image at

    .. math:: \begin{pmatrix} \cos a & -\sin a \\ \sin a & \cos a \end{pmatrix} p

    and black where that is out of the frame. Values are rounded to bytes again.

    Args:
        images: bytes ``(N, H, H)``.
        degrees: angles a ``(N,)``.

    Returns:
        Bytes ``(N, H, H)``.

    Example:
        >>> image = torch.tensor([[[0, 9], [0, 0]]], dtype=torch.uint8)
        >>> rotate(image, torch.tensor([90.0])).tolist()
        [[[9, 0], [0, 0]]]
    """
    turned = torch.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        angle = torch.deg2rad(degrees[part].to(torch.float32))
        cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        matrices = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1).view(-1, 2, 3)
        values = warp(images[part, None].float() - 1, matrices, "bilinear")  # black is -1 there
        turned[part] = (values[:, 0] + 1).round_().to(torch.uint8)
    return turned


class MNISTDataModule(ImageDataModule):
    """MNIST digits as SGM trains on them (Allingham et al. 2024, section 4 and appendix C).

    The last 10,000 images of the training file are the validation set. Every image is turned by
    an angle of its own, and in the colour experiment painted in a colour of its own, which are
    functions of (split_seed, file, row): this adds variety to the data, and is no augmentation.

    In the colour experiment the grey values become the red channel, the hue is turned by a uniform
    angle in [0, 0.6π], and the saturation multiplied by a uniform number in [0.6, 0.9].

    The files are looked for in ``root``, in its folder ``mnist`` and where torchvision keeps them,
    ``MNIST/raw``; they are downloaded where there are none.

    Args:
        batch_size: images a step and process.
        experiment: ``affine`` for grey digits, ``color`` for painted ones.
        max_rotation: angles are uniform between this many degrees to either side; null for 15 in
            the affine experiment and 0 in the other.
        num_train: training images, the first ones; null for all (50,000).
        eval_samples: validation images and test images, the first ones; null for all.
        digits: which digits to keep, before the first ones are taken; null for all.
        canvas: side of the square that images are padded to with black, at least 28.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for an option out of range, an empty set or a damaged file.
        FileNotFoundError: if the files are not there and cannot be downloaded.
    """

    def __init__(
        self,
        batch_size: int = 512,
        experiment: Literal["affine", "color"] = "affine",
        max_rotation: float | None = None,
        num_train: int | None = None,
        eval_samples: int | None = None,
        digits: list[int] | None = None,
        canvas: int = 28,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **kwargs)
        check_choice("experiment", experiment, ("affine", "color"))
        if max_rotation is None:
            max_rotation = 15.0 if experiment == "affine" else 0.0
        if not 0 <= max_rotation <= 180:
            raise ValueError(f"data.max_rotation must be 0 to 180 degrees, got {max_rotation}")
        for name, value in (("num_train", num_train), ("eval_samples", eval_samples)):
            if value is not None:
                check_at_least(1, **{name: value})
        check_at_least(28, canvas=canvas)
        if digits is not None and (not digits or not set(digits) <= set(range(10))):
            raise ValueError(f"data.digits must be among 0 to 9, got {digits}")
        self.experiment = experiment
        self.max_rotation = max_rotation
        self.limits = {"train": num_train, "val": eval_samples, "test": eval_samples}
        self.digits = digits
        self.canvas = canvas

    @property
    def description(self) -> DataDescription:
        """Images of shape ``(C, canvas, canvas)``; the target is the digit."""
        channels = 1 if self.experiment == "affine" else 3
        extra = {"experiment": self.experiment, "max_rotation": self.max_rotation}
        return DataDescription(
            "image", (channels, self.canvas, self.canvas), ("digit",), extra=extra
        )

    def prepare_data(self) -> None:
        """Find or download the files, on one process of each machine."""
        for split in ("train", "test"):
            for content in ("images", "labels"):
                mnist_file(self.root, split, content)

    def make_split(self, name: str) -> ImageDataset:
        """Read the images of a split, turn and paint them."""
        file: Literal["train", "test"] = "test" if name == "test" else "train"
        labels = mnist_labels(self.root, file)
        rows = self._rows(name, labels)
        small = mnist_images(self.root, file)[rows]
        images = torch.zeros(len(rows), self.canvas, self.canvas, dtype=torch.uint8)
        top = (self.canvas - small.shape[1]) // 2
        inner = slice(top, top + small.shape[1])
        images[:, inner, inner] = torch.from_numpy(small)
        if self.max_rotation:
            images = rotate(images, torch.from_numpy(self.angles(file, rows)))
        tints = None
        if self.experiment == "color":
            hue, saturation = map(torch.from_numpy, self.hue_saturation(file, rows))
            # a red v is (0, 1, v) in HSV, and (h, s, v) is v times the colour (h, s, 1)
            hsv = torch.stack([hue, saturation, torch.ones_like(hue)], 1)
            tints = hsv_to_rgb(hsv[:, :, None, None])[:, :, 0, 0].float()
        y = torch.from_numpy(labels[rows].astype(np.float32))[:, None]
        return ImageDataset(images[:, None], y, torch.from_numpy(rows), tints)

    def angles(
        self, file: Literal["train", "test"], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Angles in degrees ``(B,)`` that the images of these rows of a file are turned by."""
        return self.max_rotation * (2 * self._uniform(file, rows)[:, 0] - 1)

    def hue_saturation(
        self, file: Literal["train", "test"], rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Hues in turns ``(B,)`` and saturations ``(B,)`` of the images of these rows."""
        uniform = self._uniform(file, rows)
        low, high = _SATURATION
        return _HUE * uniform[:, 1], low + (high - low) * uniform[:, 2]

    def _uniform(self, file: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return counter_uniform(self.split_seed, _STREAMS[file], rows, 3)

    def _rows(self, split: str, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Row numbers of a split in its file, in order."""
        held = len(labels) // _VALIDATION_SHARE
        first, last = {
            "train": (0, len(labels) - held),
            "val": (len(labels) - held, len(labels)),
            "test": (0, len(labels)),
        }[split]
        rows = np.arange(first, last)
        if self.digits is not None:
            rows = rows[np.isin(labels[rows], self.digits)]
        limit = self.limits[split]
        if limit is not None and limit > len(rows):
            option = "num_train" if split == "train" else "eval_samples"
            raise ValueError(
                f"data.{option} is {limit}, but the {split} set has {len(rows)} images of the "
                "digits asked for"
            )
        if not len(rows):
            raise ValueError(f"the {split} set has no image of data.digits={self.digits}")
        return rows[:limit]

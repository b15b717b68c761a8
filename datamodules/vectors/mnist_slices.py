"""Slices of MNIST digits: 27 neighbouring pixels of a row (SymmetryLens, appendix C.2)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.files.mnist_files import mnist_file, mnist_images
from symmetry_pl.datamodules.options import check_choice
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.vector_data import DrawnDataModule

__all__ = ["MNISTSlicesDataModule", "slices"]

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]

_BLANK = 1e-6  # the brightest pixel of a slice that is dropped, of 1
_ATTEMPTS = 10_000  # at one slice; about half are blank
_REFERENCE = 1 << 16  # slices whose standard deviation is the unit
_REFERENCE_STREAM = 1 << 34
_VALIDATION_SHARE = 12  # every twelfth of the training images: the last 5,000 of 60,000


def slices(images: Images, uniform: Array, dim: int = 27, rows: str = "random") -> Array:
    r"""Slices at random places of images, by bilinear interpolation.

    The image is widened by its width W on both sides with zeros. Pixel i of a slice lies at

    .. math:: x_i = (3W - 1)\Bigl[u\,\Bigl(1 - \frac{d}{3W}\Bigr) +
        \frac{i}{d - 1}\, \frac{d}{3W}\Bigr], \quad i = 0 \dots d - 1

    as TensorFlow's ``crop_and_resize`` has it: 1.026 pixels apart for d = 27 and W = 28.

    Args:
        images: ``(N, H, W)``, 0 … 255.
        uniform: ``(B, 3)`` in (0, 1): which image, u, and which row.
        dim: d, at most 3 W.
        rows: ``"random"`` for heights uniform in the image, ``"center"`` for the middle, which
            in MNIST is halfway between rows 13 and 14.

    Returns:
        ``(B, d)``, 0 … 1.
    """
    count, height, width = images.shape
    which = (uniform[:, 0] * count).astype(np.int64)
    y = (height - 1) * (uniform[:, 2] if rows == "random" else np.full(len(uniform), 0.5))
    above = np.minimum(y.astype(np.int64), height - 2)
    below = (y - above)[:, None]
    row = (1 - below) * images[which, above] + below * images[which, above + 1]
    line = np.zeros((len(row), 3 * width + 1))  # the last 0 for a slice that ends at the edge
    line[:, width : 2 * width] = row / 255
    share = dim / (3 * width)
    x = (3 * width - 1) * (uniform[:, 1:2] * (1 - share) + np.linspace(0, share, dim))
    left = np.minimum(x.astype(np.int64), 3 * width - 1)
    part = x - left
    first, second = (np.take_along_axis(line, left + i, axis=1) for i in (0, 1))
    values: Array = (1 - part) * first + part * second
    return values


class MNISTSlicesDataModule(DrawnDataModule):
    """Slices of MNIST digits, none of them blank, in units of their standard deviation.

    Slices are drawn from images at random: training slices from the first 55,000 training images,
    validation slices from the other 5,000, test slices from the 10,000 test images (the paper
    draws all of its 1,080,000 slices from all 70,000 images). Nothing is subtracted.
    Slices of columns, which the paper has none of, are those of the images on their side.

    The published code always cuts the middle row, where the paper says that places are uniform
    in the image: ``rows`` chooses. The true symmetry is the shift by one pixel of the slice.

    Args:
        batch_size: slices a step and process (10,800 in the paper).
        eval_batch_size: slices a step in evaluation.
        dim: pixels of a slice d, 3 … 84.
        rows: ``random`` for heights uniform in the image, ``center`` for the middle.
        along: ``rows`` of the image, or its ``columns``; ``rows`` says which of them.
        transform: the hidden basis, as of ``SignalsDataModule``.
        transform_seed: of ``permuted``, ``random_orthogonal`` and ``linear``.
        condition: κ of ``linear``.
        samples: size of the training set (1,080,000 in the paper).
        eval_samples: size of the validation set and of the test set.
        noise: standard deviation of added noise, in units of that of the slices.
        dtype: ``float32`` or ``float64``.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for an unknown name or a size that cannot be, or a damaged file.
        FileNotFoundError: if the files are not there and cannot be downloaded.
    """

    def __init__(
        self,
        batch_size: int = 1000,
        eval_batch_size: int = 10_000,
        dim: int = 27,
        rows: Literal["random", "center"] = "random",
        along: Literal["rows", "columns"] = "rows",
        transform: Literal[
            "natural", "permuted", "frequency", "random_orthogonal", "linear"
        ] = "natural",
        transform_seed: int = 0,
        condition: float = 2.0,
        samples: int = 60_000,
        eval_samples: int = 10_000,
        noise: float = 0.0,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__("chain", dtype, batch_size, eval_batch_size, **kwargs)
        check_choice("rows", rows, ("random", "center"))
        check_choice("along", along, ("rows", "columns"))
        if dim > 84:
            raise ValueError(f"data.dim must be at most 84, three times the width, got {dim}")
        self.hide(dim, transform, transform_seed, samples, eval_samples, noise, condition)
        self.rows, self.along = rows, along
        self._images: dict[str, Images] = {}
        self._scale = 0.0

    def prepare_data(self) -> None:
        """Find or download the images, on one process of each machine."""
        mnist_file(self.root, "train")
        mnist_file(self.root, "test")

    def setup(self, stage: str | None = None) -> None:
        """Read the images and measure the standard deviation of slices; once."""
        if self._images:
            return
        train, test = (self._upright(split) for split in ("train", "test"))
        held = max(1, len(train) // _VALIDATION_SHARE)
        self._images = {
            "train": train[:-held],
            "val": train[-held:],
            "test": test,
        }
        # a draw of its own, so that the unit is the same for every seed and size of the sets
        reference = self._draw("train", 0, _REFERENCE_STREAM, np.arange(_REFERENCE))
        self._scale = float(reference.std())

    def _upright(self, split: Literal["train", "test"]) -> Images:
        """Images whose rows are cut."""
        images = mnist_images(self.root, split)
        return images if self.along == "rows" else images.transpose(0, 2, 1)

    def raw(self, split: str, rows: npt.NDArray[np.int64]) -> Array:
        """Slices of these numbers ``(B, d)`` in units of the standard deviation of slices."""
        if not self._images:
            raise RuntimeError("call setup() of the MNISTSlicesDataModule first")
        return self._draw(split, self.split_seed, STREAMS[split], rows) / self._scale

    def _draw(self, split: str, seed: int, stream: int, rows: npt.NDArray[np.int64]) -> Array:
        """Slices that are not blank ``(B, d)``; attempt k at slice i depends on (i, k) alone."""
        drawn = np.empty((len(rows), len(self.basis)))
        open_ = np.arange(len(rows))
        for attempt in range(_ATTEMPTS):
            uniform = counter_uniform(seed, stream + len(STREAMS) * attempt, rows[open_], 3)
            drawn[open_] = slices(self._images[split], uniform, drawn.shape[1], self.rows)
            open_ = open_[drawn[open_].max(axis=1) <= _BLANK]
            if not len(open_):
                return drawn
        raise ValueError(f"the {split} images of MNIST in data.root are blank")

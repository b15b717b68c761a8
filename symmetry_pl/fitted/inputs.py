"""What a user has in memory, as the batches that a trained model was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core import DataDescription
from symmetry_pl.core.registry import check_choice
from symmetry_pl.datamodules.clouds.cloud_data import CloudDataset, fault_of, normalised
from symmetry_pl.datamodules.images.image_arrays import images_of
from symmetry_pl.datamodules.images.image_data import ImageDataset
from symmetry_pl.datamodules.molecules.prediction_csv import encode_smiles
from symmetry_pl.datamodules.targets import as_array
from symmetry_pl.datamodules.vectors.scaling import to_standard
from symmetry_pl.messages import listed, quoted
from symmetry_pl.molecules import Vocabulary, representation

__all__ = ["Inputs", "OnInvalid", "image_options", "read_inputs", "real_rows"]

OnInvalid = Literal["raise", "nan"]

_CHUNK = 10_000


@dataclass(frozen=True)
class Inputs:
    """N samples, and why some of them cannot be used.

    Args:
        count: N.
        source: as they are held; ``batch`` makes tensors of some of them.
        extra: what scales vectors; empty for others.
        bad: row number to the reason.
    """

    count: int
    source: Tensor | ImageDataset | CloudDataset | npt.NDArray[Any]
    extra: Mapping[str, Any] = field(default_factory=dict)
    bad: Mapping[int, str] = field(default_factory=dict)

    def usable(self, on_invalid: OnInvalid) -> npt.NDArray[np.int64]:
        """Numbers of the rows that can be used, or an error that names the others.

        Raises:
            ValueError: if there are no rows; or unusable ones, and they are not let through.
        """
        check_choice("on_invalid", on_invalid, ("raise", "nan"))
        if not self.count:
            raise ValueError("x has no rows")
        if self.bad and on_invalid == "raise":
            first = [f"row {row} {why}" for row, why in sorted(self.bad.items())[:3]]
            raise ValueError(
                f"x has {len(self.bad)} of {self.count} rows that cannot be used "
                f"({listed(first, count=len(self.bad))}): leave them out, or set on_invalid to nan"
            )
        return np.setdiff1d(np.arange(self.count), list(self.bad))

    def batch(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """These rows as a model reads them; vectors in float64."""
        if isinstance(self.source, (ImageDataset, CloudDataset)):
            return self.source.__getitems__(rows.tolist())[0]
        if isinstance(self.source, Tensor):
            return self.source[torch.from_numpy(rows)].long()
        return torch.from_numpy(to_standard(self.source[rows].astype(np.float64), self.extra))


def read_inputs(x: Any, data: DataDescription) -> Inputs:
    """Vectors, images or molecules of a user, checked.

    Args:
        x: vectors ``(N, d)`` or a data frame, images ``(N, H, W)`` or ``(N, H, W, C)``, clouds
            ``(N, n, d)`` with NaN where a point is missing, or a list of SMILES, in the units and
            the form of the training data.
        data: what the model knows of its data.

    Raises:
        ValueError: for what is no such data.
    """
    if data.kind == "tokens":
        return _molecules(x, data)
    if data.kind == "image":
        return _images(x, data)
    if data.kind == "cloud":
        return _clouds(x, data)
    array = _vectors(x, data)
    return Inputs(len(array), array, data.extra, _bad_numbers(array, data))


def real_rows(values: Any, columns: int, name: str) -> npt.NDArray[np.float64]:
    """Rows of so many real numbers.

    Args:
        values: ``(N, columns)``.
        columns: how many there must be.
        name: what they are called in messages.

    Raises:
        ValueError: for anything else.

    >>> real_rows([[1.0, 2.0]], 3, "codes")
    Traceback (most recent call last):
    ValueError: codes must be real numbers (N, 3), got float64 of shape (1, 2)
    """
    array = as_array(values)
    if array.dtype.kind not in "fiub" or array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(
            f"{name} must be real numbers (N, {columns}), got {array.dtype} of shape {array.shape}"
        )
    found: npt.NDArray[np.float64] = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(found).all(1))
    if len(bad):
        raise ValueError(
            f"{name} has missing or infinite numbers in {len(bad)} rows, the first is row {bad[0]}"
        )
    return found


def _vectors(x: Any, data: DataDescription) -> npt.NDArray[Any]:
    """Rows of numbers; the columns of a data frame by name, where the model's have names."""
    dim = data.x_shape[0]
    names: list[str] = list(map(str, data.extra.get("columns", range(dim))))
    given = getattr(x, "columns", None)
    if given is not None and names != [str(i) for i in range(dim)]:
        have = [str(name) for name in given]
        missing = [quoted(name) for name in names if name not in have]
        if missing:
            raise ValueError(f"x lacks the column {listed(missing)} that the model was trained on")
        x = x[[given[have.index(name)] for name in names]]
    array = as_array(x)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"x must be numbers: {error}") from error
    if array.dtype.kind not in "fiub" or array.ndim != 2 or array.shape[1] != dim:
        raise ValueError(
            f"x must be real numbers (N, {dim}), samples in rows, got {array.dtype} of shape "
            f"{array.shape}"
        )
    return array


def _bad_numbers(array: npt.NDArray[Any], data: DataDescription) -> dict[int, str]:
    """Rows with a number that is missing, infinite, or too large for a float32."""
    names = data.extra.get("columns", range(array.shape[1]))
    bad: dict[int, str] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(array), _CHUNK):
            part = array[start : start + _CHUNK].astype(np.float64)
            finite = np.isfinite(to_standard(part, data.extra).astype(np.float32))
            for row in np.flatnonzero(~finite.all(1)):
                column = int(np.flatnonzero(~finite[row])[0])
                value = part[row, column]
                what = f"is {value:.3g}, too large" if np.isfinite(value) else f"is {value}"
                bad[start + int(row)] = f"{what} in column {quoted(str(names[column]))}"
    return bad


def _molecules(x: Any, data: DataDescription) -> Inputs:
    if isinstance(x, (str, bytes)):
        raise ValueError(f"x is one text, {quoted(x)}: give a list of SMILES")
    texts: Sequence[Any] = list(x) if np.ndim(x) == 1 else []
    if np.ndim(x) != 1:
        raise ValueError(f"x must be a list of SMILES, got a {type(x).__name__}")
    language, vocabulary = representation(data.representation), Vocabulary(data.symbols)
    length, bad = data.x_shape[0], {}
    tokens = torch.zeros(len(texts), length, dtype=vocabulary.dtype)
    for row, text in enumerate(texts):
        try:
            if not isinstance(text, str):
                raise ValueError(f"a {type(text).__name__} is no SMILES")
            tokens[row] = encode_smiles(text.strip(), language, vocabulary, length)[0]
        except ValueError as error:
            bad[row] = f"({quoted(text)}): {error}"
    return Inputs(len(texts), tokens, bad=bad)


def image_options(data: DataDescription) -> tuple[list[float] | None, Any, list[int] | None]:
    """Values that are black and white, ``grey`` or ``rgb``, and the size, of a model's images."""
    channels = "grey" if data.x_shape[0] == 1 else "rgb"
    return data.extra.get("value_range"), channels, data.extra.get("resize")


def _images(x: Any, data: DataDescription) -> Inputs:
    array = as_array(x)
    if not len(array):
        return Inputs(0, torch.empty(0))
    pictures = images_of(array, "x", *image_options(data))
    images = pictures.images
    if tuple(images.shape[1:]) != tuple(data.x_shape):
        raise ValueError(
            f"x has images of {images.shape[2]} x {images.shape[3]} pixels, and the model was "
            f"trained on {data.x_shape[1]} x {data.x_shape[2]}"
        )
    if data.extra.get("invert"):
        images = images.bitwise_not_() if images.dtype == torch.uint8 else images.neg_()
    return Inputs(len(array), ImageDataset(images), bad=pictures.bad)


def _clouds(x: Any, data: DataDescription) -> Inputs:
    array = as_array(x)
    if not len(array):
        return Inputs(0, torch.empty(0))
    if array.dtype.kind not in "fiub" or array.shape[1:] != tuple(data.x_shape):
        n, d = data.x_shape
        raise ValueError(
            f"x must be clouds (N, {n}, {d}) of real numbers, got {array.dtype} of shape "
            f"{array.shape}"
        )
    clouds = array.astype(np.float64)
    bad = {row: why for row, cloud in enumerate(clouds) if (why := fault_of(cloud)) is not None}
    centre, scale = (bool(data.extra.get(name)) for name in ("centre", "scale"))
    for row in np.setdiff1d(np.arange(len(clouds)), list(bad)):
        clouds[row] = normalised(clouds[row], centre, scale)
    return Inputs(len(clouds), CloudDataset(torch.from_numpy(clouds)), bad=bad)

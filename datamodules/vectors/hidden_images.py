"""Images whose pixels were scrambled by one secret map: what a hidden domain is found in."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.files.array_files import load_array
from symmetry_pl.datamodules.files.download import user_file
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.splits import random_split
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.datamodules.vectors.bit_planes import BITS, bit_planes
from symmetry_pl.datamodules.vectors.digit_windows import DigitWindows
from symmetry_pl.datamodules.vectors.image_laws import (
    COLOURS,
    bumps,
    coloured_bumps,
    patches,
    quenched_spins,
    spins,
)
from symmetry_pl.datamodules.vectors.scrambles import Scramble, ScrambleKind
from symmetry_pl.datamodules.vectors.vector_data import (
    VectorDataModule,
    VectorDataset,
    normal_noise,
)

__all__ = ["HiddenImagesDataModule", "Source"]

Array = npt.NDArray[np.float64]
Source = Literal[
    "bumps",
    "patches",
    "spins",
    "quenched_spins",
    "mnist",
    "shifted_mnist",
    "mnist_crops",
    "file",
]

_DIGITS = ("mnist", "shifted_mnist", "mnist_crops")
_CHUNK = 2048
_SAMPLES = {"train": 20_000, "val": 2_000, "test": 2_000}
_SHARE = 0.1  # of a file that is the validation set, and the test set
_LARGEST_PATCH = 90


class HiddenImagesDataModule(VectorDataModule):
    r"""Vectors that were images before one secret map of all of them.

    .. math:: x = (s + \nu\, \sigma\, \varepsilon)\, M, \quad \varepsilon \sim N(0, I)

    with s the flattened image and M of a ``Scramble``. The truth is in ``description.extra``, for
    scoring only.

    Args:
        source: ``bumps``, ``patches`` of two photographs, ``spins`` (the Ising model in
            equilibrium), ``quenched_spins`` (Ising chains that are not, of couplings of 1 to 2.5),
            ``mnist`` (each digit once), ``shifted_mnist``, ``mnist_crops``, or ``file``: images of
            your own.
        height: of the images, pixels; 1 for a chain of bumps or spins. Those of a file are as large
            as they are.
        width: of the images.
        scramble: ``none``, ``permutation``, ``orthogonal`` or ``linear``.
        scramble_seed: which map; ``split_seed`` if null.
        condition: κ of ``linear``.
        samples: size of the training set; of digits and files at most, and by default, all.
        eval_samples: size of the validation set and of the test set; the same.
        labelled: how many training digits have labels; these alone are gone through in training,
            while ``training_inputs`` has all. Null for no labels.
        noise: ν, in units of the standard deviation σ of all pixels.
        widths: lowest and highest width of bumps, in pixels.
        shift: of ``shifted_mnist``: most pixels a digit is moved by.
        coupling: β of ``spins``; quenched ones have their own.
        topology: of bumps and spins: a ``cylinder`` goes on at the other end of its rows, a
            ``torus`` of its columns too.
        channels: 3 for bumps and patches in colour, permuted; a place has as many inputs.
        bits: of digits and patches, permuted: the highest bits of each grey value, at most 8, each
            an input of its own; a place has as many. 0 for grey values.
        file: a ``.npy`` or ``.npz`` file with grey images ``(N, H, W)``.
        key: which array of a ``.npz`` file; null where there is only one.
        batch_size: samples a step and process.
        eval_batch_size: samples a step in evaluation.
        dtype: ``float32`` or ``float64``.
        kwargs: options of ``VectorDataModule``.

    Raises:
        ValueError: for a name, a size or a file that cannot be used.
        FileNotFoundError: where a file is not there.

    >>> data = HiddenImagesDataModule("bumps", height=3, width=4, samples=100)
    >>> data.setup()
    >>> data.training_inputs().shape, data.description.extra["axes"]
    (torch.Size([100, 12]), [[3, 'chain'], [4, 'chain']])
    """

    split_options = ("split_seed",)

    def __init__(
        self,
        source: Source = "bumps",
        height: int = 28,
        width: int = 28,
        scramble: ScrambleKind = "permutation",
        scramble_seed: int | None = None,
        condition: float = 2.0,
        samples: int | None = None,
        eval_samples: int | None = None,
        labelled: int | None = None,
        noise: float = 0.0,
        widths: list[float] | None = None,
        shift: int = 8,
        coupling: float = 0.3,
        topology: Literal["lattice", "cylinder", "torus"] = "lattice",
        channels: int = 1,
        bits: int = 0,
        file: str = "",
        key: str | None = None,
        batch_size: int = 500,
        eval_batch_size: int = 2000,
        dtype: Literal["float32", "float64"] = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__("chain", dtype, batch_size, eval_batch_size, **kwargs)
        check_choice("source", source, get_args(Source))
        check_at_least(1, height=height, width=width, samples=samples, eval_samples=eval_samples)
        check_at_least(1, labelled=labelled)
        check_at_least(0, noise=noise, shift=shift, coupling=coupling)
        low, high = widths or (0.5, 1.0)
        if not 0 < low <= high:
            raise ValueError(f"data.widths must be two rising numbers above 0, got {widths}")
        if labelled is not None and source not in _DIGITS:
            raise ValueError(f"data.labelled is of digits, and data.source is {source}")
        if source == "patches" and max(height, width) > _LARGEST_PATCH:
            raise ValueError(
                f"data.height and data.width of patches are at most {_LARGEST_PATCH}, got "
                f"{height} and {width}"
            )
        if source == "quenched_spins" and height != 1:
            raise ValueError(f"quenched_spins are chains: data.height must be 1, got {height}")
        self.rings = _rings(topology, source, (height, width))
        _check_depth(channels, bits, source, scramble)
        self.channels, self.bits = channels, bits
        self.depth = bits or channels  # inputs to a place
        self.source, self.shape = source, (height, width)
        self.sizes = {"train": samples, "val": eval_samples, "test": eval_samples}
        self.labelled, self.noise, self.widths = labelled, noise, (low, high)
        self.coupling, self.file, self.key = coupling, file, key
        self.digits = None
        if source in _DIGITS:
            kind = cast(Literal["mnist", "shifted_mnist", "mnist_crops"], source)
            self.digits = DigitWindows(kind, self.shape, shift)
        self._options = scramble, scramble_seed, condition
        self._own: npt.NDArray[Any] | None = None
        self._own_rows: dict[str, npt.NDArray[np.int64]] = {}
        if source != "file":
            self.scramble = self._scramble()

    def _scramble(self) -> Scramble:
        kind, seed, condition = self._options
        dim = self.depth * self.shape[0] * self.shape[1]
        if dim < 3:
            raise ValueError(f"images of {dim} pixels have no order: choose a larger data.width")
        return Scramble(kind, dim, self.split_seed if seed is None else seed, condition)

    def prepare_data(self) -> None:
        """Find or download digits, on one process of each machine."""
        if self.digits is not None:
            self.digits.prepare(self.root)

    def setup(self, stage: str | None = None) -> None:
        """Read what is in files, once."""
        if self.digits is not None:
            self.digits.read(self.root)
            self._check_labelled()
        if self.source == "file" and self._own is None:
            self._read_own()

    def _check_labelled(self) -> None:
        if self.labelled is not None and self.labelled > self._count("train"):
            raise ValueError(
                f"data.labelled is {self.labelled}, but there are {self._count('train')} training "
                "samples"
            )

    def _read_own(self) -> None:
        path = user_file(self.file, self.root, "data.file")
        images, where = load_array(path, self.key)
        if images.ndim != 3 or images.dtype.kind not in "fiub" or min(images.shape) < 1:
            raise ValueError(
                f"{where} has shape {images.shape} of {images.dtype}, but grey images must be real "
                "numbers (N, height, width)"
            )
        self._own = np.asarray(images)
        if not np.isfinite(self._own).all():
            raise ValueError(f"{where} has missing or infinite numbers")
        rows = np.arange(len(images))
        few = f"{where} has only {len(rows)} images"
        self._own_rows = random_split(rows, _SHARE, _SHARE, self.split_seed, few)
        self.shape = (images.shape[1], images.shape[2])
        self.scramble = self._scramble()

    @property
    def description(self) -> DataDescription:
        """Vectors of shape ``(d,)``; the true places are in ``extra``, for scoring only."""
        if not hasattr(self, "scramble"):
            raise RuntimeError("call setup() of the HiddenImagesDataModule first")
        axes = [
            [n, "ring" if ring else "chain"]
            for n, ring in zip(self.shape, self.rings, strict=True)
            if n > 1
        ]
        targets = ("digit",) if self.labelled is not None else ()
        truth = self.scramble.truth
        extra = {**truth, "axes": axes}
        if self.depth > 1:
            channel, place = np.divmod(self.scramble.order, self.shape[0] * self.shape[1])
            extra |= {"places": place.tolist(), "channels": channel.tolist()}
        if targets:
            extra["classes"] = 10
        return DataDescription("vector", (len(self.scramble.order),), targets, extra=extra)

    def _count(self, split: str) -> int:
        """Number of samples of a split."""
        asked = self.sizes[split]
        most = len(self._own_rows[split]) if self.source == "file" else None
        if self.digits is not None:
            most = self.digits.most(split)
        if most is not None:
            return most if asked is None else min(asked, most)
        return _SAMPLES[split] if asked is None else asked

    def images(self, split: str, rows: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        """Images of these numbers before all else, and labels ``(B,)``, 0 if none.

        ``(B, H, W)``, in colour ``(B, 3, H, W)``, of bits ``(B, bits, H, W)``.
        """
        images, labels = self._drawn(split, rows)
        return bit_planes(images, self.bits) if self.bits else images, labels

    def _drawn(self, split: str, rows: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        seed, stream, none = self.split_seed, STREAMS[split], np.zeros(len(rows))
        if self.digits is not None:
            return self.digits.draw(seed, split, rows)
        if self._own is not None:
            own = self._own_rows[split]
            return self._own[own[rows % len(own)]].astype(np.float64), none
        if self.source == "bumps":
            law = coloured_bumps if self.channels > 1 else bumps
            return law(seed, stream, rows, self.shape, self.widths, self.rings), none
        if self.source == "spins":
            return spins(seed, stream, rows, self.shape, self.coupling, self.rings), none
        if self.source == "quenched_spins":
            return quenched_spins(seed, stream, rows, self.shape[1]), none
        return patches(seed, split, rows, self.shape, self.channels > 1), none

    def make_split(self, name: str) -> VectorDataset:
        """Draw the set, piece by piece, so that the memory is that of the result."""
        count, dim = self._count(name), len(self.scramble.order)
        level = self.noise * self._deviation() if self.noise else 0.0
        drawn = torch.empty(count, dim, dtype=self.dtype)
        labels = torch.empty(count, 1, dtype=self.dtype)
        for start in range(0, count, _CHUNK):
            # always whole pieces: the last bits of a matrix product depend on the number of rows
            rows = np.arange(start, start + _CHUNK)
            images, digits = self.images(name, rows)
            x = images.reshape(len(rows), dim)
            if level:
                x = x + level * normal_noise(self.split_seed, STREAMS[name], rows, dim)
            drawn[start : start + _CHUNK] = torch.from_numpy(self.scramble(x))[: count - start]
            labels[start : start + _CHUNK, 0] = torch.from_numpy(digits)[: count - start]
        return VectorDataset(drawn, y=labels if self.labelled is not None else None)

    def _deviation(self) -> float:
        """Standard deviation of all pixels, of the first training images."""
        return float(self.images("train", np.arange(_CHUNK))[0].std())

    def train_dataloader(self) -> DataLoader[Any]:
        """The training set, or of digits those that have labels."""
        if self.labelled is None:
            return super().train_dataloader()
        whole = self.split("train")
        some = VectorDataset(whole.x[: self.labelled], y=whole.y[: self.labelled])
        return self._loader(some, shuffle=True, train=True)


def _rings(topology: str, source: str, shape: tuple[int, int]) -> tuple[bool, bool]:
    """Whether rows go on at the other end, and columns; refused where the source cannot."""
    check_choice("topology", topology, ("lattice", "cylinder", "torus"))
    rings = (topology == "torus", topology != "lattice")
    if topology != "lattice" and source not in ("bumps", "spins"):
        raise ValueError(f"data.topology is of bumps and spins, and data.source is {source}")
    odd = [n for n, ring in zip(shape, rings, strict=True) if ring and n % 2]
    if source == "spins" and (odd or (any(rings) and shape[0] == 1)):
        raise ValueError(
            f"spins on a {topology} need even sides where it closes and at least two rows, got "
            f"{shape[0]} x {shape[1]}"
        )
    return rings


def _check_depth(channels: int, bits: int, source: str, scramble: str) -> None:
    """Refuse colours and bits of sources that have none, or behind a mixing."""
    permuted = scramble in ("none", "permutation")
    check_choice("channels", channels, (1, COLOURS))
    if channels > 1 and (source not in ("bumps", "patches") or not permuted):
        raise ValueError(
            "data.channels of 3 is of permuted bumps and patches, and these are "
            f"{source} with data.scramble {scramble}"
        )
    if not 0 <= bits <= BITS:
        raise ValueError(f"data.bits must be 0 to {BITS}, got {bits}")
    if bits and (source not in (*_DIGITS, "patches") or not permuted or channels > 1):
        raise ValueError(
            f"data.bits are of permuted digits and patches in grey, and these are {source} of "
            f"{channels} channels with data.scramble {scramble}"
        )

"""Shapes that elements of a hidden subgroup of the rotations have turned."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.noise import mix_seed
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.datamodules.clouds.cloud_data import CloudDataset
from symmetry_pl.datamodules.options import check_at_least
from symmetry_pl.datamodules.streams import STREAMS
from symmetry_pl.groups.rotations import rotation_of
from symmetry_pl.groups.subgroup_names import named_subgroup

__all__ = ["TurnedCloudsDataModule"]

_CHUNK = 4096  # clouds drawn with one generator, so that one depends on its place alone


class TurnedCloudsDataModule(SymmetryDataModule):
    r"""Base of datamodules of shapes o, each turned by an element h of a hidden subgroup.

    .. math:: x_i = \exp(\xi)\, h\, o_i + \varepsilon_i, \qquad h \sim U(H),\;
        \xi \sim N(0, \text{jitter}^2 I),\; \varepsilon_i \sim N(0, \text{noise}^2 I)

    Batches are clouds ``(B, n, d)``, NaN where a point is missing, no targets ``(B, 0)``, and
    places in the set ``(B,)``. The hidden group is ``subgroup``, for scoring only.

    A subclass says which shapes there are (``base_shapes``).

    Args:
        group: the hidden one by name: ``C4``, ``D3``, in space also ``T``, ``O``, ``I``, ``SO(2)``,
            ``O(2)``, ``SO(3)``; ``C1`` for none.
        axis: of C, D, SO(2) and O(2) in space; z if null.
        samples: size of the training set.
        eval_samples: size of the validation set and of the test set.
        jitter: standard deviation in radians of a rotation after h.
        noise: standard deviation of each coordinate, in units of the shapes.
        missing: points of each cloud that are missing, others in each.
        shuffle: whether the points of each cloud are in another order.
        kwargs: options of ``SymmetryDataModule``.

    Raises:
        ValueError: for an unknown group, or an option out of range.
    """

    points = 3
    """Dimensions of the space."""

    def __init__(
        self,
        group: str = "C4",
        axis: list[float] | None = None,
        samples: int = 20_000,
        eval_samples: int = 5000,
        batch_size: int = 1000,
        jitter: float = 0.0,
        noise: float = 0.0,
        missing: int = 0,
        shuffle: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **kwargs)
        check_at_least(1, samples=samples, eval_samples=eval_samples)
        check_at_least(0, jitter=jitter, noise=noise, missing=missing)
        self.subgroup = named_subgroup(group, self.points, axis)
        self.samples = {"train": samples, "val": eval_samples, "test": eval_samples}
        self.jitter, self.noise, self.missing, self.shuffle = jitter, noise, missing, shuffle
        self._shapes = torch.empty(0)

    @abstractmethod
    def base_shapes(self) -> Tensor:
        """Shapes ``(S, n, d)`` float64, NaN where a point is missing; called once, in ``setup``."""

    def chosen(self, name: str, places: npt.NDArray[np.int64], shapes: int) -> Tensor:
        """Which shape each cloud of a set is of, ``(B,)``: here any, each as likely."""
        generator = _draws(self.split_seed, name, 1, int(places[0]))
        return torch.randint(shapes, (len(places),), generator=generator)

    def setup(self, stage: str | None = None) -> None:
        """Make the shapes; once."""
        if not self._shapes.numel():
            shapes = self.base_shapes()
            if self.missing > shapes.shape[1] - 2:
                raise ValueError(
                    f"data.missing is {self.missing}, of {shapes.shape[1]} points: leave 2 at least"
                )
            self._shapes = shapes.double()

    @property
    def description(self) -> DataDescription:
        """Clouds of shape (n, d); the hidden group in ``extra``, for scoring only."""
        if not self._shapes.numel():
            raise RuntimeError(f"call setup() of the {type(self).__name__} first")
        shape = self._shapes.shape[1:]
        return DataDescription("cloud", tuple(shape), extra={"group": self.subgroup.name})

    def make_split(self, name: str) -> CloudDataset:
        """The set: cloud i is a function of (split_seed, set, i)."""
        count = self.samples[name]
        parts = [self._chunk(name, start) for start in range(0, count, _CHUNK)]
        return CloudDataset(torch.cat(parts)[:count].to(torch.get_default_dtype()))

    def _chunk(self, name: str, start: int) -> Tensor:
        """A whole chunk of clouds ``(_CHUNK, n, d)``."""
        places = np.arange(start, start + _CHUNK)
        base = self._shapes[self.chosen(name, places, len(self._shapes))]
        draws = _draws(self.split_seed, name, 0, start)
        turns = self.subgroup.sample(_CHUNK, generator=draws)
        angles = 1 if self.points == 2 else 3
        wobble = torch.randn(_CHUNK, angles, generator=draws, dtype=torch.float64)
        x = base @ (rotation_of(self.jitter * wobble) @ turns).mT
        if self.noise:
            x = x + self.noise * torch.randn(x.shape, generator=draws, dtype=x.dtype)
        order = torch.rand(x.shape[:2], generator=draws).argsort(1)
        if self.missing:
            x = x.scatter(1, order[:, : self.missing, None].expand(-1, -1, x.shape[2]), torch.nan)
        if self.shuffle:
            order = torch.rand(x.shape[:2], generator=draws).argsort(1)
            x = x.gather(1, order[..., None].expand_as(x))
        return x


def _draws(seed: int, name: str, stream: int, start: int) -> torch.Generator:
    """The generator of a chunk."""
    stream = len(STREAMS) * stream + STREAMS[name]
    return torch.Generator().manual_seed(mix_seed(mix_seed(seed, stream), start))

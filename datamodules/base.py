"""What every datamodule shares: options, rank-aware loaders and the description of the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from symmetry_pl.core.description import DataDescription


class SymmetryDataModule(LightningDataModule, ABC):
    """Base of all datamodules.

    Batches are tuples whose first two entries are the input ``x`` and the target ``y``; a third
    entry, where there is one, is the row number ``(B,)`` in the source data. With several
    processes ``batch_size`` is the size *per process*: the batch an optimiser step sees is
    ``batch_size × world size``, and its samples are the same, in the same order, for any number
    of processes.

    Args:
        root: folder with data files; ``None`` means ``$SYMMETRY_DATA``, else
            ``~/.cache/symmetry_pl``.
        batch_size: training samples a step and process.
        eval_batch_size: samples a step in validation, test and prediction.
        num_workers: loader processes; 0 loads in the training process.
        split_seed: decides which rows are held out, apart from the seed of training.
    """

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        num_workers: int = 0,
        split_seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("num_workers", num_workers, 0),
        ):
            if value < least:
                raise ValueError(f"data.{name} must be at least {least}, got {value}")
        self.root = root
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.split_seed = split_seed

    @property
    @abstractmethod
    def description(self) -> DataDescription:
        """Names, units and scales; available after ``setup``."""

    def colours(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """What figures colour points by: a label and one number a sample for each panel.

        Args:
            x: inputs ``(N, …)`` as in batches.
            y: targets ``(N, t)`` as in batches; here each target in its own unit.
        """
        d = self.description
        units = d.target_units or ("",) * len(d.target_names)
        labels = [f"{n} [{u}]" if u else n for n, u in zip(d.target_names, units, strict=True)]
        if d.target_scale:
            y = y * y.new_tensor(d.target_scale) + y.new_tensor(d.target_mean)
        return {label: y[:, i] for i, label in enumerate(labels)}

    @property
    def world_size(self) -> int:
        """Processes that share the data; 1 without a trainer."""
        return self.trainer.world_size if self.trainer is not None else 1

    @property
    def rank(self) -> int:
        """Which of these processes this is."""
        return self.trainer.global_rank if self.trainer is not None else 0

    def leading_epochs(self, phases: Sequence[str], option: str) -> int:
        """Whole epochs that the first phases of the attached model last.

        Raises:
            ValueError: without a model, or where they are not whole epochs.
        """
        if not phases:
            return 0
        model: Any = None if self.trainer is None else self.trainer.lightning_module
        if model is None:
            raise ValueError(f"{option} follows the phases of a model: train one with these data")
        epochs: int = model.leading_epochs(phases, option)
        return epochs

    def _loader(
        self,
        dataset: Dataset[Any],
        *,
        shuffle: bool = False,
        train: bool = False,
        sampler: DistributedSampler[Any] | None = None,
    ) -> DataLoader[Any]:
        """A loader whose dataset answers ``__getitems__`` with a whole batch of tensors.

        Lightning leaves a ``DistributedSampler`` alone, so that order and shuffling are ours: rank
        r of W takes positions r, r + W, … of one permutation that all processes share.
        """
        if sampler is None:
            sampler = DistributedSampler(
                dataset,
                num_replicas=self.world_size,
                rank=self.rank,
                shuffle=shuffle,
                seed=self.split_seed,
                drop_last=train,
            )
        if train and sampler.num_samples < self.batch_size:
            raise ValueError(
                f"data.batch_size is {self.batch_size}, but a process has only "
                f"{sampler.num_samples} training samples: choose a smaller data.batch_size"
            )
        return DataLoader(
            dataset,
            batch_size=self.batch_size if train else self.eval_batch_size,
            sampler=sampler,
            drop_last=train,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=as_is,
            pin_memory=torch.cuda.is_available(),
        )


D = TypeVar("D", bound=Dataset[Any])


class SplitDataModule(SymmetryDataModule, Generic[D]):
    """Base of datamodules whose three sets are made when they are first asked for, and kept."""

    @cached_property
    def _splits(self) -> dict[str, D]:
        return {}

    @abstractmethod
    def make_split(self, split: str) -> D:
        """The ``"train"``, ``"val"`` or ``"test"`` set; called once each, after ``setup``."""

    def split(self, name: str) -> D:
        """The ``"train"``, ``"val"`` or ``"test"`` set, made at the first call and kept."""
        if name not in self._splits:
            self._splits[name] = self.make_split(name)
        return self._splits[name]

    def train_dataloader(self) -> DataLoader[Any]:
        """The fixed training set, in a new order every epoch."""
        return self._loader(self.split("train"), shuffle=True, train=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation set."""
        return self._loader(self.split("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        """The test set."""
        return self._loader(self.split("test"))

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test set."""
        return self.test_dataloader()


class BatchDataset(Dataset[tuple[Tensor, ...]], ABC):
    """A dataset that makes a whole batch of tensors at once; one sample is a batch of one."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        """The batch of these indices, the samples along the first axis of every tensor."""

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        """One sample, without the axis of the batch."""
        return tuple(part[0] for part in self.__getitems__([index]))


def as_is(batch: Any) -> Any:
    """Collate function of datasets that return whole batches."""
    return batch


class StreamSampler(DistributedSampler[Any]):
    """Never the same index twice: epoch e of an endless dataset is e·n … (e+1)·n − 1.

    Args:
        samples: n, the samples that count as one epoch, over all processes.
        world_size: number of processes W.
        rank: this process; it takes every W-th index.
    """

    def __init__(self, samples: int, world_size: int = 1, rank: int = 0) -> None:
        super().__init__(
            range(samples),  # type: ignore[arg-type]
            num_replicas=world_size,
            rank=rank,
            shuffle=False,
            drop_last=True,
        )

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * self.total_size
        return iter(range(first + self.rank, first + self.total_size, self.num_replicas))

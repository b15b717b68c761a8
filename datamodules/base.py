"""What every datamodule shares: options, rank-aware loaders and the description of the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.core.description import DataDescription
from symmetry_pl.datamodules.options import check_at_least


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
        split_seed: decides what is drawn and which rows are held out, apart from the seed of
            training.
    """

    split_options: ClassVar[tuple[str, ...]] = ()
    """Options that decide which samples are held out; none where sets are drawn, or fixed."""

    def __init__(
        self,
        root: str | None = None,
        batch_size: int = 128,
        eval_batch_size: int = 1000,
        num_workers: int = 0,
        split_seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, batch_size=batch_size, eval_batch_size=eval_batch_size)
        check_at_least(0, num_workers=num_workers)
        self.root = root
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.split_seed = split_seed
        self.bad_rows: tuple[BadRow, ...] = ()
        """Faults of the rows that cannot be used; known after ``setup``, also where it refuses."""
        self._splits: dict[str, Any] = {}

    @property
    @abstractmethod
    def description(self) -> DataDescription:
        """Names, units and scales; available after ``setup``."""

    @property
    def gives_targets(self) -> bool:
        """Whether batches have targets, which some methods are told; known after ``setup``."""
        return bool(self.description.target_names)

    @abstractmethod
    def make_split(self, name: str) -> BatchDataset:
        """The ``train``, ``val`` or ``test`` set; called once each, after ``setup``."""

    def split(self, name: str) -> Any:
        """The ``train``, ``val`` or ``test`` set, made at the first call and kept."""
        if name not in self._splits:
            self._splits[name] = self.make_split(name)
        return self._splits[name]

    @property
    def own_file(self) -> Path | None:
        """The file or folder of one's own that is read; None where there is none."""
        return None

    def adopt(self, description: DataDescription) -> None:
        """Before a prediction: read inputs as the model's data were; here there is nothing to do.

        Args:
            description: the ``data`` of the model.
        """

    def row_columns(self, rows: Tensor) -> dict[str, list[Any]]:
        """What a table of predictions says of these rows of the source, by column; here nothing.

        Args:
            rows: row numbers ``(N,)``.
        """
        return {}

    def continue_from(self, description: DataDescription) -> None:
        """Before a fit that starts from a model of other data: read inputs as its data were.

        Args:
            description: the ``data`` of that model. Here there is nothing to do.
        """

    def continue_as(self, description: DataDescription) -> None:
        """Before a model is tested, or its fit is resumed: read inputs as they were for it.

        Args:
            description: the ``data`` of the model. Here there is nothing to do.
        """

    @property
    def split_identity(self) -> dict[str, Any]:
        """What decides which samples are held out, as plain values; in ``description.extra``.

        Where two models' differ, what tests the one may have trained the other.
        """
        return {name: getattr(self, name) for name in self.split_options}

    def training_inputs(self, limit: int | None = None) -> Tensor:
        """Inputs of the training set, or of the first of it, the same on every process.

        Args:
            limit: number of samples n; null for all, of an endless stream for one epoch.

        Returns:
            ``(n, …)``, as in batches.
        """
        data = self.split("train")
        x: Tensor = data.__getitems__(range(len(data))[:limit])[0]
        return x

    def train_dataloader(self) -> DataLoader[Any]:
        """The training set, in a new order every epoch."""
        return self._loader(self.split("train"), shuffle=True, train=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation set."""
        return self._loader(self.split("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        """The test set.

        Raises:
            ValueError: if no samples were kept for it.
        """
        test = self.split("test")
        if not len(test):
            raise ValueError("there is no test set, as data.test_fraction is 0: set it above 0")
        return self._loader(test)

    def predict_dataloader(self) -> DataLoader[Any]:
        """The test set."""
        return self.test_dataloader()

    def colours(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """What figures colour points by: a label and one number a sample for each panel.

        Args:
            x: inputs ``(N, …)`` as in batches.
            y: targets ``(N, t)`` as in batches; here each target in its own unit.
        """
        d = self.description
        if d.target_scale:
            y = y * y.new_tensor(d.target_scale) + y.new_tensor(d.target_mean)
        return {label: y[:, i] for i, label in enumerate(d.target_labels)}

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

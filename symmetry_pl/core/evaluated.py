"""A module that is evaluated: one loop for validation and test, whatever the figures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sized
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.core.clock import ClockedModule
from symmetry_pl.core.evaluation import Batch, Evaluator, Stage


class EvaluatedModule(ClockedModule, ABC):
    """Runs its evaluators over validation and test sets, and logs what they find.

    Args:
        thorough_every: epochs between two thorough validations, which cost seconds; the last
            validation of a fit, ``validate`` and ``test`` are always thorough.
        kwargs: options of ``ClockedModule``.

    Raises:
        ValueError: if ``thorough_every`` is negative.
    """

    headline: ClassVar[tuple[str, ...]] = ()

    def __init__(self, thorough_every: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if thorough_every < 0:
            raise ValueError(f"thorough_every must not be negative, got {thorough_every}")
        self.thorough_every = thorough_every
        self._evaluators: dict[str, Evaluator] = {}  # no submodules: they leave no trace
        self._evaluated = 0  # samples of this set, on this process

    @abstractmethod
    def configure_evaluator(self, stage: Literal["val", "test"]) -> Evaluator:
        """The figures of a validation or a test."""

    def evaluator(self, stage: Literal["val", "test"]) -> Evaluator:
        """The figures of a set, made when they are first asked for."""
        if stage not in self._evaluators:
            self._evaluators[stage] = self.configure_evaluator(stage)
        dtype = self.dtype
        assert isinstance(dtype, torch.dtype)
        return self._evaluators[stage].to(self.device, dtype)

    def evaluation_stage(self, name: Literal["val", "test"]) -> Stage:
        """Which set is evaluated now, and whether thoroughly."""
        epoch, last = self.current_epoch + 1, self.trainer.max_epochs
        ends = epoch == last or self.trainer.should_stop
        due = ends or (self.thorough_every > 0 and epoch % self.thorough_every == 0)
        fitting = self.trainer.state.fn == TrainerFn.FITTING
        return Stage(
            name,
            due or name == "test" or not fitting,
            getattr(self.trainer, "datamodule", None),
            self.trainer.global_rank,
            self.trainer.world_size,
        )

    def on_validation_epoch_start(self) -> None:
        """Forget the previous evaluation."""
        self._begin("val")

    def on_test_epoch_start(self) -> None:
        """Forget the previous evaluation."""
        self._begin("test")

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch of the validation set."""
        self._add("val", batch, batch_idx, self.trainer.val_dataloaders)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch of the test set."""
        self._add("test", batch, batch_idx, self.trainer.test_dataloaders)

    def _begin(self, name: Literal["val", "test"]) -> None:
        self._evaluated = 0
        self.evaluator(name).reset()

    def _add(self, name: Literal["val", "test"], batch: Batch, index: int, loader: Any) -> None:
        """Give a batch to the evaluator, without what a sampler repeats to give equal shares."""
        stage = self.evaluation_stage(name)
        count = len(batch[0])
        places = torch.arange(self._evaluated, self._evaluated + count)
        places = places * stage.world_size + stage.rank
        self._evaluated += count
        if stage.world_size > 1:
            dataset = getattr(loader, "dataset", None)
            own = places < (len(dataset) if isinstance(dataset, Sized) else math.inf)
            kept = int(own.sum())  # those that are repeated come last
            batch, places = tuple(part[:kept] for part in batch), places[:kept]
            if not kept:
                return
        self.evaluator(name).update(self, batch, index, replace(stage, places=places))

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the validation set."""
        self._log_figures("val")

    def on_test_epoch_end(self) -> None:
        """Log the figures of the test set."""
        self._log_figures("test")

    def _log_figures(self, name: Literal["val", "test"]) -> None:
        values = self.evaluator(name).compute(self, self.evaluation_stage(name))
        for key, value in values.items():
            # all processes have the same value; their maximum is that, and satisfies Lightning
            self.log(
                f"{name}/{key}",
                torch.as_tensor(value, device=self.device),
                prog_bar=key in self.headline,
                sync_dist=self.trainer.world_size > 1,
                reduce_fx="max",
            )

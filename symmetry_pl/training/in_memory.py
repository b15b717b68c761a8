"""Training that leaves nothing behind but a checkpoint in memory."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.utilities.seed import seed_everything
from pytorch_lightning import Callback, Trainer

from symmetry_pl.callbacks.progress import HeadlineBar, HeadlineLines
from symmetry_pl.core import SymmetryModule
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.messages import shortened
from symmetry_pl.rng import global_generators_kept
from symmetry_pl.runs.signals import Stopped, stops_raised
from symmetry_pl.training.trainer import DEFAULTS, as_ours

__all__ = ["trained"]

_SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")
_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")
_VALIDATIONS = 10


def trained(
    build: Callable[[], SymmetryModule],
    data: SymmetryDataModule,
    *,
    max_epochs: int,
    seed: int,
    verbose: int = 0,
    threads: int | None = None,
    accelerator: str = "auto",
    validate: bool = False,
) -> bytes:
    """Fit a model as ``symmetry fit`` does, and give its last checkpoint, without optimisers.

    With the same data, options and seed the weights are those of the command line, bit by bit.
    No file stays, and nothing of the process is changed: seeds, threads, warnings, signals. As
    those are the process's own, threads train one after the other.

    Args:
        build: makes the model, after the seed is set.
        data: what it is trained on.
        max_epochs: passes over the training set.
        seed: of all that is random.
        verbose: 0 prints nothing, 1 shows a progress bar, 2 also validates some ten times and
            shows the headline figures.
        threads: CPU threads of torch; as they are if null.
        accelerator: of the trainer: ``auto``, ``cpu``, ``gpu``.
        validate: whether to validate after each epoch whatever ``verbose`` says, for a model that
            chooses weights or stops by the validation set.

    Raises:
        ValueError: for data or options that the model cannot use.
        KeyboardInterrupt: if it is interrupted.
    """
    with (
        global_generators_kept([] if accelerator == "cpu" else range(torch.cuda.device_count())),
        _undisturbed(seed, threads),
        _quiet(verbose),
        TemporaryDirectory() as folder,
    ):
        model = build()
        options: dict[str, Any] = {"check_val_every_n_epoch": 1}
        if not validate:
            options = {"check_val_every_n_epoch": max(1, max_epochs // _VALIDATIONS)}
        if not validate and verbose < 2:
            options = {"limit_val_batches": 0}
        try:
            trainer = Trainer(
                max_epochs=max_epochs,
                accelerator=accelerator,
                logger=False,
                enable_checkpointing=False,
                enable_model_summary=False,
                enable_progress_bar=verbose > 0,
                callbacks=_progress(verbose),
                default_root_dir=folder,
                **DEFAULTS,
                **options,
            )
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise ValueError(f"accelerator: {shortened(str(error), 300)}") from error
        as_ours(trainer).fit(model, data)
        path = Path(folder) / "last.ckpt"
        trainer.save_checkpoint(path, weights_only=True)
        return path.read_bytes()


def _progress(verbose: int) -> list[Callback]:
    shown: list[Callback] = []
    if verbose > 0:
        shown.append(HeadlineBar())
    if verbose > 1 and not sys.stderr.isatty():
        shown.append(HeadlineLines())
    return shown


@contextmanager
def _undisturbed(seed: int, threads: int | None) -> Iterator[None]:
    """Seed everything within the block, and leave threads and Ctrl-C as they were."""
    numbers, python = np.random.get_state(), random.getstate()  # noqa: NPY002 (what libraries use)
    environment = {name: os.environ.get(name) for name in _SEEDS}
    before = torch.get_num_threads()
    try:
        with stops_raised((signal.SIGINT,)):
            if threads is not None:
                torch.set_num_threads(threads)
            seed_everything(seed, verbose=False)
            yield
    except Stopped:
        raise KeyboardInterrupt from None
    finally:
        torch.set_num_threads(before)
        np.random.set_state(numbers)  # noqa: NPY002
        random.setstate(python)
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet(verbose: int) -> Iterator[None]:
    """Keep Lightning's advice to itself within the block; what our own code warns of is shown."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    with warnings.catch_warnings():
        # on workers, loggers and batches, for those who build a trainer themselves
        warnings.filterwarnings(
            "ignore", module=r"(pytorch_lightning|lightning_fabric|torch|torchmetrics)\b"
        )
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\).*")
        try:
            for name in _LOGGERS if verbose < 2 else ():
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)

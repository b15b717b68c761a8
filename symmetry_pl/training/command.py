"""``symmetry fit|validate|test|predict``: the command."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path

import torch
import yaml
from jsonargparse import ArgumentError, set_loader
from pytorch_lightning.cli import ArgsType

from symmetry_pl import datamodules, lens, sgm, stib
from symmetry_pl.callbacks import RunConfig
from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.distributed import peer_lost
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.runs.provenance import package_version
from symmetry_pl.runs.signals import stops_raised
from symmetry_pl.training.arguments import (
    check_class_names,
    check_configs,
    check_options,
    read_config,
    with_saved_config,
    with_shipped_configs,
    with_todays_names,
)
from symmetry_pl.training.entries import with_whole_entries
from symmetry_pl.training.parser_errors import parser_sentence
from symmetry_pl.training.symmetry_cli import SymmetryCLI
from symmetry_pl.training.trainer import DEFAULTS

# imported, so that the parser knows their classes by bare names
ROOMS = (datamodules, lens, sgm, stib)

_CONFIGS = "symmetry"  # the parser's name for YAML in which older names are understood


def with_saved_model(args: list[str]) -> list[str]:
    """``--model`` of a checkpoint that no config lies beside, as one that Python saved."""
    words = [word for argument in args for word in argument.split("=", 1)]
    named = {"--config", "-c", "--model", "--model.class_path"} & {*words}
    if "--ckpt_path" not in words[:-1] or named:
        return args
    path = Path(words[words.index("--ckpt_path") + 1])
    return [*args, "--model", Checkpoint.read(path).class_path] if path.is_file() else args


def run(args: ArgsType = None) -> SymmetryCLI:
    """Parse and run one subcommand; errors are raised.

    Raises:
        ValueError: for arguments that the parser refuses, among others.
    """
    if isinstance(args, list):
        args = with_shipped_configs(with_saved_model(with_saved_config(with_todays_names(args))))
        check_configs(args)
        args = with_whole_entries(args)
        check_options(args)
        check_class_names(args, {"model": SymmetryModule, "data": SymmetryDataModule})
    set_loader(_CONFIGS, read_config, (yaml.YAMLError,))
    try:
        return _cli(args)
    except ArgumentError as error:
        raise ValueError(parser_sentence(str(error))) from error


def _cli(args: ArgsType) -> SymmetryCLI:
    return SymmetryCLI(
        SymmetryModule,
        SymmetryDataModule,
        save_config_callback=RunConfig,
        trainer_defaults=dict(DEFAULTS),
        seed_everything_default=0,
        parser_kwargs={
            "prog": "symmetry",
            "version": package_version(),
            "parser_mode": _CONFIGS,
            "exit_on_error": False,
        },
        subclass_mode_model=True,
        subclass_mode_data=True,
        auto_configure_optimizers=False,
        args=args,
    )


def main(args: list[str]) -> int:
    """Run one subcommand of the trainer; what is wrong is raised.

    Raises:
        ValueError: for an option, data or weights that cannot be used, as ``FileNotFoundError``.
        Stopped: where a signal told it to stop.
    """
    if not torch.cuda.is_available():
        # a CUDA build without a GPU looks for the driver at every optimiser step; this stops it
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    warnings.filterwarnings("ignore", message="LightningCLI's args parameter is intended")
    # the run's folder is ours, and a continued run's history has been set aside;
    # Lightning 2.6 asks torch 2.14's pytree a deprecated question at every start
    warnings.filterwarnings("ignore", message=".*exists and is not empty. Previous log files")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
    threading.excepthook = _of_a_thread
    with stops_raised():
        try:
            run(args)
        except RuntimeError as error:
            if not peer_lost(error):
                raise
            return 1  # the run's record has said so
    return 0


def _of_a_thread(args: threading.ExceptHookArgs) -> None:
    """Say nothing of a full disk that TensorBoard's thread meets: it is raised again in ours."""
    if not isinstance(args.exc_value, OSError):
        threading.__excepthook__(args)

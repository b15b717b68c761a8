"""Lightning's command line with run folders: what a subcommand of the trainer does."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.utilities.rank_zero import _get_rank
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_info, rank_zero_only, rank_zero_warn

from symmetry_pl.callbacks import BadRows, Figures, PredictionWriter, RunRecord
from symmetry_pl.callbacks.bad_rows import listed_if_refused
from symmetry_pl.callbacks.epoch_checkpoint import EpochCheckpoint
from symmetry_pl.callbacks.progress import progress
from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.registry import check_finite
from symmetry_pl.messages import shortened
from symmetry_pl.runs.folders import (
    LOG_ROOT,
    claim_run,
    keep_history,
    locked,
    newest_run,
    next_run,
    remove_folders,
    run_name_of,
    run_of_checkpoint,
    validated_figures,
    withdrawn_if_refused,
)
from symmetry_pl.runs.named import checkpoint_path, named_checkpoints
from symmetry_pl.training.arguments import (
    flat,
)
from symmetry_pl.training.precision import prediction_precision, usable_precision
from symmetry_pl.training.prediction_names import prediction_name
from symmetry_pl.training.tested_options import given_options, put_back
from symmetry_pl.training.trainer import as_ours


class SymmetryCLI(LightningCLI):
    """Lightning's CLI with run folders, and with the silent traps of games made loud.

    - A run lives in ``<log_root>/<run_name>/version_k``: config.yaml, checkpoints (``last`` and
      ``best``), figures and metrics.json, whatever the logger; TensorBoard events and metrics.csv
      unless another one is chosen.
    - ``--ckpt_path last`` is the newest run's last checkpoint; ``fit`` continues in its folder.
    - What a checkpoint's hyper-parameters override is printed. Options that only a test asks for
      are the command line's, where it gives them.
    - ``test`` without a checkpoint says that it scores random weights.
    - What is refused before its first batch leaves no folder that looks like a run.
    - Molecules to predict are spelled as those that the checkpoint was trained on.
    """

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Options beside the trainer's, the model's and the data's."""
        parser.add_argument(
            "--run_name",
            type=str | None,
            default=None,
            help="Folder under log_root; by default the config's path below configs/.",
        )
        parser.add_argument("--log_root", type=str, default=LOG_ROOT, help="Folder of all runs.")
        parser.add_argument(
            "--init_weights",
            type=str | None,
            default=None,
            help="Checkpoint whose weights (and nothing else) training starts from.",
        )
        parser.add_argument(
            "--init_from",
            type=str | None,
            default=None,
            help="Checkpoint, by path or by name (symmetry checkpoints), that training starts "
            "from though its data had other symbols, lengths or targets.",
        )
        parser.add_argument(
            "--threads",
            type=int | None,
            default=None,
            help="CPU threads of torch; small networks are fastest with 1.",
        )

    # -- before anything is built ----------------------------------------------------------------

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse them, and keep which were given."""
        self.given = [str(word) for word in (args if isinstance(args, list) else sys.argv[1:])]
        super().parse_arguments(parser, args)

    def _option(self, name: str) -> Any:
        return self.config[self.config["subcommand"]].get(name)

    def _parse_ckpt_path(self) -> None:
        """Resolve ``last`` and ``best``; print what a checkpoint overrides."""
        section = self.config[self.config["subcommand"]]
        root = Path(section["log_root"])
        asked = Path(section["run_name"] or "")
        if asked.is_absolute() or ".." in asked.parts:
            raise ValueError(f"--run_name must be a folder below --log_root, got {asked}")
        configs = [str(c) for c in section.get("config") or []]
        self.run_name = section["run_name"] or run_name_of(configs, section["log_root"])
        if section.get("ckpt_path") in ("last", "best"):
            run = newest_run(root / self.run_name, section["ckpt_path"])
            section["ckpt_path"] = str(run / "checkpoints" / f"{section['ckpt_path']}.ckpt")
        path = section.get("ckpt_path")
        named = None
        if path is not None:
            path = section["ckpt_path"] = str(checkpoint_path(path, "--ckpt_path"))
            named = next((c for c in named_checkpoints().values() if str(c.path) == path), None)
        self.checkpoint = None if path is None else Checkpoint.read(path)
        if named is not None and self.config["subcommand"] == "fit":
            raise ValueError(
                f"--ckpt_path: {named.name} comes without what a resumed fit needs: start from its "
                "weights with --init_weights, or --init_from for other data"
            )
        before, given = flat(section.get("model")), self._given_to_test(section)
        saved = {} if self.checkpoint is None else self.checkpoint.state["hyper_parameters"]
        if self.checkpoint is not None and "_class_path" not in saved:  # of a trainer in Python
            model = {"class_path": self.checkpoint.class_path, "dict_kwargs": saved}
            self.config = self.parser.parse_object(
                {self.config["subcommand"]: {"model": model}}, self.config
            )
        else:
            super()._parse_ckpt_path()
        self.asked = put_back(self._option("model"), given)
        for key, (old, new) in self.asked.items():
            rank_zero_info(
                f"[command line] {key}: {old!r} (checkpoint) becomes {new!r}, in this test alone"
            )
        after = flat(self._option("model"))
        for key in sorted(before):
            if self.checkpoint is not None and key not in after and before[key] is not None:
                rank_zero_info(
                    f"[checkpoint] model.{key}: {before[key]!r} (config) is not in it, and left out"
                )
            elif key in after and before[key] != after[key]:
                rank_zero_info(
                    f"[checkpoint] model.{key}: {before[key]!r} (config) becomes {after[key]!r}"
                )
        # another process than the first writes nothing: it needs a name of a folder, no folder
        self._made: list[Path] = []
        if named is not None:  # what it gives is the user's, not the package's
            self.run_name = section["run_name"] or named.name
        self._new = path is None or named is not None
        self.run_dir = next_run(root / self.run_name) if self._new else run_of_checkpoint(str(path))

    def _given_to_test(self, section: Any) -> dict[str, Any]:
        """Options of the test that the command line gives, as it and the configs have them."""
        if self.checkpoint is None or self.config["subcommand"] not in ("validate", "test"):
            return {}
        options = section["model"].get("init_args") or {}
        names = given_options(self.given, self.checkpoint.model_class().test_options)
        return {name: options[name] for name in names if name in options}

    def before_instantiate_classes(self) -> None:
        """Claim a new run's folder, set the threads before a tensor is made."""
        for name, value in flat(self.config[self.config["subcommand"]]).items():
            check_finite(value, f"--{name}")
        threads = self._option("threads")
        if threads is not None and threads < 1:
            raise ValueError(f"--threads must be at least 1, got {threads}")
        if self._new and not _get_rank():
            self._made = claim_run(self.run_dir.parent)
            self.run_dir = self._made[0]
        self.save_config_kwargs["run_dir"] = self.run_dir
        if threads is not None:
            torch.set_num_threads(threads)

    def instantiate_classes(self) -> None:
        """Build everything, or withdraw the folder."""
        try:
            super().instantiate_classes()
        except BaseException:
            if self._made:
                remove_folders(self._made)
            raise

    # -- the trainer -----------------------------------------------------------------------------

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the run folder's loggers and callbacks."""
        options = self._option("trainer")
        if options.get("logger") in (None, True):
            kwargs["logger"] = self._loggers()
        if not sys.stderr.isatty():
            kwargs["enable_progress_bar"] = False  # HeadlineLines are there instead
        precision = options.get("precision")
        if self.subcommand == "predict":
            kwargs["precision"] = precision = prediction_precision(precision)
        instead = usable_precision(precision, str(options.get("accelerator", "auto")))
        if instead is not None:
            kwargs["precision"] = instead
            rank_zero_warn(
                f"trainer.precision {precision} becomes {instead}: this processor has "
                "no fast bfloat16, which would take many times as long"
            )
        self.trainer_defaults["callbacks"] = self._callbacks(options)
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (ValueError, TypeError, MisconfigurationException, ModuleNotFoundError) as error:
            raise ValueError(f"--trainer: {shortened(str(error), 300)}") from error
        return as_ours(trainer)

    def _loggers(self) -> list[Any]:
        place: dict[str, Any] = {
            "save_dir": str(self.run_dir.parent),
            "name": "",
            "version": self.run_dir.name,
        }
        loggers: list[Any] = [TensorBoardLogger(**place, default_hp_metric=False)]
        if self.subcommand == "fit":
            if self._option("ckpt_path"):
                rank_zero_only(keep_history)(self.run_dir)
            loggers.append(CSVLogger(**place))
        return loggers

    def _callbacks(self, options: Any) -> list[Callback]:
        configs, checkpoint = self._option("config") or [], self._option("ckpt_path")
        asked = [f"{key}={new}" for key, (_, new) in self.asked.items()]
        callbacks: list[Callback] = [
            RunRecord(
                list(map(str, configs)), self.run_dir, checkpoint and Path(checkpoint), asked
            ),
            PredictionWriter(self.run_dir, self._prediction_name()),
            BadRows(self.run_dir / self._bad_rows_name()),
            Figures(self.run_dir),
        ]
        if options.get("enable_progress_bar") is not False:
            callbacks.append(progress())
        if options.get("enable_checkpointing") is not False:
            common: dict[str, Any] = {
                "dirpath": str(self.run_dir / "checkpoints"),
                "enable_version_counter": False,
            }
            callbacks += [
                EpochCheckpoint(filename="last", save_on_train_epoch_end=True, **common),
                EpochCheckpoint(filename="best", monitor="val/objective", mode="min", **common),
            ]
        return callbacks

    def _prediction_name(self) -> str:
        """With the name of a file that is not the run's own, whose predictions stay."""
        trained = None if self.checkpoint is None else run_of_checkpoint(str(self.checkpoint.path))
        return prediction_name(self.datamodule, trained)

    def _bad_rows_name(self) -> str:
        """Those of a prediction, which may be of other data, leave those of the fit alone."""
        told = f"_{self._prediction_name()}" if self.subcommand == "predict" else ""
        return f"bad_rows{told}.csv"

    # -- subcommands -----------------------------------------------------------------------------

    def _run_subcommand(self, subcommand: str) -> None:
        """Run it, and withdraw the folder of a run that never began."""
        if self.checkpoint is not None and self.checkpoint.data is not None:
            self.datamodule.continue_as(self.checkpoint.data)
        if subcommand != "predict":
            self._warn_of_other_split(self.checkpoint)
        first = subcommand == "fit" and self.trainer.is_global_zero
        kept = locked(self.run_dir) if first else nullcontext()
        begun = lambda: self.model.batches_seen > 0  # noqa: E731
        # above the folder of a run that is withdrawn, else in it
        place = (self.run_dir.parent if self._made else self.run_dir) / self._bad_rows_name()
        with (
            listed_if_refused(place),
            withdrawn_if_refused(self._made, begun, remove_folders),
            kept,
        ):
            super()._run_subcommand(subcommand)

    def before_predict(self) -> None:
        """Have inputs read as those that the checkpoint was trained on."""
        if self.checkpoint is not None and self.checkpoint.data is not None:
            self.datamodule.adopt(self.checkpoint.data)

    def _warn_of_other_split(self, checkpoint: Checkpoint | None) -> None:
        warning = None if checkpoint is None else checkpoint.other_split(self.datamodule)
        if warning is not None:
            rank_zero_warn(warning)

    def before_fit(self) -> None:
        """Load weights to start from."""
        path, other = self._option("init_weights"), self._option("init_from")
        if self._option("ckpt_path"):
            return
        if other is not None:
            if path is not None:
                raise ValueError("--init_from and --init_weights exclude each other: give one")
            self._start_from(other)
        if path is None:
            return
        weights = Checkpoint.read(checkpoint_path(path, "--init_weights"), "--init_weights")
        self._warn_of_other_split(weights)
        ignored = weights.weights_into(self.model)
        rank_zero_info(f"started from the weights of {path}; not in both: {ignored or 'none'}")

    def _start_from(self, name: str) -> None:
        """Have data spelled, and weights taken, as those of a model of other data."""
        start = Checkpoint.read(checkpoint_path(name, "--init_from"), "--init_from")
        if start.data is None:
            raise ValueError(f"--init_from: {name} does not say what it was trained on")
        self._warn_of_other_split(start)
        self.datamodule.continue_from(start.data)
        self.model.start_from(start.state["state_dict"], start.data, f"--init_from {name}")

    def test(self, model: SymmetryModule, **kwargs: Any) -> None:
        """Repeat the fit's last validation, so that a wrongly loaded model shows; then test."""
        path = self._option("ckpt_path")
        if path is None:
            rank_zero_warn(
                "no --ckpt_path: what follows are the figures of RANDOM weights, not of a trained "
                "model"
            )
        kwargs |= {"ckpt_path": path, "verbose": False}  # our own table is printed instead
        expected, validated = validated_figures(self.run_dir)
        self.trainer.validate(model, **kwargs)
        if not path or Path(path).name != "last.ckpt" or model.batches_seen != validated:
            expected = {}  # these are figures of other weights
        if self.asked:
            expected = {}  # or of other questions
        for name, value in self.trainer.callback_metrics.items():
            if abs(float(value) - expected.get(name, float(value))) > 1e-3:
                rank_zero_warn(
                    f"{name} is {float(value):.4g}, but the fit ended with {expected[name]:.4g}: "
                    "other data, another machine, or a model that was not loaded as it was saved"
                )
        self.trainer.test(model, **kwargs)

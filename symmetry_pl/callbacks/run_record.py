"""A run's ``metrics.json`` and the lines a user reads at its end."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.callbacks.summary import summary_table
from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.distributed import peer_lost
from symmetry_pl.core.files import atomic_write
from symmetry_pl.runs.folders import read_record
from symmetry_pl.runs.provenance import git_commit, package_versions, peak_rss_mb
from symmetry_pl.runs.signals import Stopped


class RunRecord(Callback):
    """Write what was measured, and what it took, to ``metrics.json`` in the run's folder.

    ``metrics`` are the figures of ``last.ckpt``: those of the fit's last validation, and of its
    test. Figures of another checkpoint, ``best.ckpt`` for one, are below ``checkpoints`` under its
    name, and so are those of a test that was asked otherwise than the checkpoint says, with what it
    was asked; they never mix with these. Beside them, of the fit: seed, batches, config files,
    package versions and the git commit; and of each command its own batches, commit, wall and CPU
    seconds and peak resident memory. A new fit, or a checkpoint that is further than the fit which
    was recorded, begins a new record. After ``fit`` the exact ``symmetry test`` line is printed;
    after ``test`` a small table.

    Args:
        configs: config files of the command.
        run_dir: the run's folder.
        checkpoint: what is validated or tested; None for a fit's own model, or random weights.
        asked: options of the command line that win over the checkpoint's, ``option=value`` each.
    """

    def __init__(
        self,
        configs: list[str],
        run_dir: Path,
        checkpoint: Path | None = None,
        asked: Sequence[str] = (),
    ) -> None:
        self.configs = configs
        self.run_dir = run_dir
        self.tested = None if checkpoint is None else ", ".join([checkpoint.name, *asked])
        self.commit = git_commit()  # of the code that runs, whatever is checked out meanwhile
        self._start = (0.0, 0.0)
        self._before = {"wall_s": 0.0, "cpu_s": 0.0}
        self._validated: int | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start the clocks."""
        self._start = (time.perf_counter(), time.process_time())

    def state_dict(self) -> dict[str, float]:
        """What the fit has cost so far, so that a continued fit reports the whole."""
        return self._cost("fit")

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Add what was spent before the interruption."""
        self._before = dict(state_dict)

    def _cost(self, what: str) -> dict[str, float]:
        now = {
            "wall_s": time.perf_counter() - self._start[0],
            "cpu_s": time.process_time() - self._start[1],
        }
        before = self._before if what == "fit" else dict.fromkeys(now, 0.0)
        return {k: round(v + before[k], 2) for k, v in now.items()}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record a validation that no fit surrounds; remember when one of a fit was."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._write(trainer, pl_module, "validate")
        elif not trainer.sanity_checking:
            self._validated = getattr(pl_module, "batches_seen", None)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the fit and say how to test it."""
        self._write(trainer, pl_module, "fit")
        checkpoint = self.run_dir / "checkpoints" / "last.ckpt"
        if trainer.is_global_zero and checkpoint.is_file():
            config = self.run_dir / "config.yaml"
            print(
                f"\nTest what was trained:\n  symmetry test --config {_short(config)} "
                f"--ckpt_path {_short(checkpoint)}\nLook at it:\n  tensorboard --logdir "
                f"{_short(self.run_dir)}"
            )

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Say of a fit that was stopped, or lost a process, how it goes on; stop the others."""
        lost = peer_lost(exception)
        if trainer.state.fn != TrainerFn.FITTING or not (lost or isinstance(exception, Stopped)):
            return
        launcher = trainer.strategy.launcher
        if isinstance(launcher, _SubprocessScriptLauncher):
            launcher.kill(signal.SIGTERM)
        if not trainer.is_global_zero and not lost:
            return
        if isinstance(exception, Stopped):
            exception.told = True
        what = str(exception)
        if lost:
            what = (
                f"process {trainer.global_rank} of {trainer.world_size} stopped, as another one is "
                "gone (killed, or out of memory),"
            )
        said = f"symmetry: {what} after {getattr(pl_module, 'batches_seen', 0)} batches"
        checkpoint = self.run_dir / "checkpoints" / "last.ckpt"
        if not trainer.is_global_zero:  # whose folder is the run's
            said += "; --ckpt_path last goes on from the last whole epoch"
        elif checkpoint.is_file():
            said += (
                f"; symmetry fit --config {_short(self.run_dir / 'config.yaml')} --ckpt_path "
                f"{_short(checkpoint)} goes on from the last whole epoch"
            )
        else:
            said += ", before its first epoch was whole: begin again"
        print(said, file=sys.stderr)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the table of the test, and record it: what has been computed is not lost."""
        if trainer.is_global_zero:
            figures = {k: float(v) for k, v in trainer.callback_metrics.items()}
            print(f"\n{summary_table(figures, 'test')}\n")
            said = pl_module.verdict(figures) if isinstance(pl_module, SymmetryModule) else None
            if said is not None:
                print(f"{said}\n")
        self._write(trainer, pl_module, "test")
        if trainer.is_global_zero:
            print(f"All figures: {_short(self.run_dir / 'metrics.json')}")

    def _write(self, trainer: Trainer, pl_module: LightningModule, what: str) -> dict[str, float]:
        metrics = {k: float(v) for k, v in trainer.callback_metrics.items()}
        if not trainer.is_global_zero or getattr(trainer, "fast_dev_run", False):
            return metrics
        path = self.run_dir / "metrics.json"
        record = read_record(path)
        batches = getattr(pl_module, "batches_seen", None)
        done: dict[str, Any] = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": " ".join(["symmetry", *sys.argv[1:]]),
            **self._cost(what),
            "peak_rss_mb": round(peak_rss_mb(), 1),
            "processes": trainer.world_size,
            "threads": torch.get_num_threads(),
            "commit": self.commit,
            "batches": batches,
        }
        other = None if what == "fit" else self.tested
        if other in (None, "last.ckpt"):
            if what == "fit" or record.get("batches", batches) != batches:
                record = {"config": record.get("config", [])}
            kept = record.get("metrics", {})
            new = {k: v for k, v in metrics.items() if "fit" not in record or k[:4] != "val/"}
            if what == "fit":
                done["validated"] = self._validated
            record |= {"metrics": dict(sorted((kept | new).items())), what: done}
            made = {
                "checkpoint": "last.ckpt" if what == "fit" else other,
                "model": type(pl_module).__name__,
                "seed": getattr(pl_module, "noise_seed", None),
                "versions": package_versions(),
                "commit": self.commit,
                "batches": batches,
            }
            record = made | record  # a test leaves what the fit was made with
            record["config"] = record.get("config") or self.configs
        else:
            mine = record.setdefault("checkpoints", {}).setdefault(other, {})
            mine[what] = {**done, "metrics": metrics}
            record.setdefault("metrics", {})
        atomic_write(path, json.dumps(record, indent=2) + "\n")
        return metrics


def _short(path: Path) -> Path:
    """Relative to the working directory where that is shorter."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path

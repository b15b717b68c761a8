"""A run's ``metrics.json`` and the lines a user reads at its end."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.callbacks.summary import summary_table
from symmetry_pl.core.files import atomic_write
from symmetry_pl.runs.provenance import peak_rss_mb

_PACKAGES = (
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "rdkit",
)


class RunRecord(Callback):
    """Write what was measured, and what it took, to ``metrics.json`` in the run's folder.

    The file holds the metrics of the last validation and test, the seed, the config files,
    package versions, the git commit, wall and CPU seconds of the fit and of the test, and the
    peak resident memory. After ``fit`` the exact ``symmetry test`` line is printed; after ``test``
    a small table.

    Args:
        configs: config files of the command.
        run_dir: the run's folder.
    """

    def __init__(self, configs: list[str], run_dir: Path) -> None:
        self.configs = configs
        self.run_dir = run_dir
        self.commit = git_commit()  # of the code that runs, whatever is checked out meanwhile
        self._start = (0.0, 0.0)
        self._before = {"wall_s": 0.0, "cpu_s": 0.0}

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
        """Record a validation that no fit surrounds."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._write(trainer, pl_module, "validate")

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

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the test and print its table."""
        metrics = self._write(trainer, pl_module, "test")
        if trainer.is_global_zero:
            print(
                f"\n{summary_table(metrics, 'test')}\n\nAll figures: "
                f"{_short(self.run_dir / 'metrics.json')}"
            )

    def _write(self, trainer: Trainer, pl_module: LightningModule, what: str) -> dict[str, float]:
        metrics = {k: float(v) for k, v in trainer.callback_metrics.items()}
        if not trainer.is_global_zero or getattr(trainer, "fast_dev_run", False):
            return metrics
        path = self.run_dir / "metrics.json"
        record: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        kept = record.get("metrics", {})
        if what == "fit":
            kept = {}
        record |= {
            "metrics": dict(sorted((kept | metrics).items())),
            "model": type(pl_module).__name__,
            "seed": getattr(pl_module, "noise_seed", None),
            "config": self.configs or record.get("config", []),
            "versions": {p: version(p) for p in _PACKAGES} | {"python": platform.python_version()},
            "commit": self.commit,
            "batches": getattr(pl_module, "batches_seen", None),
            what: {
                "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "command": " ".join(["symmetry", *sys.argv[1:]]),
                **self._cost(what),
                "peak_rss_mb": round(peak_rss_mb(), 1),
                "processes": trainer.world_size,
                "threads": torch.get_num_threads(),
            },
        }
        atomic_write(path, json.dumps(record, indent=2) + "\n")
        return metrics


def git_commit() -> str | None:
    """Commit of the checkout this package lies in, ``+`` if it has changes; None outside of one."""
    home = Path(__file__).resolve().parents[2]
    if not (home / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(home), *command], capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changes else "")


def _short(path: Path) -> Path:
    """Relative to the working directory where that is shorter."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path

"""What every method must do, tried with every tiny twin: ``python tests/conformance.py``.

Each check is a short training or two of a twin in ``tests/conf``, seed 0, one process a core where
nothing else is said. Results are kept in ``tests/data/conformance.json``, which
``docs/reliability.md`` shows; a new method is found by its config. ``--only sgm/`` tries some
twins, ``--checks gradients`` some checks, and ``--table`` writes the table of what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import logging
import multiprocessing
import os
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
import torch
import yaml
from processes import free_port, in_processes
from pytorch_lightning import Callback
from traces import NAMES, TWINS, write_data

from symmetry_pl import datamodules
from symmetry_pl.cli import main
from symmetry_pl.core.files import atomic_write
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training.symmetry_cli import SymmetryCLI

ROOT = Path(__file__).parents[1]
RECORD, PAGE = Path(__file__).parent / "data/conformance.json", ROOT / "docs/reliability.md"
FIRST, LAST = "<!-- conformance -->\n", "<!-- /conformance -->"
DOUBLE = ("--trainer.precision=64-true",)
QUICK = ("--trainer.limit_val_batches=0", "--threads=1", "--trainer.enable_progress_bar=false")


def fitted(name, root, *options, callback=None):
    """Exit code of a fit of a twin, and the weights that it left.

    Args:
        name: of the twin.
        root: of its runs.
        options: beside those of its configs.
        callback: one more of the trainer's.
    """
    configs = (f"--config={config_root() / name}", f"--config={TWINS / name}")
    own = SymmetryCLI._callbacks
    with pytest.MonkeyPatch.context() as patch:
        if callback is not None:
            patch.setattr(SymmetryCLI, "_callbacks", lambda cli, o: [*own(cli, o), callback])
        code = main(["fit", *configs, *QUICK, *options, f"--log_root={root}"])
    return code, weights(root)


def weights(root):
    """State of the last checkpoint below a folder; empty without one."""
    found = sorted(Path(root).rglob("last.ckpt"))
    return torch.load(found[-1], weights_only=True)["state_dict"] if found else {}


def assert_same(one, other, within=0.0):
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(
            other[key], value, rtol=0, atol=within, equal_nan=True, msg=lambda m, k=key: f"{k}: {m}"
        )


class Gradients(Callback):
    """Which parameters of players have had a gradient, and whether all were finite."""

    def __init__(self):
        self.reached, self.wanted, self.broken = set(), set(), set()

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        names = {parameter: name for name, parameter in pl_module.named_parameters()}
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = names[parameter]
                self.wanted.add(name)
                if parameter.grad is None:
                    continue
                if not bool(parameter.grad.isfinite().all()):
                    self.broken.add(name)
                if bool(parameter.grad.any()):
                    self.reached.add(name)


def gradients(name, folder):
    """Every parameter of every player has a gradient that is finite, and not zero all along."""
    seen = Gradients()
    code, _ = fitted(name, folder / "one", callback=seen)
    assert code == 0
    assert not seen.broken, f"not finite: {sorted(seen.broken)}"
    assert seen.reached == seen.wanted, f"never reached: {sorted(seen.wanted - seen.reached)}"


def repeated(name, folder):
    """The same seed gives the same weights, bit for bit."""
    assert_same(*(fitted(name, folder / part)[1] for part in ("one", "two")))


class Stop(Callback):
    """TERM in the middle of the second epoch."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1 and batch_idx == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def resumed(name, folder):
    """Stopped in its second epoch and resumed, it ends with the weights of a whole fit."""
    _, whole = fitted(name, folder / "one")
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_until_stopped, args=(name, folder / "two"))
    process.start()
    process.join()
    assert process.exitcode == 143, f"exit code {process.exitcode}: it has one epoch only"
    code, after = fitted(name, folder / "two", "--ckpt_path=last")
    assert code == 0
    assert_same(whole, after)


def _own_data(name, whose, patch):
    """The small files again: that they pass for the published ones each process is told itself."""
    place = Path.cwd() / f"data_{whose}"
    place.mkdir()
    write_data(name, place, patch)


def _until_stopped(name, root):
    """In a process of its own, which the signal ends."""
    with open(os.devnull, "w") as nowhere, pytest.MonkeyPatch.context() as patch:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        _own_data(name, "stopped", patch)
        torch.set_num_threads(1)
        raise SystemExit(fitted(name, root, callback=Stop())[0])


def _one_of_two(rank, name, port, arguments):
    """One of two processes that their launcher has told who they are."""
    with open(os.devnull, "w") as nowhere, pytest.MonkeyPatch.context() as patch:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        _own_data(name, str(rank), patch)
        torch.set_num_threads(1)
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
        os.environ.update(told, NODE_RANK="0", LOCAL_RANK=str(rank))
        assert main(arguments) == 0


def two_processes(name, folder):
    """Two processes with half of a batch each are one with the whole, to 1e-8 in float64."""
    configs = (f"--config={config_root() / name}", f"--config={TWINS / name}")
    double = [*DOUBLE, *_comparable(name)]
    for size in (60, 24):  # of few images the former is more than there are
        code, one = fitted(name, folder / str(size), *double, f"--data.batch_size={size}")
        if code == 0:
            break
    ddp = ("--trainer.devices=2", "--trainer.strategy=ddp", f"--data.batch_size={size // 2}")
    arguments = ["fit", *configs, *QUICK, *double, *ddp, f"--log_root={folder / 'two'}"]
    in_processes(_one_of_two, name, free_port(), arguments)
    assert_same(one, weights(folder / "two"), within=1e-8)


def _comparable(name):
    """Options of a twin: float64 data, and no dropout, of which each process has its own."""
    parts = [yaml.safe_load((root / name).read_text()) or {} for root in (config_root(), TWINS)]
    named = [part["data"]["class_path"] for part in parts if "class_path" in part.get("data", {})]
    made = getattr(datamodules, named[-1].rsplit(".", 1)[-1])
    found = ["--data.dtype=float64"] if "dtype" in inspect.signature(made).parameters else []
    models = [part.get("model", {}).get("init_args", {}) for part in parts]
    given = [model["generative_options"] for model in models if "generative_options" in model]
    if "SGM" in str(parts[0]["model"]) and not name.startswith("sgm/clouds"):
        options = {**(given or [{}])[-1], "dropout": 0}
        found.append(f"--model.generative_options={json.dumps(options)}")
    return found


CHECKS: dict[str, tuple[str, Callable[[str, Path], None]]] = {
    "gradients": ("gradients", gradients),
    "repeated": ("same seed, same weights", repeated),
    "resumed": ("stopped and resumed", resumed),
    "two_processes": ("2 × B/2 = 1 × B", two_processes),
}


def tried(name, check):
    """None, or a sentence on what a check of a twin found."""
    said = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as place,
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        patch.chdir(place)
        write_data(name, Path(place), patch)
        torch.set_num_threads(1)
        try:
            CHECKS[check][1](name, Path(place))
        except AssertionError as error:
            return " ".join(str(error).split())[:300] or "an assertion"
        except Exception:
            return traceback.format_exc().strip().splitlines()[-1][:300]
    return None


def read():
    """Twin to check to ``null`` or what was found, with the day."""
    return json.loads(RECORD.read_text()) if RECORD.is_file() else {}


def table(record):
    """Twins by checks, in Markdown."""
    lines = [
        "| twin | " + " | ".join(label for label, _ in CHECKS.values()) + " |",
        "|---" * (len(CHECKS) + 1) + "|",
    ]
    notes = []
    for name in sorted(record):
        cells = []
        for check in CHECKS:
            found = record[name].get(check, {"found": "not tried"})["found"]
            cells.append("yes" if found is None else "–" if found == "not tried" else "**no**")
            if found not in (None, "not tried"):
                notes.append(f"- `{name}`, {CHECKS[check][0]}: {found}")
        lines.append(f"| `{name.removesuffix('.yaml')}` | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def write_table():
    """Put the table between its marks on the page."""
    before, rest = PAGE.read_text().split(FIRST, 1)
    atomic_write(PAGE, f"{before}{FIRST}{table(read())}{LAST}{rest.split(LAST, 1)[1]}")


def run(only, checks):
    """Try what is asked, keep each result as it comes, and say what fails."""
    logging.disable(logging.WARNING)
    failed = 0
    for name in (n for n in NAMES if only in n):
        for check in checks:
            found = tried(name, check)
            record = read()
            today = datetime.now(timezone.utc).date().isoformat()
            record.setdefault(name, {})[check] = {"found": found, "date": today}
            atomic_write(RECORD, json.dumps(dict(sorted(record.items())), indent=1) + "\n")
            print(f"{name}: {check}: {found or 'yes'}", flush=True)
            failed += found is not None
            write_table()
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="twins whose path has this in it")
    parser.add_argument("--checks", nargs="*", choices=CHECKS, default=list(CHECKS))
    parser.add_argument("--table", action="store_true", help="try nothing, write the table")
    asked = parser.parse_args()
    failures = write_table() if asked.table else run(asked.only, asked.checks)
    raise SystemExit(bool(failures))

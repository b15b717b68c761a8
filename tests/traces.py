"""What each tiny twin computes, on record: ``tests/data/traces.json``.

The first losses of a short training and all figures of the test after it, of every config in
``tests/conf`` laid over the shipped one, at seed 0 and in double precision. Whoever rewrites a
method sees in ``test_traces.py`` whether it still computes the same. What was meant to change is
recorded anew by ``python tests/traces.py --write``, with the paths of those twins below
``tests/conf`` behind it, or none for all.
"""

import argparse
import contextlib
import io
import json
import logging
import platform
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from fake_mnist import write_mnist
from small_qm9 import write_qm9
from small_zinc import write_zinc
from threadpoolctl import threadpool_info, threadpool_limits

from symmetry_pl.core import SymmetryModule
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training.command import run

TWINS = Path(__file__).parent / "conf"
NAMES = sorted(str(path.relative_to(TWINS)) for path in TWINS.rglob("*.yaml"))
RECORD = Path(__file__).parent / "data" / "traces.json"
PRECISION = "64-true"
LOSSES = 6  # of the first calls of minimise, whoever's turn it is


def trace(name, folder, precision=PRECISION):
    """Fit a twin in an empty folder and test what the fit left.

    Args:
        name: of the twin, its path below ``tests/conf``.
        folder: where it finds its data and leaves its runs.
        precision: the trainer's.

    Returns:
        ``precision``; ``losses``, the first six given to ``minimise``; ``test``, the figures.
    """
    losses = []
    minimise = SymmetryModule.minimise

    def recorded(module, loss):
        if len(losses) < LOSSES:
            losses.append(float(loss.detach()))
        minimise(module, loss)

    configs = ["--config", str(config_root() / name), "--config", str(TWINS / name)]
    # the weights are tested as they stand after the last batch: no figure needs a validation, a
    # checkpoint or a picture
    options = {
        "precision": precision,
        "logger": "false",
        "enable_checkpointing": "false",
        "enable_progress_bar": "false",
        "limit_val_batches": "0",
    }
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.chdir(folder)
        patch.setattr(SymmetryModule, "minimise", recorded)
        write_data(name, folder, patch)
        cli = run(["fit", *configs, *(f"--trainer.{k}={v}" for k, v in options.items())])
        cli.trainer.test(cli.model, cli.datamodule, verbose=False)
    figures = {k: float(v) for k, v in cli.trainer.callback_metrics.items()}
    test = {k: v for k, v in sorted(figures.items()) if k.startswith("test/")}
    return {"precision": precision, "losses": losses, "test": test}


def write_data(name, folder, patch):
    """The small tables and images that stand for data sets, as in ``test_configs.py``."""
    if "mnist" in name or "domain" in name:
        write_mnist(folder, patch)
        patch.setenv("SYMMETRY_DATA", str(folder))
    if "isomers_" in name or "qm9" in name:
        write_qm9(folder)
    if "zinc" in name or "molecules" in name:
        write_zinc(folder)


def processor():
    """What decides the last bits of a result: the processor, and the libraries that know it."""
    cpu = [platform.machine()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        found = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
        cpu += [found[key] for key in ("vendor_id", "cpu family", "model") if key in found]
    kernels = {i["architecture"] for i in threadpool_info() if "architecture" in i}
    packages = ("torch", "numpy", "scipy", "scikit-learn")
    return {
        "cpu": " ".join(cpu),
        "kernels": [torch.backends.cpu.get_cpu_capability(), *sorted(kernels)],
        "versions": {package: version(package) for package in packages},
    }


def read():
    """The record: ``processor`` that it is of, and ``twins`` by name."""
    return json.loads(RECORD.read_text()) if RECORD.is_file() else {"processor": {}, "twins": {}}


def write(names):
    """Record these twins anew.

    Raises:
        ValueError: if the others were recorded on another processor.
    """
    here, record = processor(), read()
    if set(record["twins"]) - set(names) and record["processor"] != here:
        raise ValueError("the other twins were recorded on another processor: record all of them")
    logging.disable(logging.WARNING)
    for name in names:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):
                found = trace(name, Path(folder))
        record["twins"][name] = found
    twins = {name: twin for name, twin in sorted(record["twins"].items()) if name in NAMES}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps({"processor": here, "twins": twins}, indent=1) + "\n")
    print(f"{RECORD}: {len(names)} of {len(twins)} twins recorded anew")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", nargs="*", metavar="TWIN", choices=NAMES, required=True)
    write(parser.parse_args().write or NAMES)

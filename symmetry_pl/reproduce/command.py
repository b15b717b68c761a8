"""``symmetry reproduce <family>/<experiment> --seeds 0,1,2``."""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.report import fill_pages, write_figure, write_results
from symmetry_pl.runs.folders import config_root

# Processes are forked from one that has imported everything: a run of seconds would otherwise spend
# as long on imports.
_PROCESSES = multiprocessing.get_context("forkserver")

EXPERIMENTS = {
    "lens/table1": "symmetry_pl.reproduce.lens_table1",
    "sgm/dsprites_affine": "symmetry_pl.reproduce.sgm_prototypes:DSPRITES_AFFINE",
    "sgm/mnist_affine": "symmetry_pl.reproduce.sgm_prototypes:MNIST_AFFINE",
    "sgm/mnist_color": "symmetry_pl.reproduce.sgm_prototypes:MNIST_COLOR",
    "stib/qm9": "symmetry_pl.reproduce.stib_qm9",
    "stib/qm9_dims": "symmetry_pl.reproduce.stib_qm9_dims",
    "stib/spiral": "symmetry_pl.reproduce.stib_spiral",
    "stib/zinc": "symmetry_pl.reproduce.stib_zinc",
}


@dataclass(frozen=True)
class Job:
    """One system with one seed, in a folder of its own."""

    system: System
    seed: int
    folder: Path

    @property
    def start(self) -> Path | None:
        """Checkpoint whose weights the fit starts from."""
        if self.system.after is None:
            return None
        before = self.folder.parent.with_name(self.system.after) / self.folder.name
        return before / "version_0" / "checkpoints" / "last.ckpt"

    @property
    def fit_arguments(self) -> list[str]:
        """Arguments of the fit."""
        return [
            "fit",
            f"--config={config_root() / self.system.config}",
            *self.system.overrides,
            *([] if self.start is None else [f"--init_weights={self.start}"]),
            f"--seed_everything={self.seed}",
            f"--data.split_seed={self.seed}",
            f"--log_root={self.folder.parent}",
            f"--run_name={self.folder.name}",
            "--threads=1",
            "--trainer.enable_progress_bar=false",
        ]

    @property
    def run(self) -> Path:
        """Where the run is."""
        return self.folder / "version_0"

    @property
    def arguments(self) -> Path:
        """Where the arguments are kept that the run was begun with."""
        return self.folder / "arguments.json"

    def begun(self) -> bool:
        """Whether there is a run with these arguments, finished or not."""
        kept = self.arguments
        return kept.is_file() and json.loads(kept.read_text()) == self.digest()

    def metrics(self) -> dict[str, Any]:
        """The run's metrics.json; empty if it was not run, or with other arguments."""
        path = self.run / "metrics.json"
        if not path.is_file() or not self.begun():
            return {}
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def record(self) -> dict[str, Any] | None:
        """The metrics.json of a run that has been tested; None of any other."""
        record = self.metrics()
        return record if "test" in record else None

    def digest(self) -> list[str]:
        """What decides the result: the arguments and the config's text."""
        text = (config_root() / self.system.config).read_text()
        return [*self.system.overrides, str(self.seed), text]


def run_job(job: Job) -> str:
    """Fit and test in processes of their own; returns a line to print.

    What has been done is not done again, and what was interrupted goes on.
    """
    name = f"{job.system.key}, seed {job.seed}"
    if job.record() is not None:
        return f"{name}: already there"
    if job.start is not None and not job.start.is_file():
        return f"{name}: FAILED, as it starts from {job.system.after}, seed {job.seed}: run that"
    checkpoint = job.run / "checkpoints" / "last.ckpt"
    fit = list(job.fit_arguments)
    if checkpoint.is_file() and job.begun():
        fit.append(f"--ckpt_path={checkpoint}")  # an interrupted run goes on
    else:
        shutil.rmtree(job.folder, ignore_errors=True)
        job.folder.mkdir(parents=True)
        job.arguments.write_text(json.dumps(job.digest()))
    # the config comes first, as its ckpt_path (null) would undo what stands before it
    test = ["test", f"--config={job.run / 'config.yaml'}", f"--ckpt_path={checkpoint}"]
    commands = [test] if "fit" in job.metrics() else [fit, test]
    for command in commands:
        process = _PROCESSES.Process(target=_run, args=(command, job.folder / "log.txt"))
        process.start()
        process.join()
        if process.exitcode != 0:
            return f"{name}: FAILED, see {job.folder / 'log.txt'}"
    record = job.record()
    assert record is not None
    return f"{name}: {record['fit']['cpu_s']:.0f} CPU-s"


def _run(arguments: list[str], log: Path) -> None:
    """One command in a process of its own, its output appended to a log."""
    from symmetry_pl.cli import main as symmetry  # which imports this module

    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["symmetry", *arguments]
    sys.exit(symmetry(arguments))


def load_experiment(name: str) -> Experiment:
    """An experiment by name.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment {name!r}; there are {sorted(EXPERIMENTS)}")
    module, _, attribute = EXPERIMENTS[name].partition(":")
    experiment: Experiment = getattr(importlib.import_module(module), attribute or "EXPERIMENT")
    return experiment


def main(args: list[str]) -> int:
    """Run what is missing of an experiment, then write its results."""
    parser = argparse.ArgumentParser(prog="symmetry reproduce", description=__doc__)
    parser.add_argument("experiment", help=f"one of {sorted(EXPERIMENTS)}")
    parser.add_argument("--seeds", help="e.g. 0,1,2; by default each system's own number of seeds")
    parser.add_argument(
        "--systems", help="e.g. flow_stib,vae; or mnist_slices/scratch, on one dataset; default all"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument(
        "--out",
        default="docs/results",
        help="folder of the results; a figure goes to the folder figures beside it",
    )
    parser.add_argument("--log_root", default="lightning_logs/reproduce", help="folder of the runs")
    parser.add_argument(
        "--collect", action="store_true", help="run nothing; write what finished runs have given"
    )
    options = parser.parse_args(args)
    experiment = load_experiment(options.experiment)
    systems = _chosen(experiment, options.systems)
    root = Path(options.log_root) / experiment.slug
    jobs = [
        Job(system, seed, root / system.key / f"seed_{seed}")
        for system in systems
        for seed in (_integers(options.seeds) if options.seeds else system.seeds)
    ]
    lines: list[str] = []
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    _PROCESSES.set_forkserver_preload(["symmetry_pl.cli"])
    # what starts from another system comes after it
    first = [job for job in jobs if job.start is None]
    then = [job for job in jobs if job.start is not None]
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for group in () if options.collect else (first, then):
            for line in pool.map(run_job, group):
                print(line, flush=True)
                lines.append(line)
    finished = [(job, record) for job in jobs if (record := job.record()) is not None]
    # what decides the numbers; how many jobs at a time and where they are kept does not
    command = f"symmetry reproduce {experiment.name}"
    command += f" --seeds {options.seeds}" if options.seeds else ""
    path = write_results(experiment, finished, command, Path(options.out))
    result = json.loads(path.read_text())
    figures = write_figure(experiment, result, Path(options.out).parent / "figures")
    pages = fill_pages(experiment, result, Path.cwd())
    print("results in", ", ".join(map(str, [path, path.with_suffix(".md"), *figures, *pages])))
    return 1 if any("FAILED" in line for line in lines) else 0


def _chosen(experiment: Experiment, names: str | None) -> list[System]:
    if names is None:
        return list(experiment.systems)
    asked = names.split(",")
    known = list(dict.fromkeys(n for s in experiment.systems for n in (s.name, s.key)))
    for name in asked:
        if name not in known:
            raise ValueError(f"--systems: {experiment.name} has no {name!r}, only {known}")
    return [s for s in experiment.systems if s.name in asked or s.key in asked]


def _integers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--seeds must be integers with commas, got {text!r}") from None

"""Runs of an experiment: one fit and one test each, in processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from symmetry_pl.core.files import atomic_write
from symmetry_pl.reproduce.experiment import System
from symmetry_pl.reproduce.history import History
from symmetry_pl.reproduce.progress import Progress
from symmetry_pl.reproduce.sources import (
    code_files,
    data_digests,
    digest,
    files_digest,
    module_file,
)
from symmetry_pl.runs.folders import config_root, read_record

__all__ = ["Job", "data_homes", "run_job", "run_jobs", "settings_digest"]

# Processes are forked from one that has imported everything: a run of seconds would otherwise spend
# as long on imports.
_PROCESSES = multiprocessing.get_context("forkserver")
_IMPORTED = ["symmetry_pl.training.command"]


@dataclass(frozen=True)
class Job:
    """One system with one seed, in a folder of its own.

    Args:
        system: what is run.
        seed: of training and of the split.
        folder: where; `.../<system>/seed_<seed>`.
        first: the job whose weights the fit starts from.
    """

    system: System
    seed: int
    folder: Path
    first: Job | None = None

    @property
    def name(self) -> str:
        """What a reader sees."""
        return f"{self.system.key}, seed {self.seed}"

    @property
    def start(self) -> Path | None:
        """Checkpoint whose weights the fit starts from."""
        return None if self.first is None else self.first.checkpoint

    @property
    def checkpoint(self) -> Path:
        """Where the fit leaves its weights."""
        return self.run / "checkpoints" / "last.ckpt"

    @property
    def tested(self) -> Path:
        """The weights that are tested."""
        return self.checkpoint.with_name(f"{self.system.tested}.ckpt")

    @property
    def config(self) -> Path:
        """The shipped config."""
        return config_root() / self.system.config

    @property
    def fit_arguments(self) -> list[str]:
        """Arguments of the fit."""
        return [
            "fit",
            f"--config={self.config}",
            *self.system.overrides,
            *([] if self.start is None else [f"{self.system.start}={self.start}"]),
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
    def kept(self) -> Path:
        """Where it is kept what the run was made from."""
        return self.folder / "made_from.json"

    @cached_property
    def settings(self) -> str:
        """Digest of all that decides the result but code and data: config, options, first job."""
        return settings_digest(self.system, "" if self.first is None else self.first.settings)

    @cached_property
    def code(self) -> str:
        """Digest of the code that the figures come from."""
        return files_digest(code_files(self.config))

    def made_from(self) -> dict[str, Any]:
        """What the run in this job's folder was made from; empty without one."""
        made: dict[str, Any] = json.loads(self.kept.read_text()) if self.kept.is_file() else {}
        return made

    def begun(self) -> bool:
        """Whether there is a run with these settings, finished or not."""
        return self.made_from().get("settings") == self.settings

    def note(self, commit: str | None, **found: Any) -> None:
        """Keep what the run is made from, beside what earlier parts of it were made from."""
        made = self.made_from() if self.begun() else {}
        code = [*made.get("code", []), self.code]
        commits = [*made.get("commits", []), commit]
        made |= {
            "settings": self.settings,
            "code": list(dict.fromkeys(code)),
            "commits": list(dict.fromkeys(commits)),
            **found,
        }
        atomic_write(self.kept, json.dumps(made, indent=1) + "\n")

    def metrics(self) -> dict[str, Any]:
        """The run's metrics.json, whatever it was made from; empty before the fit has ended.

        Where other weights than the last are tested, its test and figures are theirs.
        """
        record = read_record(self.run / "metrics.json")
        if self.tested == self.checkpoint:
            return record
        fit = {name: value for name, value in record.items() if name not in ("test", "metrics")}
        theirs = record.get("checkpoints", {}).get(self.tested.name, {}).get("test")
        return fit if theirs is None else {**fit, "test": theirs, "metrics": theirs["metrics"]}

    def record(self) -> dict[str, Any] | None:
        """The metrics.json of a run with these settings that has been tested; else None."""
        record = self.metrics()
        return record if {"fit", "test"} <= record.keys() and self.begun() else None


def settings_digest(system: System, first: str = "") -> str:
    """Digest of a system's config and options, and of those of the system that it starts from."""
    config = (config_root() / system.config).read_text(encoding="utf-8")
    chosen = ((system.start, "--init_weights"), (system.tested, "last"))
    others = [value for value, usual in chosen if value != usual]
    return digest(json.dumps([config, *system.overrides, first, *others]))


def run_jobs(jobs: Sequence[Job], processes: int, again: bool, progress: Progress) -> list[str]:
    """Do what has not been done; what starts from another system comes after it.

    Args:
        jobs: what is to be done.
        processes: how many at a time.
        again: whether finished runs are replaced.
        progress: told of what begins and ends.

    Returns:
        What went wrong, a line each.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    _PROCESSES.set_forkserver_preload(_IMPORTED)
    commit = History().commit()
    for job in jobs:
        _ = job.code  # the processes to come have the code of now, whatever is edited meanwhile
    lines: list[str] = []
    running = _Running()

    def done(job: Job) -> str:
        progress.begin(job.name)
        line = run_job(job, commit, again, running)
        progress.end(job.name, line)
        return line

    with ThreadPoolExecutor(max(1, processes)) as pool:
        try:
            for group in (
                [job for job in jobs if job.first is None],
                [job for job in jobs if job.first is not None],
            ):
                lines.extend(pool.map(done, group))
        except BaseException:  # a signal: what runs is told to stop, what waits does not begin
            pool.shutdown(wait=False, cancel_futures=True)
            running.stop()
            raise
    return [line for line in lines if "FAILED" in line]


class _Running:
    """The processes of the jobs at work, which stop together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: set[Any] = set()
        self._stopped = False

    def run(self, *args: Any) -> int | None:
        """The exit code of one command in a process of its own; None where all were stopped."""
        process = _PROCESSES.Process(target=_run, args=args)
        with self._lock:
            if self._stopped:
                return None
            process.start()
            self._alive.add(process)
        process.join()
        with self._lock:
            self._alive.discard(process)
        return None if self._stopped else process.exitcode

    def stop(self) -> None:
        """Have all of them end as a cluster would: they can go on later."""
        with self._lock:
            self._stopped = True
            for process in self._alive:
                process.terminate()


def run_job(
    job: Job, commit: str | None, again: bool = False, running: _Running | None = None
) -> str:
    """Fit and test in processes of their own; returns a line to print.

    What has been done is not done again unless asked, and what was interrupted goes on. A finished
    run of another config or of other options is evidence: it is not replaced unless asked.
    """
    if job.record() is not None and not again:
        same = job.made_from().get("code") == [job.code]
        return f"{job.name}: already there" + ("" if same else ", of other code (--again)")
    if "test" in job.metrics() and not again:
        return f"{job.name}: FAILED, as {job.folder} has another config's run (--again replaces it)"
    if job.first is not None and not job.first.checkpoint.is_file():
        return f"{job.name}: FAILED, as it starts from {job.first.name}: run that"
    fit = list(job.fit_arguments)
    fitted = False
    if job.checkpoint.is_file() and job.begun() and job.record() is None:
        fit.append(f"--ckpt_path={job.checkpoint}")  # an interrupted run goes on
        fitted = "fit" in job.metrics()
    else:
        shutil.rmtree(job.folder, ignore_errors=True)
    job.note(commit)
    # the config comes first, as its ckpt_path (null) would undo what stands before it
    test = ["test", f"--config={job.run / 'config.yaml'}", f"--ckpt_path={job.tested}"]
    log, read = job.folder / "log.txt", job.folder / "files_read.txt"
    for command in [test] if fitted else [fit, test]:
        code = (running or _Running()).run(command, log, read)
        if code is None:
            return f"{job.name}: interrupted, goes on next time"
        if code != 0:
            return f"{job.name}: FAILED, {_stop_of(code)}see {log}"
    files = [Path(line) for line in read.read_text(encoding="utf-8").splitlines()]
    job.note(commit, data=data_digests(files, data_homes()))
    record = job.record()
    assert record is not None
    return f"{job.name}: {record['fit']['cpu_s']:.0f} CPU-s"


def _stop_of(code: int) -> str:
    """What a run was stopped by, in words, where its exit code is that of a signal.

    255 is what is known of a run whose fork server is gone, as after a signal to the whole group.

    >>> _stop_of(143), _stop_of(1)
    ('stopped by SIGTERM and goes on next time, ', '')
    """
    if code == 255:
        return "stopped with its fork server and goes on next time, "
    number = -code if code < 0 else code - 128
    names = {one.value: one.name for one in signal.Signals}
    return f"stopped by {names[number]} and goes on next time, " if number in names else ""


def data_homes() -> dict[str, Path]:
    """The folders that hold data, by the names they have in results."""
    from symmetry_pl.datamodules.files.download import data_root

    package = module_file("symmetry_pl.datamodules")
    assert package is not None
    return {"datamodules": package.parent / "data", "$SYMMETRY_DATA": data_root()}


def _run(arguments: list[str], log: Path, read: Path) -> None:
    """One command in a process of its own: its output appended to a log, its data files noted."""
    from symmetry_pl.training.command import main as symmetry

    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    opened = _watched(data_homes())
    sys.argv = ["symmetry", *arguments]
    try:
        symmetry(arguments)
    finally:
        with read.open("a", encoding="utf-8") as file:
            file.writelines(f"{path}\n" for path in sorted(opened))


def _stop_with_parent() -> None:
    """End this process as by a cluster when the command that began it is gone, killed perhaps."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _watched(homes: dict[str, Path]) -> set[str]:
    """The files below some folders that this process opens from now on; derived ones apart."""
    below = tuple(os.path.realpath(folder) + os.sep for folder in homes.values())
    opened: set[str] = set()

    def note(event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(details[0], (str, os.PathLike)):
            path = os.path.realpath(os.fsdecode(details[0]))
            if path.startswith(below) and f"{os.sep}derived{os.sep}" not in path:
                opened.add(path)

    sys.addaudithook(note)
    return opened

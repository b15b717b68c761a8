"""An experiment run as planned, and its results written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symmetry_pl.reproduce.experiment import System
from symmetry_pl.reproduce.jobs import Job, run_jobs
from symmetry_pl.reproduce.plan import OVERHEAD, Plan
from symmetry_pl.reproduce.progress import Progress
from symmetry_pl.reproduce.report import of_runs, taken, write_pages, write_results
from symmetry_pl.runs.signals import stops_raised

__all__ = ["Outcome", "Settings", "reproduce"]


@dataclass(frozen=True)
class Settings:
    """How experiments are run.

    Args:
        folder: of the results.
        runs: folder of the runs.
        processes: runs at a time.
        again: whether finished runs are replaced.
        collect: whether nothing is run, and results are written of what is there.
    """

    folder: Path
    runs: Path
    processes: int = 1
    again: bool = False
    collect: bool = False


@dataclass
class Outcome:
    """What became of a plan.

    Args:
        plan: what was to be run.
        content: of the results file.
        pages: files that were written.
        failed: what went wrong, a line each.
    """

    plan: Plan
    content: dict[str, Any]
    pages: list[Path]
    failed: list[str] = field(default_factory=list)


def reproduce(plan: Plan, command: str, settings: Settings) -> Outcome:
    """Run what is missing of a plan, and write results and pages.

    Args:
        plan: systems and seeds.
        command: what decides the numbers, for the results' evidence.
        settings: how.
    """
    experiment = plan.experiment
    root = settings.runs / experiment.slug

    def job(system: System, seed: int) -> Job:
        first = experiment.first_of(system)
        start = None if first is None else job(first, seed)
        return Job(system, seed, root / system.key / f"seed_{seed}", start)

    made = [s for s in plan.systems if s.taken_from is None]
    jobs = {s.key: [job(s, seed) for seed in plan.seeds[s.key]] for s in made}
    failed: list[str] = []
    if not settings.collect:
        runs = [one for several in jobs.values() for one in several]
        seconds = {
            one.name: plan.seconds[one.system.key] + OVERHEAD
            for one in runs
            if one.system.key in plan.seconds
        }
        with stops_raised(), Progress([one.name for one in runs], seconds) as progress:
            failed = run_jobs(runs, settings.processes, settings.again, progress)
    found = []
    for system in plan.systems:
        if system.taken_from is None:
            result = of_runs(experiment, system, jobs[system.key], command)
        else:
            result = taken(experiment, system, command, settings.folder)
            if result is None and not settings.collect:
                failed.append(_no_source(system))
                print(failed[-1])
        if result is not None:
            found.append(result)
    content = write_results(experiment, found, settings.folder)
    return Outcome(plan, content, write_pages(experiment, content, settings.folder), failed)


def _no_source(system: System) -> str:
    source = system.taken_from
    assert source is not None
    return (
        f"{system.key}: FAILED, as it is taken from {source.experiment}, "
        f"{source.system}, seed {source.seed}: reproduce that"
    )

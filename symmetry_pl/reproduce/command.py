"""`symmetry reproduce <family>/<experiment> --seeds 0,1,2`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.runs.parser import SentenceParser
from symmetry_pl.runs.signals import stops_raised

if TYPE_CHECKING:
    from symmetry_pl.reproduce.experiment import Experiment, System

__all__ = ["main"]


def main(args: list[str]) -> int:
    """Run what is missing of an experiment, then write its results; or check those there are.

    Raises:
        ValueError: for an experiment, a system or a seed that there is not.
    """
    options = _parser().parse_args(args)
    folder = Path(options.out)
    if options.experiment is None and not (options.check or options.tables):
        raise ValueError(f"name an experiment: one of {', '.join(EXPERIMENTS)}")
    experiments = [load_experiment(options.experiment)] if options.experiment else _all()
    if options.check:
        from symmetry_pl.reproduce.check import check

        lines, fine = check(experiments, folder)
        print("\n".join(lines))
        return 0 if fine or not options.strict else 1
    if options.tables:
        return _write_tables(experiments, folder)
    return _reproduce(experiments[0], options, folder)


def _all() -> list[Experiment]:
    """Every experiment but those that need a package that is not here, which are named."""
    from symmetry_pl.reproduce.experiment import NeedsPackage

    found = []
    for name in EXPERIMENTS:
        try:
            found.append(load_experiment(name))
        except NeedsPackage as error:
            print(f"{name}: left out, as {error}", file=sys.stderr)
    return found


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, EXPERIMENTS))
    parser = SentenceParser(
        prog="symmetry reproduce",
        description="Run what is missing of an experiment, and write its tables.",
        epilog="experiments:\n"
        + "\n".join(f"  {name:{width}}  {entry.line}" for name, entry in EXPERIMENTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("experiment", nargs="?", help="see below; all of them where only --check or --tables")
    add("--seeds", help="e.g. 0,1,2; by default each system's own seeds")
    add("--systems", help="e.g. flow_stib,vae; or mnist_slices/scratch, on one dataset")
    add("--jobs", type=int, default=1, help="runs at a time, one thread each")
    add("--out", default="docs/results", help="folder of the results; figures go beside it")
    add("--log_root", default="lightning_logs/reproduce", help="folder of the runs")
    add("--again", action="store_true", help="replace runs that are finished")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--collect", action="store_true", help="run nothing; write what finished runs have given"
    )
    what.add_argument(
        "--tables", action="store_true", help="run nothing; write tables anew from the results"
    )
    what.add_argument(
        "--check",
        action="store_true",
        help="run nothing; say which results are of other code, configs or data than there are now",
    )
    add("--strict", action="store_true", help="with --check: exit code 1 if there is any")
    return parser


def _reproduce(experiment: Experiment, options: argparse.Namespace, folder: Path) -> int:
    from symmetry_pl.reproduce.jobs import Job, run_jobs
    from symmetry_pl.reproduce.report import of_runs, taken, write_pages, write_results

    systems = _chosen(experiment, options.systems)
    root = Path(options.log_root) / experiment.slug
    seeds = _integers(options.seeds) if options.seeds else None

    def job(system: System, seed: int) -> Job:
        first = experiment.first_of(system)
        start = None if first is None else job(first, seed)
        return Job(system, seed, root / system.key / f"seed_{seed}", start)

    jobs = {s.key: [job(s, seed) for seed in seeds or s.seeds] for s in systems if not s.taken_from}
    failed: list[str] = []
    if not options.collect:
        runs = [one for several in jobs.values() for one in several]
        with stops_raised():
            failed = run_jobs(
                runs, options.jobs, options.again, lambda line: print(line, flush=True)
            )
    command = _command(experiment, options)
    found = []
    for system in systems:
        if system.taken_from is None:
            result = of_runs(experiment, system, jobs[system.key], command)
        else:
            result = taken(experiment, system, command, folder)
            source = system.taken_from
            if result is None and not options.collect:
                failed.append(
                    f"{system.key}: FAILED, as it is taken from {source.experiment}, "
                    f"{source.system}, seed {source.seed}: reproduce that"
                )
                print(failed[-1])
        if result is not None:
            found.append(result)
    content = write_results(experiment, found, folder)
    pages = write_pages(experiment, content, folder)
    print("results in", ", ".join(map(str, [folder / f"{experiment.slug}.json", *pages])))
    return 1 if failed else 0


def _command(experiment: Experiment, options: argparse.Namespace) -> str:
    """What decides the numbers; how many jobs at a time and where they are kept does not."""
    words = ["symmetry reproduce", experiment.name]
    words += ["--systems", options.systems] if options.systems else []
    words += ["--seeds", options.seeds] if options.seeds else []
    return " ".join(words)


def _write_tables(experiments: Sequence[Experiment], folder: Path) -> int:
    from symmetry_pl.reproduce.report import read_results, write_pages

    for experiment in experiments:
        result = read_results(experiment, folder)
        if result is None and len(experiments) == 1:
            raise FileNotFoundError(f"--out: no results of {experiment.name} in {folder}")
        if result is not None:
            print(f"{experiment.name}:", *write_pages(experiment, result, folder))
    return 0


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

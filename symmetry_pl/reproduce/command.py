"""`symmetry reproduce <family>/<experiment> --seeds 0,1,2`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.runs.parser import SentenceParser

if TYPE_CHECKING:
    from symmetry_pl.reproduce.experiment import Experiment, System
    from symmetry_pl.reproduce.plan import Plan

__all__ = ["main"]

ALL, STORED, BUDGETS = "all", "docs/results", ("quick", "full")


def main(args: list[str]) -> int:
    """Run what is missing of an experiment, then write its results; or check those there are.

    Raises:
        ValueError: for an experiment, a system or a seed that there is not.
    """
    options = _parser().parse_args(args)
    if options.list:
        from symmetry_pl.reproduce.overview import overview

        print("\n".join(overview(_all(), Path(options.stored))))
        return 0
    folder = _results(options)
    if options.experiment is None and not (options.check or options.tables):
        raise ValueError(
            f"name an experiment: one of {', '.join(EXPERIMENTS)}; or all; --list says what they "
            "take"
        )
    several = options.experiment in (None, ALL)
    experiments = _all() if several else [load_experiment(options.experiment)]
    if options.check:
        from symmetry_pl.reproduce.check import check

        lines, fine = check(experiments, folder)
        print("\n".join(lines))
        return 0 if fine or not options.strict else 1
    if options.tables:
        return _write_tables(experiments, folder)
    return _reproduce(experiments, options, folder)


def _results(options: argparse.Namespace) -> Path:
    """Where results are written: a report's are not the ones that it compares with."""
    if options.out is not None:
        return Path(options.out)
    reported = options.experiment == ALL or options.budget is not None
    made = reported and not (options.check or options.tables)
    return Path(options.log_root) / "results" if made else Path(STORED)


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
    add("experiment", nargs="?", help="see below, or all; all where only --check or --tables")
    add("--seeds", help="e.g. 0,1,2; by default each system's own seeds")
    add("--systems", help="e.g. flow_stib,vae; or mnist_slices/scratch, on one dataset")
    add("--jobs", type=int, default=1, help="runs at a time, one thread each")
    add(
        "--budget",
        choices=BUDGETS,
        help="quick: one seed of what 40 CPU-minutes allow, 60 for all; full: everything; either "
        "ends with a report beside the results",
    )
    add(
        "--out",
        help=f"folder of the results; figures go beside it; {STORED}, or LOG_ROOT/results with "
        "all or --budget",
    )
    add(
        "--stored",
        default=STORED,
        help="folder of the results that say what runs cost, and that a report compares with",
    )
    add("--log_root", default="lightning_logs/reproduce", help="folder of the runs")
    add("--again", action="store_true", help="replace runs that are finished")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--list", action="store_true", help="run nothing; say what is stored and what it takes"
    )
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


def _reproduce(experiments: Sequence[Experiment], options: argparse.Namespace, folder: Path) -> int:
    from symmetry_pl.reproduce.run import Settings, reproduce

    reported = options.experiment == ALL or options.budget is not None
    if reported and (options.systems or (options.seeds and options.budget == "quick")):
        raise ValueError("--systems, and --seeds with --budget quick, are for one experiment alone")
    settings = Settings(
        folder, Path(options.log_root), options.jobs, options.again, options.collect
    )
    outcomes, failed = [], []
    for plan in _plans(experiments, options):
        if plan.idle:
            print(f"{plan.experiment.name}: left out, {plan.left_out}")
            continue
        if reported:
            print(f"{plan.experiment.name}: {plan.experiment.title}")
        outcome = reproduce(plan, _command(plan.experiment, options), settings)
        written = [folder / f"{plan.experiment.slug}.json", *outcome.pages]
        print("results in", ", ".join(map(str, written)))
        outcomes.append(outcome)
        failed += outcome.failed
    if reported:
        from symmetry_pl.reproduce.report_page import write_report

        words = f"symmetry reproduce {options.experiment} --budget {options.budget or 'full'}"
        pages = write_report(outcomes, folder, Path(options.stored), words)
        print("report in", ", ".join(map(str, pages)))
    return 1 if failed else 0


def _plans(experiments: Sequence[Experiment], options: argparse.Namespace) -> list[Plan]:
    from symmetry_pl.reproduce.plan import QUICK, QUICK_ALL, all_of, within

    stored = Path(options.stored)
    if options.budget == "quick":
        seconds = QUICK if len(experiments) == 1 else QUICK_ALL
        return within(experiments, stored, seconds)
    seeds = _integers(options.seeds) if options.seeds else None
    return [all_of(e, stored, _chosen(e, options.systems), seeds) for e in experiments]


def _command(experiment: Experiment, options: argparse.Namespace) -> str:
    """What decides the numbers; how many jobs at a time and where they are kept does not."""
    words = ["symmetry reproduce", experiment.name]
    words += ["--systems", options.systems] if options.systems else []
    words += ["--seeds", options.seeds] if options.seeds else []
    words += ["--budget", options.budget] if options.budget else []
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

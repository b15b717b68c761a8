"""What of the experiments is run: all that was asked, or what a budget of CPU-seconds allows."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from symmetry_pl.reproduce.evidence import place, place_of
from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.report import read_results

__all__ = ["OVERHEAD", "QUICK", "QUICK_ALL", "Plan", "all_of", "known_seconds", "within"]

QUICK, QUICK_ALL = 40 * 60.0, 60 * 60.0
"""CPU-seconds of a quick budget: of one experiment, and of all of them together."""
OVERHEAD = 10.0
"""CPU-seconds of a run that its results do not count: the start of two processes, and the test."""


@dataclass(frozen=True)
class Plan:
    """Some systems of an experiment with their seeds.

    Args:
        experiment: the table.
        seeds: key of a system to its seeds, in the table's order.
        seconds: CPU-seconds of a run, by key, where that is known.
        left_out: why nothing or not all is run; empty where all is.
    """

    experiment: Experiment
    seeds: Mapping[str, tuple[int, ...]]
    seconds: Mapping[str, float]
    left_out: str = ""

    @property
    def idle(self) -> bool:
        """Whether nothing is run; an experiment without systems is its analysis, which is."""
        return bool(self.experiment.systems) and not self.seeds

    @property
    def systems(self) -> list[System]:
        """Those that are run, in the table's order."""
        return [system for system in self.experiment.systems if system.key in self.seeds]


def known_seconds(experiment: Experiment, stored: Path) -> dict[str, float]:
    """CPU-seconds of a fit of each system, the mean of stored results; those that there are.

    Args:
        experiment: whose.
        stored: folder of results files.
    """
    rows = (read_results(experiment, stored) or {"rows": []})["rows"]
    known = {place(row): statistics.fmean(row["cpu_s"]) for row in rows}
    places = {system.key: place_of(experiment, system) for system in experiment.systems}
    return {key: known[where] for key, where in places.items() if where in known}


def all_of(
    experiment: Experiment,
    stored: Path,
    systems: Sequence[System] | None = None,
    seeds: Sequence[int] | None = None,
) -> Plan:
    """Some systems, or all, with seeds of one's choice or their own."""
    chosen = experiment.systems if systems is None else systems
    own = {system.key: tuple(seeds or system.seeds) for system in chosen}
    return Plan(experiment, own, known_seconds(experiment, stored))


def within(experiments: Sequence[Experiment], stored: Path, seconds: float) -> list[Plan]:
    """What a number of CPU-seconds allows, with the first seed of each system.

    Every experiment has the same share, and what cheap ones leave goes to the others. Of each,
    datasets take turns, in the table's order; a system that starts from another's weights needs
    that too. What was never measured is left out, as its cost is not known, and copies are too.

    Args:
        experiments: those to share.
        stored: folder of results files, which say what a run costs.
        seconds: for all of them.

    Returns:
        A plan an experiment, in their order.
    """
    known = {e.name: known_seconds(e, stored) for e in experiments}
    cheap_first = sorted(experiments, key=lambda e: min(known[e.name].values(), default=0.0))
    plans, left = {}, seconds
    for number, experiment in enumerate(cheap_first):
        share = left / (len(cheap_first) - number)
        plans[experiment.name], spent = _afforded(experiment, known[experiment.name], share)
        left -= spent
    for experiment in cheap_first:  # one run of what no share was enough for
        if not plans[experiment.name].seeds:
            plans[experiment.name], spent = _afforded(experiment, known[experiment.name], left, 1)
            left -= spent
    return [plans[experiment.name] for experiment in experiments]


def _afforded(
    experiment: Experiment, known: Mapping[str, float], share: float, most: int | None = None
) -> tuple[Plan, float]:
    """A plan of one experiment, of so many systems at most, and the CPU-seconds that it takes."""
    chosen: set[str] = set()
    spent = 0.0
    for system in _in_turn(experiment):
        needed = [one for one in _with_first(experiment, system) if one.key not in chosen]
        cost = sum(known.get(one.key, float("inf")) + OVERHEAD for one in needed)
        full = most is not None and len(chosen) >= most
        if system.taken_from is None and not full and spent + cost <= share:
            chosen |= {one.key for one in needed}
            spent += cost
    seeds = {s.key: s.seeds[:1] for s in experiment.systems if s.key in chosen}
    return Plan(experiment, seeds, known, _left_out(experiment, known, len(seeds), share)), spent


def _left_out(experiment: Experiment, known: Mapping[str, float], chosen: int, share: float) -> str:
    total = len(experiment.systems)
    if chosen or not total:
        return f"{total - chosen} of {total} rows" if chosen < total else ""
    if not known:
        return "all: no stored results say what a run costs"
    least, had = (min(known.values()) + OVERHEAD) / 60, share / 60
    return f"all: the cheapest run takes {least:.0f} CPU-minutes, of {had:.0f} that were left"


def _in_turn(experiment: Experiment) -> list[System]:
    """Systems in the table's order, those of several datasets in turn."""
    rows: dict[str, list[System]] = {}
    for system in experiment.systems:
        rows.setdefault(system.dataset, []).append(system)
    return [s for turn in zip_longest(*rows.values()) for s in turn if s is not None]


def _with_first(experiment: Experiment, system: System) -> list[System]:
    """A system and those whose weights it starts from."""
    first = experiment.first_of(system)
    return [*([] if first is None else _with_first(experiment, first)), system]

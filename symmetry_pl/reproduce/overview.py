"""`symmetry reproduce --list`: every experiment, what of it is stored, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symmetry_pl.reproduce.evidence import place, place_of
from symmetry_pl.reproduce.experiment import Experiment
from symmetry_pl.reproduce.plan import OVERHEAD, QUICK_ALL, all_of, known_seconds, within
from symmetry_pl.reproduce.progress import span
from symmetry_pl.reproduce.report import read_results

__all__ = ["overview"]


def overview(experiments: Sequence[Experiment], stored: Path) -> list[str]:
    """Lines to print: a table of the experiments, and their sum.

    Args:
        experiments: those to list.
        stored: folder of results files, which say what was made and what a run costs.
    """
    quick = {plan.experiment.name: plan for plan in within(experiments, stored, QUICK_ALL)}
    lines = [("experiment", "rows", "runs made", "one seed", "all seeds", "quick", "title")]
    total = [0.0, 0.0, 0.0]
    for experiment in experiments:
        known = known_seconds(experiment, stored)
        seeds = all_of(experiment, stored).seeds
        asked = sum(map(len, seeds.values()))
        costs = [
            sum(known.values()),
            sum(known[key] * len(seeds[key]) for key in known),
            sum(known[key] + OVERHEAD for key in quick[experiment.name].seeds),
        ]
        total = [a + b for a, b in zip(total, costs, strict=True)]
        unknown = "+" * (len(known) < len(seeds))
        lines.append(
            (
                experiment.name,
                f"{len(known)}/{len(seeds)}",
                f"{_made(experiment, stored)}/{asked}",
                span(costs[0]) + unknown,
                span(costs[1]) + unknown,
                f"{len(quick[experiment.name].seeds)} rows",
                experiment.title,
            )
        )
    lines.append(("all", "", "", span(total[0]), span(total[1]), span(total[2]), ""))
    widths = [max(len(line[k]) for line in lines) for k in range(6)]
    table = []
    for *cells, title in lines:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        table.append("  ".join([*padded, title]).rstrip())
    return [
        *table,
        "",
        f"Times are CPU-seconds of fits, as {stored} has them; + where some rows were never made. "
        "Quick: what `--budget quick` runs of all of them.",
    ]


def _made(experiment: Experiment, stored: Path) -> int:
    """How many of an experiment's runs the stored results have."""
    rows = (read_results(experiment, stored) or {"rows": []})["rows"]
    made = {place(row): set(row["seeds"]) for row in rows}
    return sum(
        len(made.get(place_of(experiment, system), set()) & set(system.seeds))
        for system in experiment.systems
    )

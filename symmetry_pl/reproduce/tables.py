"""Markdown tables of results."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from symmetry_pl.reproduce.evidence import Evidence, evidence_of, place, place_of
from symmetry_pl.reproduce.experiment import Experiment, System

if TYPE_CHECKING:
    from symmetry_pl.metrics import MetricSpec

__all__ = ["markdown_table", "page_tables", "summary_table"]

_NAMED = 10
"""Rows that are not there and are named; more of them are counted."""

_MARKS = {
    "†": "Made from a checkout with uncommitted changes.",
    "‡": "Made without a commit: by which code is not known.",
    "§": "Its seeds were made by different code.",
}


def markdown_table(experiment: Experiment, result: dict[str, Any]) -> str:
    """Mean ± standard deviation over seeds, the published value in brackets; then the notes.

    A row that was made by code of no commit, by several codes, or taken from another experiment
    says so.
    """
    columns = [experiment.column(name) for name in experiment.metrics]
    evidence = evidence_of(result)
    several = any(system.dataset for system in experiment.systems)
    first_columns = ["dataset", "system"] if several else ["system"]
    header = [column.header for column in columns]
    lines = [
        "| " + " | ".join([*first_columns, *header]) + " | CPU-s | batches | seeds |",
        "|---" * (len(columns) + len(first_columns) + 3) + "|",
    ]
    shown = ""
    for label, values in result["references"].items():
        cells = [_number(values.get(c.name), c) for c in columns]
        lines.append(f"| *{label}* | " + "| " * several + " | ".join(cells) + " | | | |")
    for system in experiment.systems:
        where = place_of(experiment, system)
        rows = {r["metric"]: r for r in result["rows"] if place(r) == where}
        if not rows:
            continue
        cells = []
        for column in columns:
            row = rows.get(column.name)
            cell = "–" if row is None else _spread(row, column)
            if row is not None and row["paper"] is not None:
                cell += f" ({_number(row['paper'], column)})"
            cells.append(cell)
        first = next(iter(rows.values()))
        cost = f"{statistics.fmean(first['cpu_s']):.0f}"
        name = _label(system) + _remark(evidence[where])
        if several:  # a dataset is named once, above its systems
            name = ("" if where[0] == shown else where[0].replace("_", " ")) + f" | {name}"
            shown = where[0]
        lines.append(
            f"| {name} | "
            + " | ".join(cells)
            + f" | {cost} | {first['batches']:,} | {len(first['seeds'])} |"
        )
    spread = "Mean ± standard deviation over seeds; in brackets the published value."
    notes = (spread, *experiment.notes, *_marks(evidence), *_made(experiment, evidence))
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def page_tables(experiment: Experiment, result: dict[str, Any]) -> dict[str, str]:
    """The tables that pages may show, by the names in their markers: all rows, and a short one.

    The short one is the experiment's analysis where it has one.
    """
    tables = {experiment.slug: markdown_table(experiment, result)}
    short = f"{experiment.slug}:summary"
    if experiment.analysis is not None:
        tables[short] = experiment.analysis.table(result)
    elif experiment.summary is not None:
        tables[short] = summary_table(experiment, result)
    return tables


def summary_table(experiment: Experiment, result: dict[str, Any]) -> str:
    """One figure, datasets by systems, with CPU seconds in brackets."""
    if experiment.summary is None:
        raise ValueError(f"{experiment.name} has no short table")
    column = experiment.column(experiment.summary)
    evidence = evidence_of(result)
    labels = {s.name: _label(s) for s in experiment.systems}
    rows = {place(r): r for r in result["rows"] if r["metric"] == column.name}
    systems = [name for name in labels if any(name == system for _, system in rows)]
    lines = [
        "| dataset | " + " | ".join(labels[name] for name in systems) + " |",
        "|---" * (len(systems) + 1) + "|",
    ]
    for dataset in dict.fromkeys(place_of(experiment, s)[0] for s in experiment.systems):
        cells = []
        for system in systems:
            row = rows.get((dataset, system))
            if row is None:
                cells.append("–")
                continue
            cost = f" ({statistics.fmean(row['cpu_s']):.0f})"
            cells.append(_spread(row, column) + cost + _remark(evidence[dataset, system]))
        lines.append(f"| {dataset.replace('_', ' ')} | " + " | ".join(cells) + " |")
    unit = f" [{column.unit}]" if column.unit else ""
    marks = _marks({where: evidence[where] for where in rows})
    mean = f"Mean {column.short}{unit} ± standard deviation over seeds (CPU-s a run)."
    lines += ["", " ".join([mean, *marks])]
    return "\n".join(lines) + "\n"


def _label(system: System) -> str:
    return f"**{system.label}**" if system.own else system.label


def _signs(evidence: Evidence) -> str:
    signs = {"†": evidence.dirty, "‡": None in evidence.commits, "§": evidence.mixed}
    return "".join(sign for sign, holds in signs.items() if holds)


def _remark(evidence: Evidence) -> str:
    """What a reader must know of a row, after its name."""
    signs = _signs(evidence)
    source = evidence.taken_from
    taken = f" (taken from {source.experiment}, seed {source.seed})" if source else ""
    return taken + (f" {signs}" if signs else "")


def _marks(evidence: dict[tuple[str, str], Evidence]) -> list[str]:
    """What the signs mean that there are."""
    used = {sign for one in evidence.values() for sign in _signs(one)}
    return [f"{sign} {meaning}" for sign, meaning in _MARKS.items() if sign in used]


def _made(experiment: Experiment, evidence: dict[tuple[str, str], Evidence]) -> list[str]:
    """The commands, each with its rows where there are several, and what is missing."""
    systems: dict[tuple[str, str, int | None], list[str]] = {}
    missing = []
    absent: dict[str, list[str]] = {}
    for system in experiment.systems:
        one = evidence.get(place_of(experiment, system))
        dataset = f"{system.dataset.replace('_', ' ')}: " if system.dataset else ""
        if one is None:
            absent.setdefault(dataset, []).append(system.label)
            continue
        systems.setdefault((one.command, one.date, one.cores), []).append(dataset + system.label)
        if one.missing:
            seeds = ", ".join(map(str, one.missing))
            missing.append(f"Not made yet: {dataset}{system.label}, seeds {seeds}.")
    for dataset, labels in absent.items():
        rows = "; ".join(labels) if len(labels) <= _NAMED else f"{len(labels)} rows"
        missing.append(f"Not made yet: {dataset}{rows}.")
    most = max(systems.values(), key=len, default=[])
    commands = []
    for (command, date, cores), labels in systems.items():
        which = "" if len(systems) == 1 else " of " + "; ".join(labels)
        if labels is most and len(systems) > 1 and len(labels) > _NAMED:
            which = " of all other rows"
        commands.append(f"Command{which}: `{command}`; {date}, {cores} cores.")
    return [*missing, *commands]


def _number(value: float | None, column: MetricSpec) -> str:
    return "" if value is None else column.cell(value)


def _spread(row: dict[str, Any], column: MetricSpec) -> str:
    mean = column.cell(row["mean"])
    if len(row["values"]) == 1 or "e" in mean:
        return mean
    return f"{mean} ± {row['std']:.{column.digits}f}"

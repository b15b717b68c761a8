"""Markdown tables of results."""

from __future__ import annotations

import statistics
from typing import Any

from symmetry_pl.reproduce.experiment import Experiment, MetricColumn, System


def place(row: dict[str, Any]) -> tuple[str, str]:
    """Dataset and system of a row of a results file."""
    return row["dataset"], row["system"]


def place_of(experiment: Experiment, system: System) -> tuple[str, str]:
    """Dataset and system as they stand in results files."""
    return system.dataset or experiment.dataset, system.name


def markdown_table(experiment: Experiment, result: dict[str, Any]) -> str:
    """Mean ± standard deviation over seeds, the published value in brackets; then the notes."""
    columns = experiment.metrics
    header = [c.label + (f" [{c.unit}]" if c.unit else "") for c in columns]
    several = any(system.dataset for system in experiment.systems)
    first_columns = ["dataset", "system"] if several else ["system"]
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
        name = f"**{system.label}**" if system.own else system.label
        if several:  # a dataset is named once, above its systems
            name = ("" if where[0] == shown else where[0].replace("_", " ")) + f" | {name}"
            shown = where[0]
        lines.append(
            f"| {name} | "
            + " | ".join(cells)
            + f" | {cost} | {first['batches']:,} | {len(first['seeds'])} |"
        )
    spread = "Mean ± standard deviation over seeds; in brackets the published value."
    lines += ["", *(f"- {note}" for note in (spread, *experiment.notes))]
    lines.append(f"- Command: `{result['command']}`; {result['date']}, {result['cores']} cores.")
    return "\n".join(lines) + "\n"


def summary_table(experiment: Experiment, result: dict[str, Any]) -> str:
    """One metric, datasets by systems, with CPU seconds in brackets."""
    column = next(c for c in experiment.metrics if c.name == experiment.summary)
    labels = {s.name: f"**{s.label}**" if s.own else s.label for s in experiment.systems}
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
            cost = "" if row is None else f" ({statistics.fmean(row['cpu_s']):.0f})"
            cells.append("–" if row is None else _spread(row, column) + cost)
        lines.append(f"| {dataset.replace('_', ' ')} | " + " | ".join(cells) + " |")
    unit = f" [{column.unit}]" if column.unit else ""
    lines += ["", f"Mean {column.label}{unit} ± standard deviation over seeds (CPU-s a run)."]
    return "\n".join(lines) + "\n"


def _number(value: float | None, column: MetricColumn) -> str:
    if value is None:
        return ""
    rounded = f"{value:.{column.digits}f}"
    vanishes = float(rounded) == 0.0
    if vanishes and column.exponent and value != 0:
        return f"{value:.0e}"
    return rounded.lstrip("-") if vanishes else rounded


def _spread(row: dict[str, Any], column: MetricColumn) -> str:
    mean = _number(row["mean"], column)
    if len(row["values"]) == 1 or "e" in mean:
        return mean
    return f"{mean} ± {row['std']:.{column.digits}f}"

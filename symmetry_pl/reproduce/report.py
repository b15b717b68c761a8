"""Results files: JSON as evidence, Markdown made from it."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_pl.reproduce.experiment import Experiment, MetricColumn, System

if TYPE_CHECKING:
    from symmetry_pl.reproduce.command import Job


def write_results(
    experiment: Experiment,
    finished: Sequence[tuple[Job, dict[str, Any]]],
    command: str,
    folder: Path,
) -> Path:
    """Write ``<slug>.json`` and ``<slug>.md``; systems that were not run keep their rows.

    Args:
        experiment: what was run.
        finished: jobs with their runs' ``metrics.json``.
        command: the command line.
        folder: where to write.

    Returns:
        Path of the JSON file.
    """
    path = folder / f"{experiment.slug}.json"
    folder.mkdir(parents=True, exist_ok=True)
    old: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    fresh = [row for s in experiment.systems for row in _rows(experiment, s, finished)]
    renewed = {_place(row) for row in fresh}
    kept = [row for row in old.get("rows", []) if _place(row) not in renewed]
    order = {_place_of(experiment, s): i for i, s in enumerate(experiment.systems)}
    rows = sorted(
        (row for row in fresh + kept if _place(row) in order), key=lambda r: order[_place(r)]
    )
    some = finished[0][1] if finished else {}
    result = {
        "experiment": experiment.name,
        "command": command,
        "commit": some.get("commit", old.get("commit")),
        "versions": some.get("versions", old.get("versions")),
        "cores": os.cpu_count(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "references": experiment.references() if experiment.references else {},
        "rows": rows,
    }
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    table = markdown_table(experiment, result)
    page = f"# {experiment.title}\n\nGenerated from `{path.name}`.\n\n{table}"
    path.with_suffix(".md").write_text(page)
    return path


def fill_pages(experiment: Experiment, table: str, root: Path) -> list[Path]:
    """Put the table between its markers in README.md and docs/*.md below ``root``.

    The markers are ``<!-- results:<slug> -->`` and ``<!-- /results:<slug> -->``.

    Returns:
        The pages that have the markers.
    """
    first, last = f"<!-- results:{experiment.slug} -->", f"<!-- /results:{experiment.slug} -->"
    filled = []
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = page.read_text() if page.is_file() else ""
        if first in text and last in text:
            before, rest = text.split(first, 1)
            page.write_text(f"{before}{first}\n{table}{last}{rest.split(last, 1)[1]}")
            filled.append(page)
    return filled


def _place(row: dict[str, Any]) -> tuple[str, str]:
    return row["dataset"], row["system"]


def _place_of(experiment: Experiment, system: System) -> tuple[str, str]:
    return system.dataset or experiment.dataset, system.name


def _rows(
    experiment: Experiment, system: System, finished: Sequence[tuple[Job, dict[str, Any]]]
) -> list[dict[str, Any]]:
    runs = [(job, record) for job, record in finished if job.system.key == system.key]
    rows = []
    for column in experiment.metrics if runs else ():
        values = [r["metrics"].get(f"test/{column.name}") for _, r in runs]
        if any(v is None for v in values):
            continue
        spec = runs[0][0].system
        rows.append(
            {
                "system": spec.name,
                "own": spec.own,
                "dataset": spec.dataset or experiment.dataset,
                "metric": column.name,
                "unit": column.unit,
                "paper": spec.published.get(column.name),
                "values": values,
                "seeds": [job.seed for job, _ in runs],
                "mean": statistics.fmean(values),
                "std": statistics.stdev(values) if len(values) > 1 else 0.0,
                "cpu_s": [r["fit"]["cpu_s"] for _, r in runs],
                "batches": runs[0][1]["batches"],
                "peak_rss_mb": max(r["fit"]["peak_rss_mb"] for _, r in runs),
                "commit": runs[0][1]["commit"],
            }
        )
    return rows


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
        place = _place_of(experiment, system)
        rows = {r["metric"]: r for r in result["rows"] if _place(r) == place}
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
            name = ("" if place[0] == shown else place[0].replace("_", " ")) + f" | {name}"
            shown = place[0]
        lines.append(
            f"| {name} | "
            + " | ".join(cells)
            + f" | {cost} | {first['batches']:,} | {len(first['seeds'])} |"
        )
    spread = "Mean ± standard deviation over seeds; in brackets the published value."
    lines += ["", *(f"- {note}" for note in (spread, *experiment.notes))]
    lines.append(f"- Command: `{result['command']}`; {result['date']}, {result['cores']} cores.")
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

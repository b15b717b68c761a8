"""Results files: JSON as evidence, Markdown made from it."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.tables import markdown_table, place, place_of, summary_table

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
    renewed = {place(row) for row in fresh}
    kept = [row for row in old.get("rows", []) if place(row) not in renewed]
    order = {place_of(experiment, s): i for i, s in enumerate(experiment.systems)}
    rows = sorted(
        (row for row in fresh + kept if place(row) in order), key=lambda r: order[place(r)]
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


def fill_pages(experiment: Experiment, result: dict[str, Any], root: Path) -> list[Path]:
    """Put the tables between their markers in README.md and docs/*.md below ``root``.

    The markers are ``<!-- results:<slug> -->`` and ``<!-- /results:<slug> -->``; with
    ``<slug>:summary`` a page gets the short table.

    Returns:
        The pages that have the markers.
    """
    tables = {experiment.slug: markdown_table(experiment, result)}
    if experiment.summary:
        tables[f"{experiment.slug}:summary"] = summary_table(experiment, result)
    filled = []
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = old = page.read_text() if page.is_file() else ""
        for name, table in tables.items():
            first, last = f"<!-- results:{name} -->", f"<!-- /results:{name} -->"
            if first in text and last in text:
                before, rest = text.split(first, 1)
                text = f"{before}{first}\n{table}{last}{rest.split(last, 1)[1]}"
        if any(f"<!-- results:{name} -->" in text for name in tables):
            filled.append(page)
        if text != old:
            page.write_text(text)
    return filled


def write_figure(experiment: Experiment, result: dict[str, Any], folder: Path) -> list[Path]:
    """Write ``<slug>.png`` of an experiment that draws its results.

    Returns:
        The file, or nothing where there is nothing to draw.
    """
    figure = None if experiment.figure is None else experiment.figure(result)
    if figure is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{experiment.slug}.png"
    figure.savefig(path)
    return [path]


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

"""Results files: JSON as evidence, Markdown made from it."""

from __future__ import annotations

import io
import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from symmetry_pl.core.files import atomic_write
from symmetry_pl.reproduce.evidence import Evidence, evidence_of, place, place_of
from symmetry_pl.reproduce.experiment import Experiment, System, TakenFrom, slug_of
from symmetry_pl.reproduce.jobs import Job
from symmetry_pl.reproduce.tables import markdown_table, page_tables

__all__ = [
    "Result",
    "fill_pages",
    "joined",
    "of_runs",
    "read_results",
    "taken",
    "write_pages",
    "write_results",
]

Result = tuple[Evidence, list[dict[str, Any]]]
"""What a system's rows were made from, and the rows: one a figure."""


def read_results(experiment: Experiment, folder: Path) -> dict[str, Any] | None:
    """Content of an experiment's results file; None where there is none."""
    path = folder / f"{experiment.slug}.json"
    result: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return result


def of_runs(
    experiment: Experiment, system: System, jobs: Sequence[Job], command: str
) -> Result | None:
    """What a system's finished runs have given; None before there is one.

    Args:
        experiment: the table.
        system: one of its rows.
        jobs: those of the system, one a seed.
        command: the command line.
    """
    runs = [(job, record) for job in jobs if (record := job.record()) is not None]
    if not runs:
        return None
    made = [job.made_from() for job, _ in runs]
    evidence = Evidence(
        *place_of(experiment, system),
        command=command,
        date=_today(),
        cores=os.cpu_count(),
        asked=tuple(job.seed for job in jobs),
        seeds=tuple(job.seed for job, _ in runs),
        commits=tuple(_commit(one["commits"]) for one in made),
        settings=runs[0][0].settings,
        code=tuple(tuple(one.get("code", ())) for one in made),
        data={name: d for one in made for name, d in one.get("data", {}).items()},
        versions=runs[0][1]["versions"],
    )
    rows = []
    for name in (*experiment.metrics, *experiment.stored):
        values = [record["metrics"].get(f"test/{name}") for _, record in runs]
        if any(v is None for v in values):
            continue
        cost = {
            "cpu_s": [record["fit"]["cpu_s"] for _, record in runs],
            "batches": runs[0][1]["batches"],
            "peak_rss_mb": max(record["fit"]["peak_rss_mb"] for _, record in runs),
            "commit": evidence.commits[0],
        }
        rows.append(_row(experiment, system, name, values, evidence.seeds) | cost)
    return evidence, rows


def taken(experiment: Experiment, system: System, command: str, folder: Path) -> Result | None:
    """A copy of the run of another experiment that a system is taken from, where it is there."""
    source = system.taken_from
    assert source is not None
    path = folder / f"{slug_of(source.experiment)}.json"
    result = json.loads(path.read_text()) if path.is_file() else {"rows": []}
    rows, where = [], ("", "")
    for row in result["rows"]:
        if _is_source(row, source) and row["metric"] in experiment.metrics:
            where, i = place(row), row["seeds"].index(source.seed)
            copied = _row(experiment, system, row["metric"], [row["values"][i]], (source.seed,))
            rows.append(
                copied
                | {
                    "cpu_s": [row["cpu_s"][i]],
                    "batches": row["batches"],
                    # of several seeds the row has the largest alone
                    "peak_rss_mb": row["peak_rss_mb"] if len(row["seeds"]) == 1 else None,
                    "commit": row["commit"],
                }
            )
    if not rows:
        return None
    rows.sort(key=lambda row: experiment.metrics.index(row["metric"]))
    theirs = evidence_of(result)[where]
    i = theirs.seeds.index(source.seed)
    dataset, name = place_of(experiment, system)
    evidence = replace(
        theirs,
        dataset=dataset,
        system=name,
        command=command,
        date=_today(),
        asked=(source.seed,),
        seeds=(source.seed,),
        commits=theirs.commits[i : i + 1] or theirs.commits[:1],
        code=theirs.code[i : i + 1],
        taken_from=source,
    )
    return evidence, rows


def _is_source(row: dict[str, Any], source: TakenFrom) -> bool:
    names = (row["system"], f"{row['dataset']}/{row['system']}")
    return source.system in names and source.seed in row["seeds"]


def write_results(experiment: Experiment, found: Sequence[Result], folder: Path) -> dict[str, Any]:
    """Write `<slug>.json`; systems that are not among what was found keep rows and evidence.

    So do seeds of a system that were made with the same config and options.

    Returns:
        The file's content.
    """
    old = read_results(experiment, folder) or {"rows": []}
    evidence, stored = evidence_of(old), old["rows"]
    rows = {where: [row for row in stored if place(row) == where] for where in evidence}
    for one, fresh in found:
        where = (one.dataset, one.system)
        evidence[where], rows[where] = joined(evidence.get(where), rows.get(where, []), one, fresh)
    order = [p for s in experiment.systems if rows.get(p := place_of(experiment, s))]
    result = {
        "experiment": experiment.name,
        "references": experiment.references() if experiment.references else {},
        "evidence": [evidence[where].to_json() for where in order],
        "rows": [row for where in order for row in rows[where]],
    }
    if experiment.analysis is not None:
        result["analysis"] = experiment.analysis.compute(result)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    atomic_write(folder / f"{experiment.slug}.json", text)
    return result


def joined(
    old: Evidence | None, old_rows: list[dict[str, Any]], new: Evidence, rows: list[dict[str, Any]]
) -> Result:
    """Rows with the stored seeds of the same settings that are not made anew.

    Args:
        old: what the stored rows were made from; None without any.
        old_rows: the stored rows, one a figure.
        new: what the new ones were made from.
        rows: the new ones.
    """
    kept = [seed for seed in (old.seeds if old else ()) if seed not in new.seeds]
    stored = {row["metric"]: row for row in old_rows}
    names = {row["metric"] for row in rows}
    same = old is not None and old.settings == new.settings != "" and new.taken_from is None
    whole = old is not None and len(old.code) == len(old.commits) == len(old.seeds)
    if not (kept and same and whole and names <= stored.keys()):
        return new, rows
    assert old is not None
    seeds = sorted({*kept, *new.seeds})

    def each(of_old: Sequence[Any], of_new: Sequence[Any]) -> list[Any]:
        """One a seed."""
        values = dict(zip(old.seeds, of_old, strict=True)) | dict(
            zip(new.seeds, of_new, strict=True)
        )
        return [values[seed] for seed in seeds]

    evidence = replace(
        new,
        asked=tuple(sorted({*old.asked, *new.asked})),
        seeds=tuple(seeds),
        commits=tuple(each(old.commits, new.commits)),
        code=tuple(each(old.code, new.code)),
        data={**old.data, **new.data},
    )
    both = []
    for row in rows:
        before = stored[row["metric"]]
        values = each(before["values"], row["values"])
        both.append(
            row
            | {
                "values": values,
                "seeds": seeds,
                "mean": statistics.fmean(values),
                "std": statistics.stdev(values),
                "cpu_s": each(before["cpu_s"], row["cpu_s"]),
                "peak_rss_mb": max(before["peak_rss_mb"], row["peak_rss_mb"]),
            }
        )
    return evidence, both


def write_pages(experiment: Experiment, result: dict[str, Any], folder: Path) -> list[Path]:
    """Write the table and the figure of a results file, and fill in the pages that show it.

    Pages are README.md and docs/*.md of the checkout whose docs/ the folder is in; results that
    are kept elsewhere have none.

    Returns:
        The files.
    """
    page = folder / f"{experiment.slug}.md"
    table = markdown_table(experiment, result)
    if experiment.analysis is not None:
        table = f"{experiment.analysis.table(result)}\n{table}"
    text = f"# {experiment.title}\n\nGenerated from `{experiment.slug}.json`.\n\n{table}"
    atomic_write(page, text)
    figures = _write_figure(experiment, result, folder.parent / "figures")
    docs = folder.resolve().parent
    pages = fill_pages(experiment, result, docs.parent) if docs.name == "docs" else []
    return [page, *figures, *pages]


def fill_pages(experiment: Experiment, result: dict[str, Any], root: Path) -> list[Path]:
    """Put the tables between their markers in README.md and docs/*.md below `root`.

    The markers are `<!-- results:<slug> -->` and `<!-- /results:<slug> -->`; with
    `<slug>:summary` a page gets the short table.

    Returns:
        The pages that have the markers.
    """
    tables = page_tables(experiment, result)
    filled = []
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = old = page.read_text(encoding="utf-8") if page.is_file() else ""
        for name, table in tables.items():
            first, last = f"<!-- results:{name} -->", f"<!-- /results:{name} -->"
            if first in text and last in text:
                before, rest = text.split(first, 1)
                text = f"{before}{first}\n{table}{last}{rest.split(last, 1)[1]}"
        if any(f"<!-- results:{name} -->" in text for name in tables):
            filled.append(page)
        if text != old:
            atomic_write(page, text)
    return filled


def _write_figure(experiment: Experiment, result: dict[str, Any], folder: Path) -> list[Path]:
    """Write `<slug>.png` of an experiment that draws its results, where there is enough."""
    figure = None if experiment.figure is None else experiment.figure(result)
    if figure is None:
        return []
    path, drawn = folder / f"{experiment.slug}.png", io.BytesIO()
    figure.savefig(drawn, format="png")
    atomic_write(path, drawn.getvalue())
    return [path]


def _row(
    experiment: Experiment,
    system: System,
    metric: str,
    values: list[float],
    seeds: tuple[int, ...],
) -> dict[str, Any]:
    dataset, name = place_of(experiment, system)
    return {
        "system": name,
        "own": system.own,
        "dataset": dataset,
        "metric": metric,
        "unit": experiment.column(metric).unit,
        "paper": system.published.get(metric),
        "values": values,
        "seeds": list(seeds),
        "mean": statistics.fmean(values),
        "std": statistics.stdev(values) if len(values) > 1 else 0.0,
    }


def _commit(commits: Sequence[str | None]) -> str | None:
    """The commit at which a run began; `+` where any part of it had uncommitted changes."""
    begun = commits[0]
    dirty = any(one is not None and one.endswith("+") for one in commits)
    return None if begun is None else begun.rstrip("+") + "+" * dirty


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()

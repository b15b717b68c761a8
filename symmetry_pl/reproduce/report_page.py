"""The report of several experiments: one page as Markdown and as HTML, with a plot each."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symmetry_pl.core.files import atomic_write
from symmetry_pl.reproduce.comparison import AGREES, Compared, compared
from symmetry_pl.reproduce.experiment import Experiment
from symmetry_pl.reproduce.progress import span
from symmetry_pl.reproduce.report import read_results
from symmetry_pl.reproduce.run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symmetry_pl.metrics import MetricSpec

__all__ = ["comparison_figure", "write_report"]

_ROWS = 24  # of a plot
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; font-size: .85em; display: block; overflow-x: auto }
th, td { padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: left }
td { font-variant-numeric: tabular-nums } img { max-width: 100% } h2 { margin-top: 3rem }
"""


def write_report(
    outcomes: Sequence[Outcome], folder: Path, stored: Path, command: str
) -> list[Path]:
    """Write `report.md`, `report.html` and a plot an experiment, in `report/`.

    Args:
        outcomes: of the experiments that were run.
        folder: of the results made here.
        stored: folder of the results that they are compared with.
        command: that was given.

    Returns:
        The two pages.
    """
    tables = {o.plan.experiment.name: _compared(o, stored) for o in outcomes}
    parts = [_head(outcomes, [row for rows in tables.values() for row in rows], command)]
    for outcome in outcomes:
        experiment, rows = outcome.plan.experiment, tables[outcome.plan.experiment.name]
        parts.append(f"## {experiment.title}\n\n`symmetry reproduce {experiment.name}`")
        left_out = outcome.plan.left_out
        parts.extend(f"**{line}**" for line in outcome.failed)
        if left_out:
            parts.append(f"Left out: {left_out}.")
        figure = comparison_figure(experiment, rows)
        if figure is not None:
            drawn = io.BytesIO()
            figure.savefig(drawn, format="png")
            path = Path("report") / f"{experiment.slug}.png"
            atomic_write(folder / path, drawn.getvalue())
            parts.append(f"![{experiment.title}: here and stored]({path.as_posix()})")
        if rows:
            parts.append(_table(experiment, rows))
        parts.append(f"All figures: [{experiment.slug}.md]({experiment.slug}.md).")
    text = "\n\n".join(parts) + "\n"
    pages = [folder / "report.md", folder / "report.html"]
    atomic_write(pages[0], text)
    atomic_write(pages[1], _html(text, folder))
    return pages


def comparison_figure(experiment: Experiment, rows: Sequence[Compared]) -> Figure | None:
    """The first figure of each row: here, stored with its deviation, published.

    Args:
        experiment: the table.
        rows: its figures.

    Returns:
        None where there is nothing to draw.
    """
    if not rows:
        return None
    name = experiment.summary or experiment.metrics[0]
    shown = [row for row in rows if row.metric == name][:_ROWS]
    if not shown:
        return None
    from symmetry_pl.plots.basic import new_figure

    column = experiment.column(name)
    figure = new_figure(1, width=8, height=1.2 + 0.3 * len(shown))
    axes = figure.subplots()
    places = range(len(shown))
    had = [
        (k, row.stored_mean, row.stored_deviation)
        for k, row in enumerate(shown)
        if row.stored_mean is not None
    ]
    axes.errorbar(
        [mean for _, mean, _ in had],
        [k for k, _, _ in had],
        xerr=[deviation for _, _, deviation in had],
        fmt="o", mfc="none", ms=9, color="#777", capsize=3,
        label="stored, mean ± deviation over seeds",
    )  # fmt: skip
    axes.plot([row.mean for row in shown], places, "o", ms=5, color="#0072b2", label="made here")
    told = [(k, row.published) for k, row in enumerate(shown) if row.published is not None]
    if told:
        values, heights = [value for _, value in told], [k for k, _ in told]
        axes.plot(values, heights, "x", color="#d55e00", label="published")
    axes.set_yticks(places, [_name(row) for row in shown], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(column.title)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def _compared(outcome: Outcome, stored: Path) -> list[Compared]:
    experiment = outcome.plan.experiment
    return compared(experiment, outcome.content, read_results(experiment, stored))


def _head(outcomes: Sequence[Outcome], rows: Sequence[Compared], command: str) -> str:
    """What was made, and how much of it is as stored."""
    known = [row for row in rows if row.agrees is not None]
    agree = sum(bool(row.agrees) for row in known)
    runs = {(row.dataset, row.system): row.cpu_s * len(row.here) for row in rows}
    deviations, share = AGREES
    lines = [
        "# What was reproduced here",
        f"`{command}`",
        f"{sum(bool(o.content['rows']) for o in outcomes)} experiments, {len(runs)} rows, "
        f"{span(sum(runs.values()))} of CPU time in fits. "
        f"Of {len(known)} figures that are stored too, {agree} agree: they are within "
        f"{deviations:.0f} standard deviations over the stored seeds, or {share:.0%} of the value. "
        f"{len(rows) - len(known)} are not stored.",
    ]
    wrong = [row for row in known if not row.agrees]
    if wrong:
        named = "; ".join(f"{_name(row)}, {row.metric}" for row in wrong[:_ROWS])
        lines.append(f"Not in agreement: {named}.")
    lines.extend(f"- {line}" for o in outcomes for line in o.failed)
    return "\n\n".join(lines)


def _table(experiment: Experiment, rows: Sequence[Compared]) -> str:
    lines = [
        "| row | figure | here | stored | published | agrees | CPU-s here | stored | seeds |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        column = experiment.column(row.metric)
        cells = [
            _name(row),
            column.header,
            column.cell(row.mean),
            _stored(row, column),
            "" if row.published is None else column.cell(row.published),
            {None: "–", True: "yes", False: "**no**"}[row.agrees],
            f"{row.cpu_s:.0f}",
            "–" if row.stored_cpu_s is None else f"{row.stored_cpu_s:.0f}",
            f"{len(row.here)} of {len(row.stored)}" if row.stored else f"{len(row.here)}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _stored(row: Compared, column: MetricSpec) -> str:
    if row.stored_mean is None:
        return "–"
    mean = column.cell(row.stored_mean)
    spread = f" ± {row.stored_deviation:.{column.digits}f}" if len(row.stored) > 1 else ""
    return mean + ("" if "e" in mean else spread)


def _name(row: Compared) -> str:
    return f"{row.dataset.replace('_', ' ')}: {row.system}" if row.dataset else row.system


def _html(text: str, folder: Path) -> str:
    """One file for a browser: pictures are within it."""
    import markdown

    body = markdown.markdown(text, extensions=["tables"])

    def within(found: re.Match[str]) -> str:
        drawn = (folder / html.unescape(found[1])).read_bytes()
        return f'src="data:image/png;base64,{base64.b64encode(drawn).decode()}"'

    body = re.sub(r'src="(report/[^"]+)"', within, body)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>symmetry_pl: what was reproduced here</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )

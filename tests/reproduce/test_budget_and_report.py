"""Experiments within a budget, their progress, and a report that compares with what is stored."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_reproduce import COPY, EXAMPLE, example, finish, job_of  # noqa: F401

from symmetry_pl.cli import main
from symmetry_pl.reproduce import command
from symmetry_pl.reproduce.comparison import compared
from symmetry_pl.reproduce.evidence import place, place_of
from symmetry_pl.reproduce.experiment import Analysis, System
from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.reproduce.plan import OVERHEAD, QUICK_ALL, known_seconds, within
from symmetry_pl.reproduce.progress import Progress, span
from symmetry_pl.reproduce.report import read_results
from symmetry_pl.reproduce.tables import markdown_table

STORED = Path(__file__).parents[2] / "docs/results"
ALL = [load_experiment(name) for name in EXPERIMENTS]


@pytest.mark.parametrize("seconds", [0.0, 100.0, QUICK_ALL, 1e9])
def test_a_budget_is_kept_and_shared(seconds):
    plans = within(ALL, STORED, seconds)
    assert [plan.experiment.name for plan in plans] == list(EXPERIMENTS)
    runs = [(plan, key) for plan in plans for key in plan.seeds]
    assert sum(plan.seconds[key] + OVERHEAD for plan, key in runs) <= seconds
    for plan in plans:
        rows = {system.key: system for system in plan.systems}
        assert all(len(seeds) == 1 for seeds in plan.seeds.values())
        for system in rows.values():
            first = plan.experiment.first_of(system)
            assert first is None or first.key in rows  # its weights are there to start from
            assert system.taken_from is None
        assert bool(plan.left_out) == (len(rows) < len(plan.experiment.systems))
    if seconds == QUICK_ALL:  # nearly all of it is used, and nearly every experiment has a row
        assert sum(plan.seconds[key] + OVERHEAD for plan, key in runs) > 0.8 * seconds
        assert sum(plan.idle for plan in plans) <= 3
    if seconds == 1e9:  # all that was ever measured
        for plan in plans:
            own = [s.key for s in plan.experiment.systems if s.taken_from is None]
            assert list(plan.seeds) == [key for key in own if key in plan.seconds]


def test_datasets_take_turns():
    systems = tuple(System(name, name, "", data) for data in "ab" for name in ("x", "y", "z"))
    experiment = replace(EXAMPLE, systems=systems)
    known = dict.fromkeys((s.key for s in systems), 5.0)

    def rows(_, stored):
        return known

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symmetry_pl.reproduce.plan.known_seconds", rows)
        (plan,) = within([experiment], STORED, 4 * (5 + OVERHEAD))
    assert list(plan.seeds) == ["a/x", "a/y", "b/x", "b/y"]
    assert plan.left_out == "2 of 6 rows"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_any_part_of_a_table_can_be_written(name):
    """Analyses and tables, from the first of the rows and their first seed alone."""
    experiment = load_experiment(name)
    content = read_results(experiment, STORED)
    (plan,) = within([experiment], STORED, 600.0)
    places = {place_of(experiment, system) for system in plan.systems}
    some = [row for row in content["rows"] if place(row) in places]
    for row in some:
        row |= {k: row[k][:1] for k in ("values", "seeds", "cpu_s")} | {"mean": row["values"][0]}
    part = {**content, "rows": some}
    if experiment.analysis is not None:
        part["analysis"] = experiment.analysis.compute(part)
        assert experiment.analysis.table(part)
    table = markdown_table(experiment, part)
    assert len(re.findall(r" \| 1 \|$", table, flags=re.M)) == len({place(row) for row in some})
    found = compared(experiment, part, read_results(experiment, STORED))
    assert {row.metric for row in found} <= set(experiment.metrics)
    assert all(row.stored for row in found)


def test_progress_says_what_runs_and_what_is_left():
    said, now = [], [0.0]
    progress = Progress(
        ["a", "b", "c", "d"], {"a": 10, "b": 20, "c": 60}, said.append, lambda: now[0]
    )
    progress.begin("a")
    progress.begin("b")
    now[0] = 20.0  # twice what it is known to take
    progress.end("a", "a: 9 CPU-s")
    # b has 20 of 40 seconds left, c takes 120, one process
    assert said == ["[1/4] a: 9 CPU-s; about 2 min left, and 1 of which it is not known"]
    assert progress.table() == (
        "running b (20 s); done 1; failed 0; waiting 2; "
        "about 2 min left, and 1 of which it is not known"
    )
    progress.begin("c")
    progress.end("b", "b: FAILED, see log")
    progress.end("c", "c: already there")  # took no time, and says nothing of the pace
    progress.begin("d")
    assert progress.table() == "running d (0 s); done 2; failed 1; waiting 0"
    progress.end("d", "d: 1 CPU-s")
    assert said[-1] == "[4/4] d: 1 CPU-s"


def test_hours_are_said_as_hours():
    assert [span(s) for s in (0, 59.4, 60, 3599, 7260)] == [
        "0 s", "59 s", "1 min", "1 h 0 min", "2 h 1 min"
    ]  # fmt: skip


@pytest.fixture
def only_examples(example, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setattr(command, "_all", lambda: [EXAMPLE, COPY])
    monkeypatch.chdir(tmp_path)
    folder = Path("docs/results")
    folder.mkdir(parents=True)
    return folder


def stored_row(metric, values, cpu_s):
    return {
        "system": "cvae", "dataset": "spiral", "metric": metric, "values": values, "unit": "",
        "own": False, "seeds": list(range(len(values))), "cpu_s": [cpu_s] * len(values),
        "mean": sum(values) / len(values), "std": 0.0, "paper": None, "batches": 2, "commit": "a",
        "peak_rss_mb": 1.0,
    }  # fmt: skip


def test_a_report_compares_with_what_is_stored(only_examples, capsys):
    rows = [stored_row("mae_x", [1.0, 1.2], 3.0), stored_row("mae_y", [0.5, 0.5], 3.0)]
    stored = {"rows": rows, "references": {}, "command": "c", "date": "d", "cores": 2}
    (only_examples / "example_tiny.json").write_text(json.dumps(stored))
    before = (only_examples / "example_tiny.json").read_text()
    finish(job_of(EXAMPLE.systems[0], 0), {"mae_x": 1.4, "mae_y": 0.7})
    assert main(["reproduce", "all", "--budget", "quick"]) == 0
    out = capsys.readouterr().out
    assert "[1/1] cvae, seed 0: already there" in out
    assert "example/copy: left out, all: no stored results say what a run costs" in out
    results = Path("lightning_logs/reproduce/results")
    assert "report in" in out
    assert (only_examples / "example_tiny.json").read_text() == before  # it is not overwritten
    page = (results / "report.md").read_text()
    assert "Of 2 figures that are stored too, 1 agree" in page
    # 1.4 is within three deviations (.14) of 1.1, and .7 is 40 % from .5
    assert "| CVAE | MAE(X) | 1.400 | 1.100 ± 0.141 | 0.330 | yes | 2 | 3 | 1 of 2 |" in page
    assert re.search(r"\| CVAE \| MAE\(Y\) \| 0.70* \| 0.50* ± 0.0+ \|  \| \*\*no\*\*", page)
    assert "Not in agreement: CVAE, mae_y." in page
    assert "Left out: 2 of 3 rows." in page
    html = (results / "report.html").read_text()
    assert html.startswith("<!doctype html>")
    assert "<table>" in html
    assert 'src="data:image/png;base64,iVBOR' in html
    assert (results / "report/example_tiny.png").is_file()


def test_all_in_full_runs_copies_too(only_examples, capsys):
    for system in EXAMPLE.systems:
        first = EXAMPLE.first_of(system)
        for seed in system.seeds:
            job = job_of(system, seed)
            start = None if first is None else job_of(first, seed)
            finish(replace(job, first=start), {"mae_x": 1.0 + seed})
    assert main(["reproduce", "all"]) == 0
    page = Path("lightning_logs/reproduce/results/report.md").read_text()
    assert "2 experiments, 4 rows" in page
    assert "Of 0 figures that are stored too" in page
    assert "Left out" not in page


def test_an_experiment_without_systems_is_its_analysis(only_examples, monkeypatch, capsys):
    counted = Analysis(lambda result: {"right": 7}, lambda r: f"{r['analysis']['right']} right\n")
    alone = replace(EXAMPLE, systems=(), metrics=(), references=None, analysis=counted)
    monkeypatch.setattr(command, "_all", lambda: [alone])
    assert main(["reproduce", "all", "--budget", "quick"]) == 0
    assert "left out" not in capsys.readouterr().out
    results = Path("lightning_logs/reproduce/results")
    assert "7 right" in (results / "example_tiny.md").read_text()
    assert "## Tiny" in (results / "report.md").read_text()


def test_what_fails_is_in_the_report(only_examples, capsys):
    assert main(["reproduce", "example/copy", "--budget", "full"]) == 1
    page = Path("lightning_logs/reproduce/results/report.md").read_text()
    assert "same: FAILED, as it is taken from example/tiny, cvae, seed 1: reproduce that" in page


def test_list_says_what_is_stored_and_what_it_takes(capsys):
    assert main(["reproduce", "--list", "--stored", str(STORED)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "experiment"
    assert [line.split()[0] for line in lines[1 : len(ALL) + 1]] == list(EXPERIMENTS)
    spiral = next(e for e in ALL if e.name == "stib/spiral")
    minutes = span(sum(known_seconds(spiral, STORED).values()))
    assert minutes in next(line for line in lines if line.startswith("stib/spiral"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["all", "--systems", "vae"], "--systems, and --seeds with --budget quick"),
        (["stib/spiral", "--budget", "slow"], "--budget: invalid choice: 'slow'"),
        ([], "--list says what they take"),
    ],
)
def test_wrong_options_are_one_sentence(words, sentence, capsys):
    assert main(["reproduce", *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error

"""Molecules asked for their properties: the short table of made-up results."""

import json

import pytest

from symmetry_pl.cli import main
from symmetry_pl.metrics import spec
from symmetry_pl.reproduce.experiments import load_experiment
from symmetry_pl.reproduce.jobs import Job

EXPERIMENT = load_experiment("stib/targeting")
OURS, BLIND = EXPERIMENT.systems
FIGURES = (*EXPERIMENT.metrics, *EXPERIMENT.stored)


def value(name, seed):
    """A made-up figure."""
    known = {"valid": 0.98, "unique": 1.0, "novel": 0.99, "slope": 1.0, "drafts": 1.25, "mean": 2.0}
    thirds = {"low": 0.3, "mid": 0.1, "high": 0.2}
    figure = name.rpartition("_")[2]
    found = (known | thirds).get(figure, 0.2 + 0.02 * seed)
    if name == "asked_qed_valid":
        return 0.95
    if name == "asked_weight_slope":
        return 0.9
    return found


def finish(job, names):
    """Leave what a tested run leaves."""
    job.run.mkdir(parents=True)
    job.note("abc", data={})
    record = {
        "metrics": {f"test/{name}": value(name, job.seed) for name in names},
        "fit": {"cpu_s": 700.0, "peak_rss_mb": 3.0},
        "test": {},
        "batches": 2,
        "versions": {},
    }
    (job.run / "metrics.json").write_text(json.dumps(record))


@pytest.fixture
def collected(tmp_path, capsys):
    """Results and page of two seeds, and of one without running sums."""
    blind = [n for n in FIGURES if "_best4" not in n and "_plain" not in n]
    for system, seed, names in ((OURS, 0, FIGURES), (OURS, 1, FIGURES), (BLIND, 0, blind)):
        root = tmp_path / "logs" / EXPERIMENT.slug / system.key / f"seed_{seed}"
        finish(Job(system, seed, root), names)
    out = tmp_path / "docs/results"
    assert (
        main(["reproduce", EXPERIMENT.name, "--collect", "--log_root", "logs", "--out", str(out)])
        == 0
    )
    capsys.readouterr()
    page = (out / "stib_targeting.md").read_text()
    return json.loads((out / "stib_targeting.json").read_text()), page


def cells(page, label):
    """The cells of a line of the table."""
    (line,) = (row for row in page.splitlines() if row.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_a_line_is_a_way_of_answering(collected):
    _, page = collected
    one = cells(page, "**one draw**")
    assert one[:4] == ["0.210 ± 0.014", "0.210 ± 0.014", "0.21 ± 0.01", "0.210 ± 0.014"]
    assert one[4:7] == ["95.0", "100.0", "99.0"]  # the worst of the tasks
    assert one[7] == "0.90"  # the slope that is farthest from 1
    assert one[8] == "1.43 ± 0.10"  # of 0.3 / 0.2 and 0.3 / 0.22
    assert one[9:] == ["1.25", "0", "700"]
    assert cells(page, "nearest training molecules")[-1] == "–"  # nothing was trained for it
    assert cells(page, "always the mean")[:5] == ["2.000", "2.000", "2.00", "2.000", "–"]
    assert cells(page, "**one draw, without running sums**")[0] == "0.200"
    assert cells(page, "FreeGress, published")[:5] == ["0.16", "0.04", "8.96", "0.12", "80.7"]
    assert cells(page, "GrIDDD, published")[3] == "–"
    assert "2 of the model, 1 of the one without running sums" in page


def test_results_keep_the_figures_of_all_ways(collected):
    result, _ = collected
    kept = {row["metric"] for row in result["rows"] if row["system"] == OURS.name}
    assert kept == set(FIGURES)
    assert result["analysis"]["lines"]["mean"]["logp"] == [2.0, 0.0]


def test_columns_are_the_errors_alone(collected):
    _, page = collected
    (header,) = (row for row in page.splitlines() if row.startswith("| system |"))
    assert header.count("|") == len(EXPERIMENT.metrics) + 5


def test_every_figure_is_in_the_catalogue():
    assert len(set(FIGURES)) == len(FIGURES)
    for name in FIGURES:
        assert spec(name).group in ("targeting", "reconstruction"), name


def test_before_a_run_there_are_published_figures_alone():
    table = EXPERIMENT.analysis.table({"rows": []})
    assert "FreeGress, published" in table
    assert "one draw**" not in table

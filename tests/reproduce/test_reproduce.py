"""Results are written from runs, and pages from results."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from symmetry_pl.cli import main
from symmetry_pl.reproduce import command
from symmetry_pl.reproduce.experiment import Experiment, MetricColumn, System
from symmetry_pl.reproduce.lens_table1 import DATASETS
from symmetry_pl.reproduce.report import write_results
from symmetry_pl.reproduce.stib_spiral import EXPERIMENT, reference_rows
from symmetry_pl.reproduce.tables import markdown_table, summary_table
from symmetry_pl.runs.folders import config_root

CHECKOUT = Path(__file__).parents[2]
TINY = (
    "--trainer.max_epochs=1",
    "--trainer.check_val_every_n_epoch=1",
    "--data.samples_per_epoch=120",
    "--data.eval_samples=200",
    "--model.autoencoder_options={width: 8}",
)
EXAMPLE = Experiment(
    "example/tiny",
    "Tiny",
    "spiral",
    (
        System("cvae", "CVAE", "stib/paper/spiral_cvae.yaml", overrides=TINY,
               published={"mae_x": 0.33}, seeds=(0, 1)),
        System("cvib", "CVIB (ours)", "stib/paper/spiral_cvib.yaml", own=True, overrides=TINY),
        System("more", "CVAE, trained on", "stib/paper/spiral_cvae.yaml", overrides=TINY,
               seeds=(1,), after="cvae"),
    ),
    (MetricColumn("mae_x", "MAE(X)"), MetricColumn("mae_y", "MAE(Y)")),
    references=lambda: {"floor": {"mae_x": 0.0}},
)  # fmt: skip


@pytest.fixture
def example(monkeypatch):
    module = ModuleType("example_experiment")
    module.EXPERIMENT = EXAMPLE
    monkeypatch.setitem(sys.modules, "example_experiment", module)
    monkeypatch.setitem(command.EXPERIMENTS, "example/tiny", "example_experiment")
    root = str(CHECKOUT)
    monkeypatch.setenv("PYTHONPATH", root)


def test_runs_become_results_and_pages(example, tmp_path, capsys):
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- results:example_tiny -->\nold\n<!-- /results:example_tiny -->\nb\n")
    assert main(["reproduce", "example/tiny", "--systems", "cvae", "--out", "results"]) == 0
    result = json.loads((tmp_path / "results/example_tiny.json").read_text())
    (row,) = result["rows"]  # a CVAE has no MAE(Y)
    assert (row["system"], row["metric"], row["paper"], row["own"]) == (
        "cvae", "mae_x", 0.33, False
    )  # fmt: skip
    assert row["seeds"] == [0, 1]
    assert row["values"][0] != row["values"][1]
    assert row["mean"] == pytest.approx(sum(row["values"]) / 2)
    assert min(row["cpu_s"]) > 0
    assert result["versions"]["torch"]
    text = page.read_text()
    assert text.startswith("a\n<!-- results:example_tiny -->\n| system |")
    assert "old" not in text
    assert "(0.330)" in text
    assert text.endswith("b\n")

    # what is there is not run again, and rows of systems that are not run stay
    capsys.readouterr()
    arguments = ["reproduce", "example/tiny", "--seeds", "0", "--out", "results"]
    assert main([*arguments, "--systems", "cvae"]) == 0
    assert "already there" in capsys.readouterr().out
    system = EXAMPLE.systems[1]
    record = {
        "metrics": {"test/mae_x": 1.5},
        "fit": {"cpu_s": 2.0, "peak_rss_mb": 3.0},
        "batches": 2,
        "commit": "abc",
        "versions": {},
    }
    finished = [(command.Job(system, 0, tmp_path), record)]
    write_results(EXAMPLE, finished, "by hand", tmp_path / "results")
    result = json.loads((tmp_path / "results/example_tiny.json").read_text())
    assert [r["system"] for r in result["rows"]] == ["cvae", "cvib"]
    assert result["rows"][1]["values"] == [1.5]


def test_a_system_may_start_from_another(example, tmp_path, capsys):
    only = ["reproduce", "example/tiny", "--seeds", "1", "--out", "results"]
    assert main([*only, "--systems", "more"]) == 1
    assert "more, seed 1: FAILED, as it starts from cvae, seed 1" in capsys.readouterr().out
    assert main([*only, "--systems", "more,cvae"]) == 0
    log = tmp_path / "lightning_logs/reproduce/example_tiny/more/seed_1/log.txt"
    source = "lightning_logs/reproduce/example_tiny/cvae/seed_1/version_0/checkpoints/last.ckpt"
    assert f"started from the weights of {source}; not in both: none" in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no experiment 'nothing'; there are"),
        (["stib/spiral", "--systems", "gan"], "has no 'gan'"),
        (["stib/spiral", "--seeds", "a"], "--seeds must be integers"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, message, capsys):
    assert main(["reproduce", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_reference_rows_are_the_known_constants():
    rows = reference_rows()
    noise, linear = rows.values()
    assert noise["mae_y"] == pytest.approx(0.431, abs=0.006)
    assert linear["mi_z0_y"] == pytest.approx(0.195, abs=0.012)


def test_the_table_of_symmetry_lens_has_every_dataset():
    experiment = command.load_experiment("lens/table1")
    keys = [s.key for s in experiment.systems]
    assert len(set(keys)) == len(keys)
    for dataset in DATASETS:
        assert {f"{dataset}/{name}" for name in ("symmetry_lens", "warm_start", "scratch")} <= set(
            keys
        )
    for system in experiment.systems:
        assert (config_root() / system.config).is_file()
    assert {"mnist_slices", "mnist_slices_center", "gaussian_circulant_7"} <= set(DATASETS)


def test_table_1_has_every_system_and_its_config():
    names = [s.name for s in EXPERIMENT.systems]
    assert names[:3] == ["flow_stib", "stib", "stib_paper"]
    for base in ("vae", "no_adversary", "cvae", "cvib"):
        assert {base, f"{base}_growing"} <= set(names)
    for system in EXPERIMENT.systems:
        assert (config_root() / system.config).is_file()
    # the paper's 0.30 "nats" are bits
    paper = next(s for s in EXPERIMENT.systems if s.name == "stib_paper").published
    assert paper["mi_z0_y"] == pytest.approx(0.208, abs=0.001)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("stib/spiral", "docs/stib.md"),
        ("stib/qm9", "docs/stib.md"),
        ("stib/zinc", "docs/stib.md"),
        ("lens/table1", "docs/lens.md"),
        ("sgm/mnist_affine", "docs/sgm.md"),
        ("sgm/mnist_color", "docs/sgm.md"),
        ("sgm/dsprites_affine", "docs/sgm.md"),
    ],
)
def test_pages_show_the_results_as_they_are(name, page):
    experiment = command.load_experiment(name)
    result = json.loads((CHECKOUT / f"docs/results/{experiment.slug}.json").read_text())
    full = markdown_table(experiment, result)
    short = summary_table(experiment, result) if experiment.summary else full
    for shown, table in (("README.md", short), (page, full)):
        assert table in (CHECKOUT / shown).read_text(), f"{shown}: run symmetry reproduce again"


def test_short_table_has_datasets_by_systems():
    def row(dataset, system, metric, mean):
        return {
            "dataset": dataset, "system": system, "metric": metric, "mean": mean, "std": 0.01,
            "values": [mean, mean], "cpu_s": [10.0, 20.0],
        }  # fmt: skip

    experiment = Experiment(
        "example/short",
        "",
        "",
        (System("a", "ours", "c", "one", own=True), System("b", "theirs", "c", "two_d")),
        (MetricColumn("error", "error", "eV", 2), MetricColumn("other", "other")),
        summary="error",
    )
    rows = [row("one", "a", "error", 0.5), row("two_d", "b", "error", 2.0)]
    rows.append(row("one", "a", "other", 9.0))
    assert summary_table(experiment, {"rows": rows}).splitlines() == [
        "| dataset | **ours** | theirs |",
        "|---|---|---|",
        "| one | 0.50 ± 0.01 (15) | – |",
        "| two d | – | 2.00 ± 0.01 (15) |",
        "",
        "Mean error [eV] ± standard deviation over seeds (CPU-s a run).",
    ]

"""Results are written from runs, and pages from results."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from symmetry_pl.cli import main
from symmetry_pl.reproduce import experiments
from symmetry_pl.reproduce.evidence import evidence_of, place
from symmetry_pl.reproduce.experiment import Experiment, System, TakenFrom
from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.reproduce.jobs import Job
from symmetry_pl.reproduce.lens_table1 import DATASETS
from symmetry_pl.reproduce.stib_spiral import EXPERIMENT, reference_rows
from symmetry_pl.reproduce.tables import page_tables, summary_table
from symmetry_pl.runs.folders import config_root

pytestmark = pytest.mark.usefixtures("quick_probes")

CHECKOUT = Path(__file__).parents[2]
TINY = (
    "--trainer.max_epochs=1",
    "--trainer.check_val_every_n_epoch=1",
    "--data.samples_per_epoch=120",
    "--data.eval_samples=200",
    "--model.autoencoder_options={width: 8}",
)
CVAE = "stib/paper/spiral_cvae.yaml"
EXAMPLE = Experiment(
    "example/tiny",
    "Tiny",
    "spiral",
    (
        System("cvae", "CVAE", CVAE, overrides=TINY, published={"mae_x": 0.33}, seeds=(0, 1)),
        System("cvib", "CVIB (ours)", "stib/paper/spiral_cvib.yaml", own=True, overrides=TINY),
        System("more", "CVAE, trained on", CVAE, overrides=TINY, seeds=(1,), after="cvae"),
    ),
    ("mae_x", "mae_y"),
    references=lambda: {"floor": {"mae_x": 0.0}},
)
COPY = Experiment(
    "example/copy",
    "Copy",
    "spiral",
    (
        System("same", "the same", CVAE, overrides=TINY, seeds=(1,),
               taken_from=TakenFrom("example/tiny", "cvae", 1)),
    ),
    ("mae_x",),
)  # fmt: skip


@pytest.fixture
def example(monkeypatch):
    module = ModuleType("example_experiment")
    module.EXPERIMENT, module.COPY = EXAMPLE, COPY
    monkeypatch.setitem(sys.modules, "example_experiment", module)
    for name, attribute in (("example/tiny", "EXPERIMENT"), ("example/copy", "COPY")):
        entry = experiments.Entry(f"example_experiment:{attribute}", "An example")
        monkeypatch.setitem(EXPERIMENTS, name, entry)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


def finish(job, values, commit="abc"):
    """Leave what a tested run leaves."""
    job.run.mkdir(parents=True)
    job.note(commit, data={})
    record = {
        "metrics": {f"test/{k}": v for k, v in values.items()},
        "fit": {"cpu_s": 2.0, "peak_rss_mb": 3.0},
        "test": {},
        "batches": 2,
        "versions": {"torch": "0"},
    }
    (job.run / "metrics.json").write_text(json.dumps(record))


def job_of(system, seed, experiment=EXAMPLE):
    folder = Path("lightning_logs/reproduce") / experiment.slug / system.key / f"seed_{seed}"
    return Job(system, seed, folder)


def result_of(experiment=EXAMPLE):
    return json.loads(Path(f"docs/results/{experiment.slug}.json").read_text())


def reproduce(*arguments):
    return main(["reproduce", *arguments, "--out", "docs/results"])


def test_runs_become_results_and_pages(example, tmp_path, capsys):
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- results:example_tiny -->\nold\n<!-- /results:example_tiny -->\nb\n")
    assert reproduce("example/tiny", "--systems", "cvae") == 0
    result = result_of()
    (row,) = result["rows"]  # a CVAE has no MAE(Y)
    assert (row["system"], row["metric"], row["paper"], row["own"]) == (
        "cvae", "mae_x", 0.33, False
    )  # fmt: skip
    assert row["seeds"] == [0, 1]
    assert row["values"][0] != row["values"][1]
    assert row["mean"] == pytest.approx(sum(row["values"]) / 2)
    assert min(row["cpu_s"]) > 0
    text = page.read_text()
    assert text.startswith("a\n<!-- results:example_tiny -->\n| system |")
    assert "old" not in text
    assert "(0.330)" in text
    assert text.endswith("b\n")

    # results that are kept elsewhere leave the pages alone
    assert main(["reproduce", "example/tiny", "--systems", "cvae", "--out", "other/results"]) == 0
    assert page.read_text() == text
    assert (tmp_path / "other/results/example_tiny.md").is_file()

    # what decides the numbers is in the row's evidence: the command with its systems, and digests
    (evidence,) = evidence_of(result).values()
    assert evidence.command == "symmetry reproduce example/tiny --systems cvae"
    assert evidence.command in text
    assert (evidence.asked, evidence.seeds) == ((0, 1), (0, 1))
    assert evidence.versions["torch"]
    job = job_of(EXAMPLE.systems[0], 0)
    assert (evidence.settings, evidence.code) == (job.settings, ((job.code,),) * 2)
    assert len(evidence.commits) == 2

    # what is there is not run again, and rows of systems that are not run stay
    capsys.readouterr()
    finish(job_of(EXAMPLE.systems[1], 0), {"mae_x": 1.5})
    assert reproduce("example/tiny", "--seeds", "0", "--systems", "cvae,cvib") == 0
    assert capsys.readouterr().out.count("already there") == 2
    assert reproduce("example/tiny", "--systems", "cvae", "--collect") == 0
    result = result_of()
    assert [r["system"] for r in result["rows"]] == ["cvae", "cvib"]
    assert result["rows"][1]["values"] == [1.5]
    commands = [e.command.removeprefix("symmetry reproduce ") for e in evidence_of(result).values()]
    assert commands == [
        "example/tiny --systems cvae",
        "example/tiny --systems cvae,cvib --seeds 0",
    ]
    assert f"Command of CVIB (ours): `symmetry reproduce {commands[1]}`" in page.read_text()


def test_a_system_may_name_what_takes_its_start_and_which_weights_are_tested(example):
    first = job_of(EXAMPLE.systems[0], 0)
    plain = System("a", "A", CVAE, overrides=TINY, after="cvae")
    other = replace(plain, start="--model.sgm", tested="best")
    jobs = [replace(job_of(system, 0), first=first) for system in (plain, other)]
    starts = [argument for job in jobs for argument in job.fit_arguments if ".ckpt" in argument]
    assert starts == [f"--init_weights={first.checkpoint}", f"--model.sgm={first.checkpoint}"]
    assert [job.tested.name for job in jobs] == ["last.ckpt", "best.ckpt"]
    assert len({job.settings for job in jobs}) == 2

    # figures of the best weights stand beside those of the last in the record of a run
    job = jobs[1]
    finish(job, {"mae_x": 2.0})
    assert job.record() is None
    record = json.loads((job.run / "metrics.json").read_text())
    record["checkpoints"] = {"best.ckpt": {"test": {"metrics": {"test/mae_x": 1.0}}}}
    (job.run / "metrics.json").write_text(json.dumps(record))
    assert job.record()["metrics"] == {"test/mae_x": 1.0}
    assert job.record()["fit"] == record["fit"]


@pytest.mark.slow
def test_a_system_may_start_from_another(example, tmp_path, capsys):
    only = ["example/tiny", "--seeds", "1", "--systems"]
    assert reproduce(*only, "more") == 1
    assert "more, seed 1: FAILED, as it starts from cvae, seed 1" in capsys.readouterr().out
    assert reproduce(*only, "more,cvae") == 0
    log = tmp_path / "lightning_logs/reproduce/example_tiny/more/seed_1/log.txt"
    source = "lightning_logs/reproduce/example_tiny/cvae/seed_1/version_0/checkpoints/last.ckpt"
    assert f"started from the weights of {source}; not in both: none" in log.read_text()


def test_a_finished_run_of_another_config_is_not_replaced_unasked(example, tmp_path, capsys):
    job = job_of(EXAMPLE.systems[0], 0)
    finish(job, {"mae_x": 1.5})
    made = job.made_from() | {"settings": "another config's"}
    job.kept.write_text(json.dumps(made))
    only = ["example/tiny", "--seeds", "0", "--systems", "cvae"]
    assert reproduce(*only) == 1
    assert "cvae, seed 0: FAILED" in (out := capsys.readouterr().out)
    assert "another config's run (--again replaces it)" in out
    assert result_of()["rows"] == []  # nor does it get into a mean
    assert reproduce(*only, "--again") == 0
    assert result_of()["rows"][0]["values"] != [1.5]


def test_seeds_of_different_code_and_dirty_rows_say_so(example, tmp_path, capsys):
    first, second = (job_of(EXAMPLE.systems[0], seed) for seed in (0, 1))
    finish(first, {"mae_x": 1.0}, commit="abc+")
    finish(second, {"mae_x": 2.0}, commit="def")
    made = second.made_from() | {"code": ["other code"]}
    second.kept.write_text(json.dumps(made))
    finish(job_of(EXAMPLE.systems[1], 0), {"mae_x": 1.5}, commit=None)
    assert reproduce("example/tiny", "--collect") == 0
    table = Path("docs/results/example_tiny.md").read_text()
    assert "| CVAE †§ |" in table
    assert "| **CVIB (ours)** ‡ |" in table
    assert "- † Made from a checkout with uncommitted changes." in table
    assert "- ‡ Made without a commit" in table
    assert "- § Its seeds were made by different code." in table
    assert "- Not made yet: CVIB (ours), seeds 1, 2." in table
    assert reproduce("example/tiny", "--seeds", "1", "--systems", "cvae") == 0
    assert "already there, of other code (--again)" in capsys.readouterr().out


def test_a_row_may_be_another_experiments_run_and_says_so(example, tmp_path, capsys):
    assert reproduce("example/copy") == 1
    assert "same: FAILED, as it is taken from example/tiny, cvae, seed 1" in capsys.readouterr().out
    for seed in (0, 1):
        finish(job_of(EXAMPLE.systems[0], seed), {"mae_x": 1.0 + seed, "mae_y": 3.0})
    assert reproduce("example/tiny", "--collect") == 0
    assert reproduce("example/copy") == 0
    (row,) = result_of(COPY)["rows"]
    assert (row["values"], row["seeds"], row["cpu_s"]) == ([2.0], [1], [2.0])
    (evidence,) = evidence_of(result_of(COPY)).values()
    assert evidence.taken_from == TakenFrom("example/tiny", "cvae", 1)
    assert evidence.command == "symmetry reproduce example/copy"
    assert (
        "the same (taken from example/tiny, seed 1)"
        in Path("docs/results/example_copy.md").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no experiment 'nothing'; there are"),
        ([], "name an experiment: one of lens/ablation"),
        (["stib/spiral", "--systems", "gan"], "has no 'gan'"),
        (["stib/spiral", "--seeds", "a"], "--seeds must be integers"),
        (["stib/spiral", "--tables"], "--out: no results of stib/spiral in docs/results"),
        (["--check"], "--out: no results"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, message, capsys):
    assert main(["reproduce", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_help_names_the_experiments_and_imports_nothing_heavy():
    # without the package's own __init__, which is another test's affair
    code = (
        "import sys, types\n"
        "package = types.ModuleType('symmetry_pl')\n"
        f"package.__path__ = [{str(CHECKOUT / 'symmetry_pl')!r}]\n"
        "sys.modules['symmetry_pl'] = package\n"
        "from symmetry_pl.reproduce.command import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
    for name, entry in EXPERIMENTS.items():
        assert re.search(rf"  {name} +{re.escape(entry.line)}\n", done.stdout)


def test_reference_rows_are_the_known_constants():
    rows = reference_rows()
    noise, linear = rows.values()
    assert noise["mae_y"] == pytest.approx(0.431, abs=0.006)
    assert linear["mi_z0_y"] == pytest.approx(0.195, abs=0.012)


def test_the_table_of_symmetry_lens_has_every_dataset():
    experiment = load_experiment("lens/table1")
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


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_pages_show_the_results_as_they_are(name):
    experiment = load_experiment(name)
    result = json.loads((CHECKOUT / f"docs/results/{experiment.slug}.json").read_text())
    tables = page_tables(experiment, result)
    shown = set()
    for page in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")):
        for slug, table in tables.items():
            block = re.search(
                rf"<!-- results:{slug} -->\n(.*?)<!-- /results:{slug} -->", page.read_text(), re.S
            )
            if block:
                assert block[1] == table, f"{page.name}: run symmetry reproduce {name} --tables"
                shown.add(slug)
    # rows that are the points of a plan are not for a page, what they say together is
    assert (f"{experiment.slug}:summary" if experiment.analysis else experiment.slug) in shown
    own = (CHECKOUT / f"docs/results/{experiment.slug}.md").read_text()
    assert own.endswith(tables[experiment.slug])


SHARES = ("exact_places", "places_agreement", "completeness", "agreement_p_value")


def test_no_row_is_another_rows_run_unless_it_says_so():
    owner = {}
    for name in EXPERIMENTS:
        experiment = load_experiment(name)
        result = json.loads((CHECKOUT / f"docs/results/{experiment.slug}.json").read_text())
        evidence = evidence_of(result)
        for row in result["rows"]:
            if (
                row["metric"].endswith(("_chance", "_ceiling", "_random"))
                or row["metric"] in SHARES
            ):
                continue  # of the truth alone, or a ratio of counts: others may well be equal
            if evidence[place(row)].taken_from is None:
                for value, cpu_s in zip(row["values"], row["cpu_s"], strict=True):
                    if value != round(value, 3):  # others may well be equal
                        where = (name, *place(row))
                        # the same recipe at another commit may well cost as much
                        run = (row["metric"], value, cpu_s, row["commit"])
                        assert owner.setdefault(run, where) == where


def test_short_table_has_datasets_by_systems():
    def row(dataset, system, metric, mean):
        return {
            "dataset": dataset, "system": system, "metric": metric, "mean": mean, "std": 0.01,
            "values": [mean, mean], "cpu_s": [10.0, 20.0], "seeds": [0, 1],
            "commit": "abc+" if system == "b" else "abc",
        }  # fmt: skip

    experiment = Experiment(
        "example/short",
        "",
        "",
        (System("a", "ours", "c", "one", own=True), System("b", "theirs", "c", "two_d")),
        ("error", "other"),
        {"error": {"unit": "eV", "digits": 2}},
        summary="error",
    )
    rows = [row("one", "a", "error", 0.5), row("two_d", "b", "error", 2.0)]
    rows.append(row("one", "a", "other", 9.0))
    result = {"rows": rows, "command": "c", "date": "d", "cores": 2}
    assert summary_table(experiment, result).splitlines() == [
        "| dataset | **ours** | theirs |",
        "|---|---|---|",
        "| one | 0.50 ± 0.01 (15) | – |",
        "| two d | – | 2.00 ± 0.01 (15) † |",
        "",
        "Mean error [eV] ± standard deviation over seeds (CPU-s a run). † Made from a checkout "
        "with uncommitted changes.",
    ]


def test_seeds_that_are_made_later_join_those_that_are_stored(example):
    system = EXAMPLE.systems[0]
    finish(job_of(system, 0), {"mae_x": 1.0}, commit="abc")
    assert reproduce("example/tiny", "--systems", "cvae", "--seeds", "0", "--collect") == 0
    shutil.rmtree("lightning_logs")  # the run of another day, or of another machine
    finish(job_of(system, 2), {"mae_x": 4.0}, commit="def")
    assert reproduce("example/tiny", "--systems", "cvae", "--seeds", "2", "--collect") == 0
    (row,) = result_of()["rows"]
    assert (row["seeds"], row["values"], row["mean"]) == ([0, 2], [1.0, 4.0], 2.5)
    assert row["std"] == pytest.approx(4.5**0.5)
    assert row["cpu_s"] == [2.0, 2.0]
    (evidence,) = evidence_of(result_of()).values()
    assert (evidence.seeds, evidence.asked, evidence.commits) == ((0, 2), (0, 2), ("abc", "def"))
    assert evidence.missing == ()
    # a seed that is made again is replaced
    shutil.rmtree("lightning_logs")
    finish(job_of(system, 0), {"mae_x": 2.0})
    assert reproduce("example/tiny", "--systems", "cvae", "--seeds", "0", "--collect") == 0
    assert result_of()["rows"][0]["values"] == [2.0, 4.0]
    # other settings are another row
    shutil.rmtree("lightning_logs")
    changed = replace(system, overrides=(*TINY, "--model.beta=2"))
    finish(job_of(changed, 1), {"mae_x": 9.0})
    module = sys.modules["example_experiment"]
    module.EXPERIMENT = replace(EXAMPLE, systems=(changed, *EXAMPLE.systems[1:]))
    assert reproduce("example/tiny", "--systems", "cvae", "--seeds", "1", "--collect") == 0
    assert result_of()["rows"][0]["values"] == [9.0]

"""Results that are not those of today's code, configs and data are found."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from symmetry_pl.cli import main
from symmetry_pl.reproduce import check as module
from symmetry_pl.reproduce.check import check, findings
from symmetry_pl.reproduce.evidence import Evidence
from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.reproduce.history import History
from symmetry_pl.reproduce.jobs import Job

CHECKOUT = Path(__file__).parents[2]
SYSTEM = System("cvae", "CVAE", "stib/paper/spiral_cvae.yaml")
TABLE = Experiment("example/check", "Check", "spiral", (SYSTEM,), ("mae_x",))


@pytest.fixture
def repository(tmp_path):
    """A checkout of two files, one commit, with what its git is asked."""

    def git(*command):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", *who, "-C", str(root), *command], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    if shutil.which("git") is None:
        pytest.skip("no git")
    root = tmp_path / "checkout"
    (root / "symmetry_pl").mkdir(parents=True)
    for name in ("one", "two", "three"):
        (root / f"symmetry_pl/{name}.py").write_text(f"{name} = 1\n" * 5)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return root, git


class Nowhere(History):
    """An installed package, without a repository."""

    present = False


class Unrelated(History):
    """A shallow clone that has not got the commit."""

    present = True

    def knows(self, commit):
        return False


def write(folder, rows=None, **evidence):
    """A results file of one row, by default as today's code would make it."""
    job = Job(SYSTEM, 0, Path("nowhere"))
    one = Evidence(
        **{
            "dataset": "spiral", "system": "cvae", "command": "symmetry reproduce example/check",
            "date": "2000-01-01", "seeds": (0, 1, 2), "commits": ("f" * 40,) * 3,
            "settings": job.settings, "code": ((job.code,),) * 3,
        } | evidence
    )  # fmt: skip
    row = {"dataset": "spiral", "system": one.system, "metric": "mae_x", "values": [1.0]}
    content = {"evidence": [one.to_json()], "rows": rows or [row], "references": {}}
    (folder / "example_check.json").write_text(json.dumps(content))


def test_git_says_what_has_changed_since_a_commit(repository):
    root, git = repository
    history = History(root)
    first = git("rev-parse", "HEAD")
    assert history.present
    assert history.knows(first)
    assert not history.knows("f" * 40)
    git("mv", "symmetry_pl/one.py", "symmetry_pl/moved.py")
    (root / "symmetry_pl/two.py").write_text("two = 2\n")
    (root / "symmetry_pl/new.py").write_text("")  # in no commit, not even added
    files = [root / f"symmetry_pl/{name}.py" for name in ("moved", "two", "three", "new")]
    assert history.changed(first, files) == [files[1], files[3]]
    git("add", ".")
    git("commit", "-qm", "second")
    assert History(root).changed(first, files) == [files[1], files[3]]
    assert History(root).changed(git("rev-parse", "HEAD"), files) == []


def test_code_in_no_commit_makes_a_commit_dirty(repository):
    root, git = repository
    head = git("rev-parse", "HEAD")
    (root / "notes.md").write_text("no code")
    (root / "symmetry_pl/table.csv").write_text("nor this")
    assert History(root).commit() == head
    (root / "symmetry_pl/new.py").write_text("")
    assert History(root).commit() == f"{head}+"
    (root / "symmetry_pl/new.py").unlink()
    (root / "symmetry_pl/two.py").write_text("two = 2\n")
    assert History(root).commit() == f"{head}+"


def test_without_a_repository_nothing_is_known(tmp_path):
    history = History(tmp_path)
    assert not history.present
    assert history.commit() is None
    assert not history.knows("f" * 40)


def test_a_row_of_todays_code_and_three_seeds_has_nothing_against_it(tmp_path):
    write(tmp_path)
    for history in (Nowhere(), Unrelated()):
        assert findings(TABLE, tmp_path, history) == {"cvae": []}


@pytest.mark.parametrize(
    ("evidence", "kind", "words"),
    [
        ({"code": (("other",),) * 3}, "changed", "since then changed: code"),
        ({"settings": "other"}, "changed", "since then changed: config or options"),
        ({"data": {"datamodules/none": "1"}}, "unseen", "data not here: datamodules/none"),
        ({"data": {"datamodules/README.md": "1"}}, "changed",
         "since then changed: data (datamodules/README.md)"),
        ({"seeds": (0, 1)}, "seeds", "2 seeds"),
        ({"asked": (0, 1, 2, 3)}, "missing", "seeds 3 of its command are missing"),
        ({"commits": (None, None, None)}, "commit", "made without a commit"),
        ({"commits": ("f" * 40, "f" * 40 + "+")}, "made",
         "made at fffffffff with uncommitted changes"),
        ({"code": (("a", "b"),)}, "mixed", "seeds made by different code"),
        ({"settings": "", "code": ()}, "unseen",
         "made at fffffffff, and here is no repository to compare with"),
        ({"system": "other"}, "gone", "the experiment has no such system any more"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_is_said(tmp_path, evidence, kind, words):
    write(tmp_path, **evidence)
    (facts,) = findings(TABLE, tmp_path, Nowhere()).values()
    assert (kind, words) in facts


def test_a_commit_that_is_not_here_is_said(tmp_path):
    write(tmp_path, settings="", code=())
    (facts,) = findings(TABLE, tmp_path, Unrelated()).values()
    assert facts[0] == ("unseen", "made at fffffffff, which is not in this repository")


def test_a_copy_that_is_none_any_more_is_said(tmp_path):
    table = load_experiment("stib/qm9_dims")
    for name in ("stib_qm9", "stib_qm9_dims"):
        shutil.copy(CHECKOUT / f"docs/results/{name}.json", tmp_path)
    said = ("copy", "is not what is in stib/qm9")
    assert said not in findings(table, tmp_path, Nowhere())["dims_16"]
    path = tmp_path / "stib_qm9.json"
    rows = json.loads(path.read_text())["rows"]
    (row,) = (r for r in rows if r["system"] == "flow_stib" and r["metric"] == "mi_z0_y")
    path.write_text(path.read_text().replace(repr(row["values"][0]), "0.5"))
    assert said in findings(table, tmp_path, Nowhere())["dims_16"]


def test_the_report_ends_in_a_summary_and_strict_is_an_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "History", Nowhere)
    write(tmp_path)
    assert check([TABLE], tmp_path) == (
        [
            "example/check",
            "  cvae: as it would be made now",
            "rows: 1; as they would be made now: 1",
        ],
        True,
    )
    write(tmp_path, seeds=(0,), code=(("other",),))
    lines, fine = check([TABLE], tmp_path)
    assert not fine
    assert lines[1] == "  cvae: made at fffffffff; since then changed: code; 1 seed"
    assert lines[2] == (
        "rows: 1; as they would be made now: 0; changed since: 1; fewer than 3 seeds: 1"
    )


def test_every_row_of_the_results_is_reported(capsys):
    folder = str(CHECKOUT / "docs/results")
    assert main(["reproduce", "--check", "--out", folder]) == 0
    said = capsys.readouterr().out
    for name in EXPERIMENTS:
        experiment = load_experiment(name)
        result = json.loads((CHECKOUT / f"docs/results/{experiment.slug}.json").read_text())
        there = {(row["dataset"], row["system"]) for row in result["rows"]}
        for system in experiment.systems:
            if (system.dataset or experiment.dataset, system.name) in there:
                assert f"\n  {system.key}: " in said
    assert "no such system any more" not in said
    assert "no longer what they were taken from" not in said
    code = main(["reproduce", "stib/zinc", "--check", "--strict", "--out", folder])
    assert code == 1  # its rows have one seed

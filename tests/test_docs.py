"""What README and docs say: links lead somewhere, files are there, commands run.

Commands are run on the built wheel, in a folder that is not the repository.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import faults
import pytest

ROOT = Path(__file__).parents[1]
TWINS = Path(__file__).parent / "conf"
TOLD = [ROOT / "README.md", ROOT / ".github/CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*TOLD, *sorted((ROOT / "docs/howto").glob("*.md"))]  # tests/test_howto.py runs the latter
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def commands():
    """Words of every ``symmetry`` command of the code blocks, without its name."""
    lines = [
        line
        for page in TOLD
        for block in BLOCK.findall(page.read_text())
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [shlex.split(s, comments=True)[1:] for s in lines if s.startswith("symmetry ")]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The unpacked wheel, made from the source distribution of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(built(ROOT, "sdist", folder)) as archive:
        archive.extractall(folder, filter="data")
    (sources,) = (path for path in folder.iterdir() if path.is_dir())
    zipfile.ZipFile(built(sources, "wheel", folder)).extractall(folder / "site")
    return folder / "site"


def built(sources, target, folder):
    """The file that the build backend makes of some sources."""
    pytest.importorskip("hatchling")
    before = {*folder.iterdir()}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=sources, check=True, capture_output=True,
    )  # fmt: skip
    (made,) = {*folder.iterdir()} - before
    return made


def run(wheel, folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "symmetry_pl", *arguments],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(wheel), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_are_where_they_are_said_to_be(page):
    for name in re.findall(r"`([\w/]+/[\w/]*\.(?:py|yaml|md))`", page.read_text()):
        assert any(
            (base / name).exists() for base in (ROOT, ROOT / "symmetry_pl", ROOT / "configs")
        ), name


def test_the_wheel_holds_everything_once(wheel):
    assert sorted(p.name for p in wheel.iterdir() if "dist-info" not in p.name) == ["symmetry_pl"]
    package = wheel / "symmetry_pl"
    for inside in (
        "datamodules/base.py",
        "datamodules/data/qm9.csv.gz",
        "_configs/stib/spiral.yaml",
    ):
        assert (package / inside).is_file(), inside
    assert not (package / "configs").exists()


def test_the_wheel_of_the_source_distribution_is_that_of_the_checkout(wheel, tmp_path):
    direct = zipfile.ZipFile(built(ROOT, "wheel", tmp_path))
    files = {name: direct.read(name) for name in direct.namelist() if "dist-info" not in name}
    assert {str(p.relative_to(wheel)) for p in wheel.rglob("*") if p.is_file()} == {
        *direct.namelist()
    }
    assert all((wheel / name).read_bytes() == content for name, content in files.items())


PARSE = """
import contextlib, io, json, sys
from symmetry_pl.cli import main
for words in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(words)
        except SystemExit as done:
            code = done.code
    print(json.dumps([words, code, said.getvalue()[-1500:]]))
"""


def test_every_command_is_understood_on_the_wheel(wheel, tmp_path):
    (tmp_path / "datamodules").mkdir()  # a folder of the user's own shadows nothing
    (tmp_path / "datamodules/__init__.py").write_text("raise RuntimeError('not this one')")
    asked = []
    for words in commands():
        if words[0] in ("export", "generate", "reproduce"):
            asked.append([words[0], "--help"])
        elif "--ckpt_path" not in words:
            asked.append([*words, "--print_config"])
    assert len(asked) > 12
    done = subprocess.run(
        [sys.executable, "-c", PARSE],
        input=json.dumps(asked), cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(wheel), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked)
    for words, code, said in answers:
        assert code == 0, f"{shlex.join(words)}: {said}"


@pytest.mark.slow
def test_the_readme_runs_on_the_wheel_from_fit_to_predict(wheel, tmp_path):
    """The first story of the README, shortened by the twins."""
    for name in ("stib/spiral_flow", "stib/spiral", "lens/gaussian", "sgm/dsprites_affine"):
        fit = ["fit", "--config", f"configs/{name}.yaml", "--config", str(TWINS / f"{name}.yaml")]
        done = run(wheel, tmp_path, *fit)
        assert done.returncode == 0, done.stderr[-2000:]
    test = run(wheel, tmp_path, "test", "--config", "configs/stib/spiral.yaml", "--config",
               str(TWINS / "stib/spiral.yaml"), "--ckpt_path", "last")  # fmt: skip
    assert test.returncode == 0, test.stderr[-2000:]
    assert "for comparison" in test.stdout
    last = "lightning_logs/stib/spiral/version_0/checkpoints/last.ckpt"
    predict = run(wheel, tmp_path, "predict", "--ckpt_path", last)
    assert predict.returncode == 0, predict.stderr[-2000:]
    assert (tmp_path / "lightning_logs/stib/spiral/version_0/predictions.csv").is_file()


def test_the_table_of_faults_is_that_of_the_tests():
    assert faults.missing() == []
    assert faults.PAGE.read_text(encoding="utf-8") == faults.page()

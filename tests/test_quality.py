"""The checkout as a whole: lint, types, layout."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {"pyproject.toml", "symmetry_pl", "datamodules", "configs", "tests", "lightning_logs",
       "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "CITATION.cff", "docs", "benchmarks",
       ".ci", ".gitignore"}  # fmt: skip


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
)
def test_linters_find_nothing(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_top_level_is_the_agreed_one():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    assert {line.split("/")[0] for line in listed.splitlines()} <= TOP


def test_imports_go_one_way():
    allowed = {
        "core": {"core"},
        "groups": {"groups", "core"},
        "information": {"information"},
        "nn": {"nn"},
        "molecules": {"molecules"},
        "metrics": {"metrics", "information", "molecules"},
        "stib": {"stib", "core", "information", "nn", "molecules", "metrics"},
        "lens": {"lens", "core", "groups", "information", "nn", "metrics"},
        "sgm": {"sgm", "core", "groups", "nn", "metrics"},
    }
    for package, may in allowed.items():
        for path in (ROOT / "symmetry_pl" / package).rglob("*.py"):
            used = set(re.findall(r"(?:from|import) symmetry_pl\.(\w+)", path.read_text()))
            assert used <= may, f"{path.name} imports {used - may}"
            assert "import datamodules" not in path.read_text()
            assert "from datamodules" not in path.read_text()
    for path in (ROOT / "datamodules").glob("*.py"):
        used = set(re.findall(r"(?:from|import) symmetry_pl\.(\w+)", path.read_text()))
        assert used <= {"core", "molecules", "groups"}, f"{path.name} imports {used}"

"""The checkout as a whole: lint, types, layout."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {"pyproject.toml", "symmetry_pl", "datamodules", "configs", "tests", "lightning_logs",
       "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "CITATION.cff", "docs", "benchmarks",
       ".ci", ".gitignore", ".github"}  # fmt: skip


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

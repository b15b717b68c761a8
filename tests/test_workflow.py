"""What others' machines run: versions that pyproject allows, and our commands."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".github"


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load((PLACE / "workflows/tests.yml").read_text())["jobs"]


def test_the_matrix_begins_at_the_oldest_python_with_the_floors(jobs):
    oldest, *others = jobs["suite"]["strategy"]["matrix"]["include"]
    floor = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert oldest == {"python": floor, "versions": "lowest-direct"}
    assert {other["versions"] for other in others} == {"highest"}


def test_commands_of_the_workflow_are_there(jobs):
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in steps
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
    extras = {name for step in steps for name in re.findall(r"\.\[(\w+)\]", step)}
    told = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{name} = \[", told, re.MULTILINE) for name in extras)


def test_the_image_runs_the_two_commands_of_the_readme():
    text, makefile = (PLACE / "Dockerfile").read_text(), (ROOT / "Makefile").read_text()
    for command in ("run", "test"):
        assert f"make {command}" in (ROOT / "README.md").read_text()
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)
    assert 'CMD ["make", "run"]' in text
    assert "make test" in text


@pytest.mark.parametrize("path", sorted(PLACE.glob("ISSUE_TEMPLATE/*.md")), ids=lambda p: p.stem)
def test_templates_have_a_head(path):
    _, head, body = path.read_text().split("---\n", 2)
    assert {"name", "about", "labels"} <= yaml.safe_load(head).keys()
    assert body.strip()

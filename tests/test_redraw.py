"""Pictures of the pages are made by a command, each of them by a run of a shipped config."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs/figures"
BY_HAND = {"domain_mnist_growth", "zinc_generation"}
"""The first is of fewer digits, the second is what `symmetry generate` draws: the pages say so."""

_spec = importlib.util.spec_from_file_location("redraw", FIGURES / "redraw.py")
redraw = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(redraw)


def test_every_picture_has_a_source():
    drawn = {path.stem for path in FIGURES.glob("*.png")}
    results = {e.slug for e in map(load_experiment, EXPERIMENTS) if e.figure is not None}
    assert drawn - results - BY_HAND == set(redraw.SOURCES)
    pages = "".join(p.read_text() for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert {name for name in drawn if f"figures/{name}.png" in pages} == drawn


@pytest.mark.parametrize("name", redraw.SOURCES)
def test_a_source_is_a_shipped_config_and_a_figure_of_its_painter(name):
    source = redraw.SOURCES[name]
    assert (ROOT / "configs" / f"{source.config}.yaml").is_file()
    stage, figure = source.figure.split("/")
    assert stage == "test"
    family = source.config.split("/")[0]
    painter = (ROOT / "symmetry_pl" / family / "painter.py").read_text()
    assert f'"{figure}"' in painter


def test_a_run_that_is_there_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(redraw, "HERE", tmp_path)

    def never(*words):
        raise AssertionError(words)

    monkeypatch.setattr(redraw, "_symmetry", never)
    figures = redraw.RUNS / "lens_gaussian_data.transform_frequency/version_0/figures/test"
    figures.mkdir(parents=True)
    (figures / "signals.png").write_bytes(b"a picture")
    redraw.main(["lens_signals"])
    assert (tmp_path / "lens_signals.png").read_bytes() == b"a picture"
    with pytest.raises(SystemExit, match=r"no picture .nosuch.; there are clouds_elements"):
        redraw.main(["nosuch"])


def test_the_list_is_printed():
    script = [sys.executable, str(FIGURES / "redraw.py"), "--list"]
    lines = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == list(redraw.SOURCES)

"""The files that figures come from are found without importing them."""

import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_pl.reproduce.experiments import EXPERIMENTS, load_experiment
from symmetry_pl.reproduce.sources import code_files, data_digests, files_digest, module_file
from symmetry_pl.runs.folders import config_root

CHECKOUT = Path(__file__).parents[2]


def rooms(config):
    return {name.split("/")[1] for name in code_files(config_root() / config)}


def test_code_is_what_the_classes_of_a_config_import():
    files = code_files(config_root() / "stib/isomers_flow.yaml")
    assert {
        "symmetry_pl/stib/latent_flow_stib.py",
        "symmetry_pl/core/module.py",
        "symmetry_pl/datamodules/molecules/qm9.py",
        "symmetry_pl/metrics/leakage.py",  # handed on by the package's __init__
        "symmetry_pl/information/ksg.py",
    } <= set(files)
    for name, path in files.items():
        assert path.is_file()
        assert name.endswith("/".join(path.parts[-2:]))
    assert rooms("stib/isomers_flow.yaml") >= {"core", "stib", "nn", "datamodules", "molecules"}
    assert not rooms("stib/isomers_flow.yaml") & {"lens", "sgm", "plots", "callbacks", "training"}
    assert not rooms("lens/gaussian.yaml") & {"stib", "sgm", "plots", "molecules"}
    assert not any(name.endswith("painter.py") and "core" not in name for name in files)


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_system_of_every_experiment_has_code(name):
    for config in {system.config for system in load_experiment(name).systems}:
        files = code_files(config_root() / config)
        assert {"symmetry_pl/core/module.py", "symmetry_pl/core/players.py"} <= set(files)
        assert "symmetry_pl/datamodules/base.py" in files
        assert any(file.startswith(f"symmetry_pl/{config.split('/')[0]}/") for file in files)


def test_imports_for_type_checkers_are_no_code_and_those_in_functions_are(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("data: {class_path: System}\n")  # a class of reproduce/experiment.py
    assert "symmetry_pl/metrics/catalogue.py" in code_files(config)
    config.write_text("data: {class_path: MetricSpec}\nmodel: [{class_path: a.b.History}]\n")
    assert set(code_files(config)) == {
        "symmetry_pl/metrics/metric_spec.py",
        "symmetry_pl/reproduce/history.py",
        "symmetry_pl/runs/provenance.py",
    }
    config.write_text("data: {class_path: Nothing}\n")
    with pytest.raises(ValueError, match="no class Nothing to be found"):
        code_files(config)


def test_a_digest_is_of_names_and_contents(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("1")
    two.write_text("1")
    before = files_digest({"a": one})
    assert files_digest({"a": two}) == before
    assert files_digest({"b": one}) != before
    one.write_text("2")
    assert files_digest({"a": one}) != before


def test_modules_are_found_by_name():
    assert module_file("symmetry_pl.core") == CHECKOUT / "symmetry_pl/core/__init__.py"
    inside = module_file("symmetry_pl.datamodules.base")
    assert inside.resolve() == CHECKOUT / "datamodules/base.py"
    assert module_file("torch") is None


def test_data_files_that_a_run_opens_are_noted(tmp_path):
    home, away = tmp_path / "data", tmp_path / "away"
    for folder in (home / "mnist", home / "derived", away):
        folder.mkdir(parents=True)
        (folder / "x").write_text("x")
    code = (
        "from pathlib import Path\nimport gzip\n"
        "from symmetry_pl.reproduce.jobs import _watched\n"
        f"home, away = Path({str(home)!r}), Path({str(away)!r})\n"
        "opened = _watched({'here': home})\n"
        "for p in (home / 'mnist/x', home / 'derived/x', away / 'x'):\n    p.read_text()\n"
        "print(*opened)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(home / "mnist/x")]
    found = data_digests([Path(done.stdout.strip()), away / "x"], {"here": home})
    assert list(found) == ["here/mnist/x"]
    (home / "mnist/x").write_text("yy")
    assert data_digests([home / "mnist/x"], {"here": home}) != found

"""A method of a user's own is trained, tested, pictured, predicted and tabulated: three files."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from symmetry_pl.cli import main

pytestmark = pytest.mark.usefixtures("quick_probes")

HERE = Path(__file__).parent
ENTROPY = 2 * math.log(math.sqrt(math.tau * math.e * 64 / 12))  # of the Gaussian with x's moments


def test_it_runs_through_the_command_line(tmp_path, capsys):
    assert main(["fit", "--config", str(HERE / "toy.yaml"), "--run_name=toy"]) == 0
    run = tmp_path / "lightning_logs/toy/version_0"
    assert main(["test", "--ckpt_path", str(run / "checkpoints/last.ckpt")]) == 0
    assert "negative log-likelihood [nats]" in capsys.readouterr().out
    found = json.loads((run / "metrics.json").read_text())["metrics"]["test/toy_nll"]
    assert found == pytest.approx(ENTROPY, abs=0.05)
    assert (run / "figures/test/means.png").stat().st_size > 1000
    assert main(["predict", "--ckpt_path", str(run / "checkpoints/last.ckpt")]) == 0
    assert "log_prob" in (run / "predictions.csv").read_text().splitlines()[0]


def test_it_has_a_table(tmp_path):
    config = yaml.safe_load((HERE / "toy.yaml").read_text())
    config["trainer"]["max_epochs"] = 1
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(config))
    text = (HERE / "toy_method.py").read_text()
    assert text.count('"toy.yaml"') == 1
    text = text.replace('"toy.yaml"', repr(str(tmp_path / "toy.yaml")))
    (tmp_path / "toy_method.py").write_text(text)
    package = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "symmetry_pl", "reproduce", "toy_method:EXPERIMENT",
         "--out", str(tmp_path / "results")],
        cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), package])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (table,) = (tmp_path / "results").glob("*.md")
    assert "NLL [nats]" in table.read_text()
    assert "diagonal Gaussian" in table.read_text()

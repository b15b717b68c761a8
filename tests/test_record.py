"""What a run's record says it cost."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from symmetry_pl.callbacks import RunRecord
from symmetry_pl.cli import main
from symmetry_pl.runs import provenance
from symmetry_pl.runs.folders import config_root

pytestmark = pytest.mark.usefixtures("quick_probes")

TWINS = Path(__file__).parent / "conf"


def test_a_continued_fit_reports_the_whole_and_a_test_its_own(tmp_path):
    name = "stib/paper/spiral_cvae.yaml"
    fit = ["fit", "--config", str(config_root() / name), "--config", str(TWINS / name)]
    assert main([*fit, "--trainer.max_epochs=1"]) == 0
    record = tmp_path / "lightning_logs/stib/paper/spiral_cvae/version_0/metrics.json"
    first = json.loads(record.read_text())["fit"]
    assert main([*fit, "--ckpt_path=last"]) == 0
    whole = json.loads(record.read_text())["fit"]
    assert whole["cpu_s"] > 0.8 * first["cpu_s"]
    assert json.loads(record.read_text())["batches"] == 8


def test_costs_of_an_interrupted_fit_are_added():
    record = RunRecord([], Path())
    record.setup(None, None, "fit")
    record.load_state_dict({"wall_s": 1000.0, "cpu_s": 500.0})
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    assert record.state_dict()["cpu_s"] > 500
    assert record._cost("test")["cpu_s"] < 400


def test_peak_memory_is_the_process_own():
    program = "import runpy, sys; print(runpy.run_path(sys.argv[1])['peak_rss_mb']())"
    block = bytearray(300 << 20)
    block[::4096] = b"x" * len(block[::4096])
    here = provenance.peak_rss_mb()
    assert here > 300
    done = subprocess.run(
        [sys.executable, "-c", program, provenance.__file__], capture_output=True, check=True
    )
    assert 5 < float(done.stdout) < 200

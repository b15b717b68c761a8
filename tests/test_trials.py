"""Trials by chance: stops at random moments, and tables that are interrupted anywhere. All slow."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from processes import command_in_process
from test_stops import FAMILIES, fit, weights

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CHECKOUT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_twenty_stops_at_random_moments_change_nothing(name, tmp_path):
    def run(root, *more):
        process = command_in_process(fit(name, root, *more), tmp_path / "said.txt")
        return process, time.monotonic()

    process, begun = run(tmp_path / "whole")
    process.join()
    assert process.exitcode == 0
    lasted = time.monotonic() - begun
    (uncut,) = (tmp_path / "whole").rglob("last.ckpt")
    wanted, draw, stopped = weights(uncut), random.Random(7), 0
    for trial in range(60):  # of which 20 are to be stopped before their end
        if stopped == 20:
            break
        root = tmp_path / str(trial)
        folder = root / name / "version_0"
        process, begun = run(root)
        while process.is_alive() and not folder.exists():
            time.sleep(0.001)  # until then it has parsed, and done nothing
        time.sleep(draw.uniform(0, 0.9 * lasted))
        if process.is_alive():
            os.kill(process.pid, signal.SIGTERM)
        process.join(60)
        said = (tmp_path / "said.txt").read_text()
        assert process.exitcode in (0, 143), said
        assert "Traceback" not in said
        if process.exitcode == 0:
            continue
        stopped += 1
        begun_again = not (folder / "checkpoints/last.ckpt").is_file()
        assert main(fit(name, root, *([] if begun_again else ["--ckpt_path=last"]))) == 0
        checkpoint = sorted(root.rglob("last.ckpt"))[-1]
        for key, value in wanted.items():
            torch.testing.assert_close(
                weights(checkpoint)[key], value, rtol=0, atol=0, equal_nan=True, msg=key
            )
        record = json.loads((checkpoint.parents[1] / "metrics.json").read_text())
        whole = json.loads((uncut.parents[1] / "metrics.json").read_text())
        assert record["batches"] == whole["batches"]
    assert stopped == 20


TRIAL = """
from symmetry_pl.reproduce.experiment import Experiment, System
TINY = (
    "--trainer.max_epochs=6", "--trainer.check_val_every_n_epoch=6", "--data.samples_per_epoch=600",
    "--data.eval_samples=100", "--model.autoencoder_options={width: 8}",
)
EXPERIMENT = Experiment("trial/tiny", "Tiny", "spiral", (
    System("cvae", "CVAE", "stib/paper/spiral_cvae.yaml", overrides=TINY, seeds=(0, 1)),
    System("more", "CVAE, on", "stib/paper/spiral_cvae.yaml", overrides=TINY, seeds=(1,),
           after="cvae"),
), ("mae_x",))
"""


def reproduced(folder, *ends):
    """Exit code of a reproduction that is interrupted by a signal after some seconds, or not."""
    folder.mkdir(exist_ok=True)
    (folder / "trial_experiment.py").write_text(TRIAL)
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{CHECKOUT}", "OMP_NUM_THREADS": "1"}
    words = ["reproduce", "trial_experiment:EXPERIMENT", "--out=results", "--log_root=runs"]
    command = [sys.executable, "-m", "symmetry_pl", *words]
    with open(folder / "said.txt", "a") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        if ends:
            number, seconds = ends
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
        return process.wait(300)


def values(folder):
    rows = json.loads((folder / "results/trial_tiny.json").read_text())["rows"]
    return [(row["system"], row["metric"], row["seeds"], row["values"]) for row in rows]


def at_work(folder):
    """Processes that still run in a folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(link) == str(folder):
                found.append(link.parent.name)
        except OSError:  # it has ended meanwhile
            continue
    return found


def test_a_table_interrupted_anywhere_is_the_same_table(tmp_path):
    begun = time.monotonic()
    assert reproduced(tmp_path / "whole") == 0
    lasted = time.monotonic() - begun
    wanted = values(tmp_path / "whole")
    assert len(wanted) == 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        for place in range(5):
            folder = tmp_path / f"{number.name}_{place}"
            code = reproduced(folder, number, lasted * (place + 1) / 6)
            assert code == (-number if number == signal.SIGKILL else 128 + number), (folder, code)
            assert not (folder / "results").exists()
            for _ in range(100):
                if not at_work(folder):
                    break
                time.sleep(0.1)
            assert at_work(folder) == []
            assert reproduced(folder) == 0, (folder / "said.txt").read_text()
            assert values(folder) == wanted
            said = (folder / "said.txt").read_text()
            assert "Traceback" not in said, said
            assert "KeyError" not in said
            # nothing is run twice: each job fitted once, in one folder
            assert len(list((folder / "runs").rglob("version_*"))) == 3


@pytest.mark.parametrize("count", [2, 4, 8])
def test_as_many_runs_as_fits_that_begin_at_once(count, tmp_path):
    name = "stib/paper/spiral_cvae"
    files = [
        f"--config={folder / name}.yaml" for folder in (config_root(), CHECKOUT / "tests/conf")
    ]
    command = [sys.executable, "-m", "symmetry_pl", "fit", *files, f"--log_root={tmp_path}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(count)
    ]
    assert [process.wait(600) for process in started] == [0] * count
    runs = sorted((tmp_path / name).iterdir())
    assert [run.name for run in runs] == [f"version_{k}" for k in range(count)]
    for run in runs:
        assert "fit" in json.loads((run / "metrics.json").read_text())
        assert (run / "checkpoints/last.ckpt").is_file()

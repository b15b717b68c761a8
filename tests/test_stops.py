"""Runs that are stopped, or clash: nothing is lost, and nothing is taken for done."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from processes import command_in_process, in_processes

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import claim_run, config_root, locked
from symmetry_pl.runs.signals import Stopped, stops_raised

TWINS = Path(__file__).parent / "conf"
FAMILIES = {
    "stib/paper/spiral_cvae": ["--data.samples_per_epoch=1600", "--trainer.max_epochs=5"],
    "lens/paper/gaussian": ["--data.samples=4000", "--trainer.max_epochs=40"],
    "sgm/paper/dsprites_affine": ["--data.samples_per_epoch=400", "--trainer.max_epochs=5"],
}


def fit(name, root, *options):
    files = [f"--config={folder / name}.yaml" for folder in (config_root(), TWINS)]
    options = ["--trainer.limit_val_batches=0", *options]
    return ["fit", *files, f"--log_root={root}", *FAMILIES[name], *options]


def stopped(arguments, checkpoint, number):
    """Exit code and stderr of a command that gets a signal once it has a checkpoint."""
    process = command_in_process(arguments, "said.txt")
    deadline = time.monotonic() + 120
    while not checkpoint.is_file():
        assert process.is_alive(), "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, number)
    process.join(60)
    return process.exitcode, Path("said.txt").read_text()


def weights(path):
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("stib/paper/spiral_cvae", signal.SIGTERM),
        pytest.param("stib/paper/spiral_cvae", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("stib/paper/spiral_cvae", signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param("lens/paper/gaussian", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("sgm/paper/dsprites_affine", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_fit_goes_on_as_if_it_had_not_been(name, number, tmp_path):
    folder = tmp_path / "cut" / name / "version_0"
    checkpoint = folder / "checkpoints/last.ckpt"
    code, said = stopped(fit(name, tmp_path / "cut"), checkpoint, number)
    assert code == 128 + number, said
    assert f"symmetry: stopped by {number.name} after" in said
    assert "Traceback" not in said
    assert not (folder / "metrics.json").exists()
    assert not list(folder.rglob("*.part"))
    assert main(fit(name, tmp_path / "cut", "--ckpt_path=last")) == 0
    assert "fit" in json.loads((folder / "metrics.json").read_text())
    assert main(fit(name, tmp_path / "whole")) == 0
    (uncut,) = (tmp_path / "whole").rglob("last.ckpt")
    resumed = weights(checkpoint)
    for key, value in weights(uncut).items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0, equal_nan=True, msg=key)


@pytest.mark.ddp
@pytest.mark.slow
def test_a_killed_process_ends_the_others_with_a_sentence(tmp_path):
    name = "stib/paper/spiral_cvae"
    ddp = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_epochs=100000"]
    done = subprocess.Popen(
        [sys.executable, "-m", "symmetry_pl", *fit(name, tmp_path, *ddp)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("last.ckpt")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = Path(f"/proc/{done.pid}/task/{done.pid}/children").read_text().split()
    for child in children:
        if "symmetry_pl" in Path(f"/proc/{child}/cmdline").read_text():
            os.kill(int(child), signal.SIGKILL)
    said = done.communicate(timeout=60)[1]
    assert done.returncode == 1
    assert "symmetry: process 0 of 2 stopped, as another one is gone" in said
    assert "goes on from the last whole epoch" in said
    assert "Traceback" not in said


def _wait_for_usr1():
    with stops_raised():
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(1)


def test_signals_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="SIGUSR1") as stop:
        _wait_for_usr1()
    assert stop.value.code == 128 + signal.SIGUSR1
    assert signal.getsignal(signal.SIGTERM) == before


class _Interrupted(queue.Queue):
    """Gets a signal in the middle of ``put``, before others are told of the item."""

    def _put(self, item):
        super()._put(item)
        os.kill(os.getpid(), signal.SIGUSR1)


def _put_and_wait(items):
    with stops_raised():
        items.put(1)
        time.sleep(10)


def test_a_stop_waits_until_a_queue_is_whole():
    items = _Interrupted()
    with pytest.raises(Stopped):
        _put_and_wait(items)
    assert items.unfinished_tasks == 1  # else who waits for all to be done never returns


class _Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGUSR1)


def _delete_and_wait():
    with stops_raised():
        thing = _Deleted()
        del thing
        time.sleep(10)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_is_not_lost_in_a_finaliser():
    with pytest.raises(Stopped):
        _delete_and_wait()


def _wait_for_an_empty_queue():
    with stops_raised():
        main_thread = threading.main_thread().ident
        threading.Timer(0.1, signal.pthread_kill, (main_thread, signal.SIGUSR1)).start()
        queue.Queue().get()


def test_a_stop_waits_a_second_at_most():
    start = time.monotonic()
    with pytest.raises(Stopped):
        _wait_for_an_empty_queue()
    assert time.monotonic() - start < 10


def _claim(rank, folder):
    (Path(folder) / f"claimed_{rank}").write_text(str(claim_run(Path(folder) / "runs")[0]))


def test_folders_are_claimed_by_one_process_each(tmp_path):
    in_processes(_claim, str(tmp_path), count=8)
    claimed = {p.read_text() for p in tmp_path.glob("claimed_*")}
    assert claimed == {str(tmp_path / f"runs/version_{k}") for k in range(8)}


def test_a_folder_is_trained_in_by_one_process(tmp_path):
    words = f"is being trained in by process {os.getpid()} on"
    with locked(tmp_path), pytest.raises(ValueError, match=words), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def _fit(rank, arguments):
    torch.set_num_threads(1)
    assert main(arguments) == 0


def test_fits_of_one_name_at_one_moment_are_as_many_runs(tmp_path):
    name = "stib/paper/spiral_cvae"
    in_processes(_fit, fit(name, tmp_path, "--data.samples_per_epoch=64"), count=3)
    runs = sorted((tmp_path / name).iterdir())
    assert [run.name for run in runs] == ["version_0", "version_1", "version_2"]
    for run in runs:
        assert (run / "config.yaml").is_file()
        assert "fit" in json.loads((run / "metrics.json").read_text())


@pytest.mark.parametrize("name", FAMILIES)
def test_an_absurd_learning_rate_is_one_sentence_and_spoils_nothing(name, tmp_path, capsys):
    players = {"stib": "model", "sgm": "inference", "lens": "symmetry"}
    player = players[name.split("/")[0]]
    rate = f"--model.players.{player}.lr=1e30"
    assert main(fit(name, tmp_path, rate)) == 2
    said = capsys.readouterr().err
    assert f"lower model.players.{player}.lr" in said
    assert "Traceback" not in said
    for checkpoint in tmp_path.rglob("*.ckpt"):
        assert all(v.isfinite().all() for k, v in weights(checkpoint).items() if k != "confidence")


def test_weights_that_are_not_finite_are_refused(tmp_path, capsys):
    name = "stib/paper/spiral_cvae"
    assert main(fit(name, tmp_path, "--data.samples_per_epoch=64")) == 0
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    content = torch.load(checkpoint, weights_only=True)
    key = next(k for k in content["state_dict"] if k.endswith("weight"))
    content["state_dict"][key][0] = float("nan")
    torch.save(content, checkpoint)
    capsys.readouterr()
    for command in (
        ["predict", f"--ckpt_path={checkpoint}"],
        ["test", f"--ckpt_path={checkpoint}"],
        fit(name, tmp_path / "again", f"--init_weights={checkpoint}"),
    ):
        assert main(command) == 2
        assert f"holds weights that are not finite ({key})" in capsys.readouterr().err

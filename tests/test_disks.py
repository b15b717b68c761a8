"""Disks that are full, small or not ours: one sentence, and every checkpoint is a whole one."""

import errno
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from processes import in_processes

from symmetry_pl.cli import main
from symmetry_pl.core import files
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.runs.folders import config_root

TWINS = Path(__file__).parent / "conf"
NAME = "stib/spiral_flow"

pytestmark = pytest.mark.usefixtures("quick_probes")


def fit(root, *options):
    names = [f"--config={folder / NAME}.yaml" for folder in (config_root(), TWINS)]
    return ["fit", *names, f"--log_root={root}", "--trainer.max_epochs=3", *options]


def whole(root):
    """The checkpoints there are, each read."""
    found = sorted(root.rglob("*.ckpt"))
    for path in found:
        Checkpoint.read(path).model()
    return found


def weights(path):
    return torch.load(path, weights_only=True)["state_dict"]


def said(capsys, place, words="cannot be written"):
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(lines) == 1, lines
    assert words in lines[0]
    assert "Traceback" not in lines[0]
    assert str(place) in lines[0] or "a file of the run's folder" in lines[0]
    return lines[0]


class _Full:
    """A file that takes some bytes and then no more."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def write(self, content):
        self._file.write(bytes(content)[: self._room])
        raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def full_at(count, name=""):
    """Of the files (of a name) that are written whole or not at all, one meets a full disk."""
    met = []

    def opened(path, mode):
        file = open(path, mode)  # noqa: SIM115 (it is returned)
        if name not in str(path):
            return file
        met.append(path)
        return _Full(file, 7) if len(met) == count else file

    files.open = opened
    try:
        yield met
    finally:
        del files.open


@pytest.mark.slow
def test_a_full_disk_at_any_write_of_a_run_costs_no_checkpoint(tmp_path, capsys):
    with full_at(0) as written:
        assert main(fit(tmp_path / "whole")) == 0
    (uncut,) = (tmp_path / "whole").rglob("last.ckpt")
    assert len(written) > 8
    for count in range(1, len(written) + 1):
        root = tmp_path / str(count)
        capsys.readouterr()
        with full_at(count):
            assert main(fit(root)) == 2
        assert "No space left on device" in said(capsys, root)
        assert not list(root.rglob("*.part"))
        for record in root.rglob("metrics.json"):
            json.loads(record.read_text())
        if any(path.name == "last.ckpt" for path in whole(root)):
            assert main(fit(root, "--ckpt_path=last")) == 0
            (resumed,) = root.rglob("last.ckpt")
            for key, value in weights(uncut).items():
                assert torch.equal(weights(resumed)[key], value), (count, key)


def test_figures_are_printed_before_they_are_written(tmp_path, capsys):
    assert main(fit(tmp_path, "--trainer.limit_val_batches=0")) == 0
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    record = checkpoint.parents[1] / "metrics.json"
    capsys.readouterr()
    with full_at(1, "metrics.json"):
        assert main(["test", f"--ckpt_path={checkpoint}"]) == 2
    out, err = capsys.readouterr()
    assert "MAE of X" in out
    assert f"{record} cannot be written" in err
    assert "test" not in json.loads(record.read_text())


@contextmanager
def small_disk(folder, size):
    """A file system in memory of some bytes; needs the rights to make one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
@pytest.mark.parametrize("kilobytes", [8, 64, 96, 128, 192, 256, 384, 512])
def test_a_run_on_a_small_disk_goes_on_when_there_is_room(kilobytes, tmp_path, capsys):
    root = tmp_path / "disk"
    with small_disk(root, f"{kilobytes}k"):
        capsys.readouterr()
        code = main(fit(root / "runs"))
        if code == 0:
            return
        said(capsys, root)
        assert not list(root.rglob("*.part"))
        resume = ["--ckpt_path=last"] if "last.ckpt" in {p.name for p in whole(root)} else []
        subprocess.run(["mount", "-o", "remount,size=64m", str(root)], check=True)
        assert main(fit(root / "runs", *resume)) == 0


def _limited(rank, arguments, said):
    import resource

    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    assert main(arguments) == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_limit_of_file_sizes_is_named(tmp_path):
    in_processes(_limited, fit(tmp_path / "runs"), str(tmp_path / "said.txt"), count=1)
    said = (tmp_path / "said.txt").read_text()
    assert "cannot be written (File too large): raise the limit" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("place", "words"), [("/proc/none", "cannot be made"), ("/dev/null/runs", "cannot be written")]
)
def test_folders_that_cannot_be_are_named(place, words, capsys):
    assert main(fit(place)) == 2
    said(capsys, place, words)

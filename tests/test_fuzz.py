"""A short game of ``make fuzz``, of which every case is the same each time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest


def test_hostile_input_is_read_or_refused_in_one_sentence(monkeypatch):
    monkeypatch.setenv("SYMMETRY_DATA", "/nonexistent")
    assert fuzz.play(300, seed=0) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_cases():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, fuzz.__file__]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda path: int(path.read_bytes()), "invalid literal"),  # an error of Python's own code
        (lambda path: (_ for _ in ()).throw(KeyError("a")), "KeyError"),
        (lambda path: signal.pause(), "not done after 1 s"),
        (lambda path: Path("PWNED").touch(), "a payload was executed"),
    ],
)
def test_the_game_sees_faults(fault, words, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    assert words in fuzz.complaint(fuzz.Reader(dict, fault), tmp_path / "file")

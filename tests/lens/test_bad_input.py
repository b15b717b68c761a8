"""Data that cannot be learned from are refused in one sentence, on the command line."""

import numpy as np
import pytest

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root

RNG = np.random.default_rng(0)


def _good(rows=200, columns=5):
    return RNG.normal(size=(rows, columns))


def _constant():
    x = _good()
    x[:, 3] = 2.0
    return x


def _dependent():
    x = _good()
    x[:, 4] = x[:, 0] + x[:, 1]
    return x


def _nan():
    x = _good()
    x[17, 2] = np.nan
    return x


CASES = {
    "a constant column": (_constant, "column '3' is the same in all training rows"),
    "fewer samples than dimensions": (lambda: _good(4), "only 4 usable rows"),
    "a row that is not a number": (_nan, "row 17"),
    "dependent columns": (_dependent, "rank"),
    "few validation rows": (
        lambda: _good(260, 30),
        "the validation set has 26 rows for 30 columns",
    ),
    "two columns": (lambda: _good(columns=2), "2 columns"),
}


@pytest.mark.parametrize("what", CASES)
def test_unusable_arrays_are_one_sentence(what, tmp_path, capsys):
    make, word = CASES[what]
    np.save(tmp_path / "signals.npy", make())
    code = main(
        ["fit", "--config", str(config_root() / "lens/gaussian.yaml"), "--data=ArrayDataModule",
         f"--data.file={tmp_path / 'signals.npy'}", "--data.batch_size=50"]
    )  # fmt: skip
    error = capsys.readouterr().err
    assert code == 2, error
    assert word in error
    assert "Traceback" not in error
    assert not list(tmp_path.rglob("*.ckpt"))


def test_usable_arrays_are_learned_from(tmp_path):
    np.save(tmp_path / "signals.npy", _good(400).cumsum(1) + RNG.normal(size=(400, 5)))
    code = main(
        ["fit", "--config", str(config_root() / "lens/gaussian.yaml"), "--data=ArrayDataModule",
         f"--data.file={tmp_path / 'signals.npy'}", "--data.batch_size=100",
         "--trainer.max_epochs=2", "--model.init_options.effort=0"]
    )  # fmt: skip
    assert code == 0

"""Recipes in bfloat16 run on any processor."""

import pytest
import torch

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training import precision
from symmetry_pl.training.precision import has_fast_bfloat16, usable_precision

SLOW, FAST = (lambda: False), (lambda: True)


@pytest.mark.parametrize(
    ("fast", "asked", "accelerator", "found"),
    [
        (SLOW, "bf16-mixed", "cpu", "32-true"),
        (SLOW, "bf16-true", "cpu", "32-true"),
        (SLOW, "bf16-mixed", "gpu", None),
        (SLOW, "32-true", "cpu", None),
        (SLOW, "64-true", "auto", None),
        (SLOW, None, "cpu", None),
        (FAST, "bf16-mixed", "cpu", None),
    ],
)
def test_bfloat16_is_for_what_has_it(fast, asked, accelerator, found, monkeypatch):
    monkeypatch.setattr(precision, "has_fast_bfloat16", fast)
    assert usable_precision(asked, accelerator) == found


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(precision, "has_fast_bfloat16", SLOW)
    for there, found in ((True, None), (False, "32-true")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert usable_precision("bf16-mixed", "auto") == found


@pytest.mark.skipif(not torch.cpu._is_avx512_supported(), reason="needs AVX-512")
def test_avx512_has_it():
    assert has_fast_bfloat16()


def test_a_change_is_said(monkeypatch, small_qm9):
    monkeypatch.setattr(precision, "has_fast_bfloat16", SLOW)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    arguments = ["fit", "--config", f"{config_root()}/stib/isomers.yaml", "--data.root=."]
    with pytest.warns(UserWarning, match="bf16-mixed becomes 32-true: this processor"):
        main(
            [
                *arguments,
                "--trainer.fast_dev_run=1",
                "--data.batch_size=8",
                "--trainer.accelerator=cpu",
            ]
        )

"""Checkpoints are whole, or the older one stays."""

import errno
import os

import pytest
import torch

from symmetry_pl.core import checkpoint_io
from symmetry_pl.core.checkpoint_io import WholeCheckpointIO


@pytest.fixture
def older(tmp_path):
    path = tmp_path / "checkpoints" / "last.ckpt"
    WholeCheckpointIO().save_checkpoint({"epoch": 1, "w": torch.ones(3)}, path)
    return path


def epoch_of(path):
    return torch.load(path, weights_only=True)["epoch"]


def test_a_newer_one_takes_its_place(older):
    WholeCheckpointIO().save_checkpoint({"epoch": 2}, str(older))
    assert epoch_of(older) == 2
    assert [p.name for p in older.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_full_disk_costs_nothing(older, fails, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "write":
        monkeypatch.setattr(checkpoint_io, "_read_back", full)  # after the bytes, before the move
    else:
        monkeypatch.setattr(os, fails, full)
    with pytest.raises(OSError, match="No space left") as failed:
        WholeCheckpointIO().save_checkpoint({"epoch": 2}, older)
    assert failed.value.filename == str(older)
    monkeypatch.undo()
    assert epoch_of(older) == 1
    assert [p.name for p in older.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:200] + b"x" + b[201:]])
def test_what_is_read_back_damaged_replaces_nothing(older, damage, monkeypatch):
    save = torch.save

    def damaged(content, file):
        save(content, file)
        spoilt = damage(file.getvalue())
        file.seek(0)
        file.truncate()
        file.write(spoilt)

    monkeypatch.setattr(checkpoint_io.torch, "save", damaged)
    with pytest.raises(OSError, match="read back damaged"):
        WholeCheckpointIO().save_checkpoint({"epoch": 2, "w": torch.rand(500)}, older)
    monkeypatch.undo()
    assert epoch_of(older) == 1

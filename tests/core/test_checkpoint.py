"""The reader of checkpoint files, and its refusals."""

import pickle
from pathlib import Path

import pytest
import torch

from symmetry_pl.core import DataDescription
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.stib import STIB

DATA = DataDescription("vector", (3,), ("y",), ("eV",), (1.0,), (2.0,))


def saved(path, data=DATA, **changes):
    """A file as a trainer writes it."""
    model = STIB(z1_dim=1, latent_dim=2)
    model.describe_data(data)
    state = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}
    state["pytorch-lightning_version"] = "2.6.0"
    model.on_save_checkpoint(state)
    state["symmetry_pl"] |= changes
    torch.save(state, path)
    return model


def test_a_checkpoint_is_a_model_again(tmp_path):
    path = tmp_path / "last.ckpt"
    model = saved(path)
    checkpoint = Checkpoint.read(path)
    assert checkpoint.class_path == "symmetry_pl.stib.stib.STIB"
    assert checkpoint.data == DATA
    again = checkpoint.model()
    assert type(again) is STIB
    assert not again.training
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


def test_weights_go_into_a_model_that_knows_no_data_yet(tmp_path):
    path = tmp_path / "last.ckpt"
    model = saved(path)
    other = STIB(z1_dim=1, latent_dim=2)
    assert Checkpoint.read(path, "--init_weights").weights_into(other) == []
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key
    with pytest.raises(ValueError, match=r"--init_weights: the checkpoint .* on other data than"):
        other.describe_data(DataDescription("vector", (3,), ("y",), ("eV",), (1.0,), (2.1,)))


def test_weights_of_another_model_are_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    saved(path)
    with pytest.raises(ValueError, match=r"--ckpt_path: .* fits another model: size mismatch"):
        Checkpoint.read(path).weights_into(STIB(z1_dim=1, latent_dim=4))
    state = torch.load(path, weights_only=True)
    state["state_dict"] = {f"other.{k}": v for k, v in state["state_dict"].items()}
    torch.save(state, path)
    with pytest.raises(ValueError, match="shares no weight with STIB"):
        Checkpoint.read(path).weights_into(STIB(z1_dim=1, latent_dim=2))


def test_what_cannot_be_imported_is_refused(tmp_path):
    for name, words in (("nowhere.Model", "cannot be imported"), ("os.path.join", "no method")):
        saved(tmp_path / "last.ckpt", **{"class": name})
        with pytest.raises(ValueError, match=words):
            Checkpoint.read(tmp_path / "last.ckpt").model_class()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no checkpoint", "is not a checkpoint"),
        (b"", "is not a checkpoint"),
        (b"PK\x03\x04 half a zip", "is not a checkpoint"),
        (pickle.dumps(Path("a")), "was not written by symmetry_pl|is not a checkpoint"),
        ({"model": Path("a")}, "was not written by symmetry_pl, as it holds Python objects"),
        ({"state_dict": {}}, "was not written by symmetry_pl"),
        ([1, 2], "was not written by symmetry_pl"),
        ({"symmetry_pl": {"players": []}}, "has format 1, and this version of symmetry_pl reads"),
        ({"symmetry_pl": {"format": 3}}, "has format 3"),
        ({"symmetry_pl": {"format": 2}}, "is damaged: it does not say 'class'"),
    ],
)
def test_other_files_are_one_sentence_that_names_the_option(tmp_path, content, words):
    path = tmp_path / "file.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ValueError, match=words) as refused:
        Checkpoint.read(path, "--init_weights")
    assert str(refused.value).startswith(f"--init_weights: {path} ")


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none.ckpt", tmp_path):
        with pytest.raises(FileNotFoundError, match="--ckpt_path: there is no checkpoint"):
            Checkpoint.read(path)


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("state_dict", None, "is damaged: it has no weights"),
        ("state_dict", {"a": 1}, "is damaged: it has no weights"),
        ("hyper_parameters", None, "is damaged: it has no options of the model"),
        ("symmetry_pl", {"data": {"kind": "song", "x_shape": [3]}}, "its data are described as"),
        ("symmetry_pl", {"batches_seen": "7"}, "does not say 'batches_seen'"),
    ],
)
def test_damaged_parts_are_named(tmp_path, part, value, words):
    path = tmp_path / "last.ckpt"
    saved(path)
    state = torch.load(path, weights_only=True)
    state[part] = {**state[part], **value} if part == "symmetry_pl" else value
    torch.save(state, path)
    with pytest.raises(ValueError, match=words):
        Checkpoint.read(path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    saved(path)
    state = torch.load(path, weights_only=True)
    next(iter(state["state_dict"].values())).fill_(float("nan"))
    torch.save(state, path)
    with pytest.raises(ValueError, match="weights that are not finite"):
        Checkpoint.read(path).model()
    with pytest.raises(ValueError, match=r"--init_weights: .* weights that are not finite"):
        Checkpoint.read(path, "--init_weights").weights_into(STIB(z1_dim=1, latent_dim=2))

"""What a loaded model says is what ``symmetry predict`` writes."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import symmetry_pl
from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root

TWINS = Path(__file__).parents[1] / "conf"
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def fitted(name, *options):
    """The checkpoint of a tiny twin's fit, and the columns of its predictions."""
    files = [config_root() / name, TWINS / name]
    configs = [word for file in files for word in ("--config", str(file))]
    precise = ["--trainer.precision=32-true", "--trainer.check_val_every_n_epoch=2"]
    assert main(["fit", *configs, *precise, *options]) == 0
    return predicted(Path("lightning_logs") / name.removesuffix(".yaml") / "version_0")


def predicted(folder, *options, name="predictions"):
    checkpoint = folder / "checkpoints" / "last.ckpt"
    assert main(["predict", "--ckpt_path", str(checkpoint), *options]) == 0
    with (folder / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return checkpoint, {key: [row[key] for row in rows] for key in rows[0]}


def numbers(columns, names):
    return np.array([[float(value) for value in columns[name]] for name in names]).T


def codes_of(model, columns):
    return numbers(columns, [name for name in model.code_names if name in columns])


@pytest.mark.usefixtures("quick_probes")
def test_vectors_of_a_table(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)) * [1.0, 20.0, 0.1] + [0.0, 300.0, 1.0]
    np.save("xy.npy", np.column_stack([x, x[:, 0] * 1000 + 5e4]))
    config = yaml.safe_load((TWINS / "stib/spiral_flow.yaml").read_text())
    config["model"] |= {"class_path": "FlowSTIB"}
    config["data"] = {
        "class_path": "ArrayDataModule",
        "init_args": {"file": "xy.npy", "targets": [3], "units": {"3": "K"}, "batch_size": 32},
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "--config", "own.yaml"]) == 0
    checkpoint, columns = predicted(Path("lightning_logs/own/version_0"))
    model = symmetry_pl.load(checkpoint)
    assert (model.target_names, model.target_units) == (("3",), ("K",))
    assert model.code_names == ["z1_0", "z0_0", "z0_1"]
    rows = np.array(columns["row"], int)
    codes, predictions = model.transform(x), model.predict(x)
    assert (codes.dtype, predictions.dtype) == (np.float32, np.float64)
    assert np.allclose(codes[rows], codes_of(model, columns), **CLOSE)
    assert np.allclose(predictions[rows], numbers(columns, ["3_K"]), **CLOSE)
    assert np.allclose(model.inverse_transform(codes), x, rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("quick_probes", "small_zinc")
def test_molecules():
    name = "stib/zinc_token_flow.yaml"
    Path("new.csv").write_text("smiles\nCCO\nCC(=O)N\nC1CCC1O\n")
    fitted(name)
    new = ["--data", "PredictionCSVDataModule", "--data.path", "new.csv"]
    folder = Path("lightning_logs/stib/zinc_token_flow/version_0")
    checkpoint, columns = predicted(folder, *new, name="predictions_new")
    model = symmetry_pl.load(checkpoint)
    smiles = ["CCO", "CC(=O)N", "C1CCC1O"]
    codes = model.transform(smiles)
    assert np.allclose(codes, codes_of(model, columns), **CLOSE)
    assert np.allclose(model.predict(smiles), numbers(columns, ["qed"]), **CLOSE)
    assert [s or "" for s in model.inverse_transform(codes)] == columns["reconstruction"]


@pytest.mark.usefixtures("fake_mnist")
def test_images(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMMETRY_DATA", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (60, 9, 9)).astype(np.uint8)
    np.save("images.npy", images)
    config = yaml.safe_load((config_root() / "sgm/mnist_affine.yaml").read_text())
    twin = yaml.safe_load((TWINS / "sgm/mnist_affine.yaml").read_text())
    config["model"]["init_args"] |= twin["model"]["init_args"]
    config["trainer"] = {**config["trainer"], **twin["trainer"], "precision": "32-true"}
    config["data"] = {
        "class_path": "ImagesDataModule",
        "init_args": {"path": "images.npy", "batch_size": 10, "invert": True},
    }
    Path("own.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "--config", "own.yaml"]) == 0
    checkpoint, columns = predicted(Path("lightning_logs/own/version_0"))
    model = symmetry_pl.load(checkpoint)
    eta = numbers(columns, [name for name in columns if name.startswith("eta_")])
    assert np.allclose(model.elements(images), eta, **CLOSE)
    assert np.allclose(model.log_prob(images), numbers(columns, ["log_prob"])[:, 0], rtol=1e-5)
    prototypes = np.load(checkpoint.parents[1] / "predictions.npz")["prototype"][:, 0]
    assert np.allclose(model.transform(images), (1 - prototypes) / 2, **CLOSE)


@pytest.mark.usefixtures("quick_probes")
def test_signals():
    checkpoint, columns = fitted("lens/gaussian.yaml")
    model = symmetry_pl.load(checkpoint)
    from symmetry_pl.datamodules import SignalsDataModule

    data = SignalsDataModule(waveform="gaussian", dim=7, samples=400, eval_samples=200)
    x = data.split("test").x.numpy()
    assert np.allclose(model.transform(x), codes_of(model, columns), **CLOSE)

"""A loaded model takes a user's own units, and says what ``symmetry predict`` writes.

That it does so for every method is tested with the tiny twins, in ``test_configs``.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml
from loaded import CLOSE, numbers, table

import symmetry_pl
from symmetry_pl.cli import main

TRAINER = {"max_epochs": 2, "limit_val_batches": 0, "log_every_n_steps": 1}


def predicted(model, options, data, init):
    """The checkpoint of a small fit by the command line, and the table of its predictions."""
    sections = {
        "model": {"class_path": model, "init_args": options},
        "data": {"class_path": data, "init_args": init},
    }
    Path("own.yaml").write_text(yaml.safe_dump({"threads": 1, "trainer": TRAINER, **sections}))
    assert main(["fit", "--config", "own.yaml"]) == 0
    folder = Path("lightning_logs/own/version_0")
    checkpoint = folder / "checkpoints" / "last.ckpt"
    assert main(["predict", "--ckpt_path", str(checkpoint)]) == 0
    return checkpoint, table(folder / "predictions.csv")


def test_vectors_of_a_table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)) * [1.0, 20.0, 0.1] + [0.0, 300.0, 1.0]
    np.save("xy.npy", np.column_stack([x, x[:, 0] * 1000 + 5e4]))
    options = {"z1_dim": 1, "flow": "coupling", "flow_options": {"bins": 4, "width": 8}}
    init = {"file": "xy.npy", "targets": [3], "units": {"3": "K"}, "batch_size": 32}
    checkpoint, columns = predicted("FlowSTIB", options, "ArrayDataModule", init)
    model = symmetry_pl.load(checkpoint)
    assert (model.target_names, model.target_units) == (("3",), ("K",))
    assert model.code_names == ["z1_0", "z0_0", "z0_1"]
    rows = np.array(columns["row"], int)
    codes, predictions = model.transform(x), model.predict(x)
    assert np.allclose(codes[rows], numbers(columns, model.code_names), **CLOSE)
    assert np.allclose(predictions[rows], numbers(columns, ["3_K"]), **CLOSE)
    assert np.allclose(model.inverse_transform(codes), x, rtol=1e-4, atol=1e-3)


def test_images():
    images = np.random.default_rng(0).integers(0, 256, (60, 9, 9)).astype(np.uint8)
    np.save("images.npy", images)
    small = {"encoder": "conv", "widths": [16], "hidden": [8], "base_hidden": [8], "layers": 2}
    bounds = {"bounds": [0.25, 0.25, 3.14, 0.25, 0.25, 0.25], "chart": "polar"}
    options = {
        "group_options": bounds,
        "inference_options": {"widths": [8]},
        "generative_options": small,
        "copies": 2,
    }
    init = {"path": "images.npy", "batch_size": 10, "invert": True}
    checkpoint, columns = predicted("SGM", options, "ImagesDataModule", init)
    model = symmetry_pl.load(checkpoint)
    eta = numbers(columns, model.element_names)
    assert np.allclose(model.elements(images), eta, **CLOSE)
    assert np.allclose(model.log_prob(images), numbers(columns, ["log_prob"])[:, 0], rtol=1e-5)
    prototypes = np.load(checkpoint.parents[1] / "predictions.npz")["prototype"][:, 0]
    assert np.allclose(model.transform(images), (1 - prototypes) / 2, **CLOSE)


def test_what_is_no_checkpoint_is_refused():
    with pytest.raises(FileNotFoundError, match=r"^load: there is no checkpoint a\.ckpt$"):
        symmetry_pl.load("a.ckpt")

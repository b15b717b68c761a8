"""Estimators train as the command line does, leave nothing behind, and keep what they learned."""

import copy
import os
import pickle
import random
import re
import signal
import warnings
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
import yaml
from loaded import CLOSE, numbers, table
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import symmetry_pl
from symmetry_pl import FlowSTIB, FlowSTIBEstimator, SGMEstimator, SymmetryLensEstimator
from symmetry_pl.cli import main
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.estimators import flow_stib, sgm, symmetry_lens
from symmetry_pl.estimators.base import Recipe
from symmetry_pl.runs.folders import config_root

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3)) * [1.0, 2.0, 3.0] + 5.0
Y = X[:, 0] + 0.1 * X[:, 1] ** 2
SMALL = {"flow_options": {"width": 8}}


def stib(**options):
    return FlowSTIBEstimator(
        **{"max_epochs": 2, "samples_per_epoch": None, "model_options": SMALL, **options}
    )


def write_table():
    rows = [",".join(map(repr, map(float, row))) for row in np.column_stack([X, Y])]
    Path("xy.csv").write_text("\n".join(["x0,x1,x2,y0", *rows]) + "\n")


@pytest.fixture(scope="module")
def fitted():
    return stib().fit(X, Y)


@pytest.fixture(scope="module")
def digits():
    return load_digits().images[:60]


@pytest.fixture(scope="module")
def fitted_sgm(digits):
    small = {"encoder": "conv", "widths": [16], "hidden": [8], "base_hidden": [8], "layers": 2}
    options = {"inference_options": {"widths": [8]}, "generative_options": small}
    estimator = SGMEstimator(
        max_epochs=3, batch_size=20, image_shape=(8, 8), value_range=(0, 16), model_options=options
    )
    return estimator.fit(digits.reshape(60, 64))


def test_weights_are_those_of_the_command_line():
    write_table()
    data = {"path": "xy.csv", "targets": ["y0"], "batch_size": 32, "test_fraction": 0.0}
    data["samples_per_epoch"] = None
    config = {
        "seed_everything": 3,
        "threads": 1,
        "trainer": {"max_epochs": 2},
        "model": {"class_path": "FlowSTIB", "init_args": SMALL},
        "data": {"class_path": "TableDataModule", "init_args": data},
    }
    Path("own.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "--config", "own.yaml"]) == 0
    path = Path("lightning_logs/own/version_0/checkpoints/last.ckpt")
    expected = Checkpoint.read(path).state["state_dict"]
    found = stib(batch_size=32, random_state=3).fit(X, Y).model_.module.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_fit_leaves_nothing_behind(tmp_path, capfd):
    def state():
        return (
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            random.getstate(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            list(warnings.filters),
            dict(os.environ),
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
        )

    torch.set_num_threads(2)
    before = state()
    stib(n_jobs=1).fit(X, Y).predict(X)
    with pytest.raises(ValueError, match="batch_size is 5000, but a process has only 108"):
        stib(batch_size=5000).fit(X, Y)
    assert state() == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_fits_in_threads_are_those_of_one_after_the_other():
    fits = (joblib.delayed(lambda s: stib(random_state=s).fit(X, Y).predict(X))(s) for s in (1, 2))
    one, other = joblib.Parallel(n_jobs=2, backend="threading")(fits)
    assert np.array_equal(one, stib(random_state=1).fit(X, Y).predict(X))
    assert np.array_equal(other, stib(random_state=2).fit(X, Y).predict(X))


def test_ctrl_c_ends_a_fit_as_it_does_everything(monkeypatch):
    def interrupted(*args):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(FlowSTIB, "training_step", interrupted)
    # a suite that was started in the background ignores the signal, and so would a fit
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            stib().fit(X, Y)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, outside)


def test_verbose_shows_a_bar_and_changes_no_weight(capfd):
    estimator = stib(verbose=1).fit(X, Y)
    assert "Epoch 1" in "".join(capfd.readouterr())
    assert np.array_equal(estimator.predict(X), stib().fit(X, Y).predict(X))


def test_random_state_decides():
    first = stib(random_state=1).fit(X, Y).predict(X)
    assert np.array_equal(stib(random_state=1).fit(X, Y).predict(X), first)
    assert not np.array_equal(stib(random_state=2).fit(X, Y).predict(X), first)
    generators = (np.random.RandomState(5) for _ in range(2))
    one, other = (stib(random_state=g).fit(X, Y).predict(X) for g in generators)
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "kept",
    [
        copy.deepcopy,
        lambda e: pickle.loads(pickle.dumps(e)),
        lambda e: joblib.load(dumped(e)),
    ],
    ids=["deepcopy", "pickle", "joblib"],
)
def test_copies_hold_the_checkpoint(fitted, kept):
    other = kept(fitted)
    assert np.array_equal(other.predict(X), fitted.predict(X))
    assert np.array_equal(other.transform(X), fitted.transform(X))
    assert other.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        clone(other).predict(X)


def dumped(estimator):
    file = BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return file


def test_a_pickle_of_another_format_is_refused_in_one_sentence(fitted):
    state = fitted.__getstate__()
    content = torch.load(BytesIO(state["_checkpoint"]), weights_only=True)
    content["symmetry_pl"]["format"] = 1
    file = BytesIO()
    torch.save(content, file)
    with pytest.raises(ValueError, match=r"^checkpoint: of the FlowSTIBEstimator has format 1, "):
        stib().__setstate__({**state, "_checkpoint": file.getvalue()})
    with pytest.raises(ValueError, match="is not a checkpoint"):
        stib().__setstate__({**state, "_checkpoint": b"x"})


def test_what_is_saved_is_loaded_and_predicted_by_the_command_line(fitted):
    write_table()
    fitted.save("m.ckpt")
    assert np.array_equal(symmetry_pl.load("m.ckpt").predict(X)[:, 0], fitted.predict(X))
    data = ["--data", "TableDataModule", "--data.path", "xy.csv"]
    assert main(["predict", "--ckpt_path", "m.ckpt", *data]) == 0
    (path,) = Path().rglob("predictions_xy.csv")
    columns = table(path)
    names = fitted.get_feature_names_out()
    assert np.allclose(numbers(columns, names), fitted.transform(X), **CLOSE)


def test_the_example_of_the_docs(monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    block = re.findall(r"```python\n(.*?)```", page.split("## Estimators")[1], re.DOTALL)[0]
    monkeypatch.setattr(FlowSTIBEstimator, "_recipe", Recipe(4, 50))
    monkeypatch.setitem(FlowSTIBEstimator.__init__.__kwdefaults__, "samples_per_epoch", 100)
    made = {"X": X, "y": Y, "X_test": X[:9], "y_test": Y[:9]}
    exec(block, made)
    assert (made["z"].shape, made["new"].shape) == ((9, 3), (50, 3))
    assert Path("stib.ckpt").is_file()


def test_pipeline_and_grid_search():
    grid = {"flowstibestimator__z1_dim": [1, 2]}
    search = GridSearchCV(make_pipeline(StandardScaler(), stib()), grid, cv=2).fit(X, Y)
    assert search.best_params_["flowstibestimator__z1_dim"] in (1, 2)
    codes = search.best_estimator_.transform(X)
    back = search.best_estimator_.inverse_transform(codes)
    assert np.allclose(back, X, atol=1e-3)


def test_targets_keep_their_shape_and_frames_their_names(fitted):
    assert fitted.predict(X).shape == (120,)
    assert fitted.score(X, Y) <= 1
    assert stib().fit(X, Y[:, None]).predict(X).shape == (120, 1)
    both = stib(z1_dim=2).fit(X.astype(np.float32), np.column_stack([Y, X[:, 2]]))
    assert both.predict(X).shape == (120, 2)
    assert list(both.get_feature_names_out()) == ["z1_0", "z1_1", "z0_0"]
    assert fitted.transform(X).dtype == np.float32


def test_bad_input_is_one_sentence(fitted):
    with pytest.raises(ValueError, match="X has 2 features, but FlowSTIBEstimator is expecting 3"):
        fitted.predict(X[:, :2])
    with pytest.raises(ValueError, match="z1_dim 3 leaves nothing to Z0: x has 3 columns"):
        stib(z1_dim=3).fit(X, Y)
    with pytest.raises(ValueError, match="y0 is the same for all training rows"):
        stib().fit(X, np.ones(120))
    for options, message in (
        ({"max_epochs": 0}, "max_epochs must be at least 1, got 0"),
        ({"val_fraction": 0.0}, "data.val_fraction must lie between 0 and 1, got 0.0"),
        ({"model_options": {"z2_dim": 1}}, "model_options: .* argument 'z2_dim'"),
        ({"accelerator": "abacus"}, "^accelerator: .*abacus"),
        ({"random_state": -1}, "-1 is not in bounds"),
    ):
        with pytest.raises(ValueError, match=message):
            stib(**options).fit(X, Y)
    with pytest.raises(NotFittedError):
        stib().save("m.ckpt")
    with pytest.raises(ValueError, match=r"codes must be real numbers \(N, 3\)"):
        fitted.inverse_transform(X[:, :2])


def test_images_as_rows_work_in_a_pipeline(fitted_sgm, digits):
    rows = digits.reshape(60, 64)
    prototypes = fitted_sgm.transform(rows)
    assert prototypes.shape == (60, 64)
    model = fitted_sgm.model_
    images = model.transform(digits)
    assert np.array_equal(images.reshape(60, 64), prototypes)
    back = fitted_sgm.inverse_transform(prototypes, fitted_sgm.elements(rows))
    assert np.array_equal(
        back, model.inverse_transform(images, model.elements(digits)).reshape(60, 64)
    )
    assert fitted_sgm.resample(rows[:4]).shape == (4, 64)
    assert -2 < fitted_sgm.score(rows) <= 0
    steps = make_pipeline(
        clone(fitted_sgm).set_params(max_epochs=1), LogisticRegression(max_iter=3000)
    )
    assert steps.fit(rows, load_digits().target[:60]).predict(rows).shape == (60,)
    with pytest.raises(ValueError, match="give elements, as elements"):
        fitted_sgm.inverse_transform(prototypes)
    with pytest.raises(ValueError, match=r"rows of image_shape \(8, 8\) have 64 columns"):
        clone(fitted_sgm).fit(rows[:, :60])
    other = pickle.loads(pickle.dumps(fitted_sgm))
    assert np.array_equal(other.transform(rows), prototypes)


def test_signals(capfd):
    options = {"init": "random", "conditional": False, "players": {}}
    lens = SymmetryLensEstimator("chain", max_epochs=1, model_options=options).fit(X)
    assert lens.generator_.shape == (3, 3)
    assert np.isnan(lens.confidence_)
    assert np.isfinite(lens.score(X))
    assert np.allclose(lens.move(lens.move(X, 0.0), 0.0), X, atol=1e-5)
    with pytest.raises(ValueError, match="a SymmetryLens whose lifting matrix is singular has no"):
        lens.inverse_transform(lens.transform(X))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("module", "config", "name"),
    [(symmetry_lens, "lens/gaussian.yaml", "SymmetryLensEstimator"),
     (sgm, "sgm/mnist_affine.yaml", "SGMEstimator")],
)  # fmt: skip
def test_defaults_are_those_of_the_recommended_config(module, config, name):
    text = yaml.safe_load((config_root() / config).read_text())
    told = text["model"]["init_args"]
    options = dict(module._OPTIONS)
    if name == "SGMEstimator":
        options |= {"group": "affine", "group_options": dict(module._GROUP_OPTIONS["affine"])}
        assert told["phases"] == {"ssl": "2 epochs"}
        assert text["trainer"]["max_epochs"] == 6
        told = {**told, "phases": {"ssl": "33.33 %"}}
    assert options == told
    assert getattr(module, name)._recipe.batch_size == text["data"]["init_args"]["batch_size"]


def test_the_length_of_training_is_that_of_the_recommended_config():
    text = yaml.safe_load((config_root() / "stib/table.yaml").read_text())
    assert text["model"]["init_args"] == {"flow": "table"}
    data = text["data"]["init_args"]
    recipe = flow_stib.FlowSTIBEstimator._recipe
    steps = text["trainer"]["max_epochs"] * data["samples_per_epoch"] // data["batch_size"]
    assert recipe == (steps, data["batch_size"])

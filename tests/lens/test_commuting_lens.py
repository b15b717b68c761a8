"""CommutingLens: what it starts at, learns, and refuses."""

import warnings

import pytest
import torch
import yaml
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint

import symmetry_pl
from symmetry_pl import CommutingLens
from symmetry_pl.core.painter import painter_of
from symmetry_pl.datamodules import HiddenImagesDataModule, SignalsDataModule
from symmetry_pl.lens.commuting_convolution import CommutingConvolution, least_padding
from symmetry_pl.lens.commuting_lens import found_basis
from symmetry_pl.lens.domains import find_domain
from symmetry_pl.runs.folders import config_root


def fit(model, data, epochs=2):
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        limit_val_batches=0,
    )  # fmt: skip
    seed_everything(0)
    trainer.fit(model, data)
    return {
        k.removeprefix("test/"): v for k, v in trainer.test(model, data, verbose=False)[0].items()
    }


def bumps(height=4, width=5, **options):
    given = {"samples": 3000, "eval_samples": 300, "batch_size": 300}
    return HiddenImagesDataModule("bumps", height, width, **{**given, **options})


@pytest.mark.parametrize("shape", [[5], [6], [3, 4], [5, 5]])
def test_an_adopted_basis_is_lifted_and_moved_exactly(shape):
    torch.manual_seed(0)
    layer = CommutingConvolution(shape).double()
    d = layer.dim
    basis = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64)).Q
    layer.adopt(basis)
    torch.testing.assert_close(layer.lift(), basis)
    x = torch.randn(3, d, dtype=torch.float64)
    images = layer(x).view(3, *shape)
    for axis, length in enumerate(shape):
        step = torch.zeros(len(shape), dtype=torch.float64)
        step[axis] = 1.0
        moved = layer(layer.transform(x, step)).view(3, *shape)
        # samples move down; what leaves is lost, and zeros come in
        kept = images.narrow(axis + 1, 1, length - 1)
        torch.testing.assert_close(moved.narrow(axis + 1, 0, length - 1), kept)
        new = moved.narrow(axis + 1, length - 1, 1)
        torch.testing.assert_close(new, torch.zeros_like(new))
        torch.testing.assert_close(layer.transform(x, step), x @ layer.generators()[axis].T)


@pytest.mark.parametrize("frequencies", ["free", "torus"])
def test_whatever_is_learned_commutes_and_is_a_rotation(frequencies):
    torch.manual_seed(0)
    layer = CommutingConvolution([3, 4], frequencies=frequencies, init_scale=1.0).double()
    with torch.no_grad():
        layer.turn.normal_()
        layer.angles.add_(torch.randn_like(layer.angles))
    assert layer.size == 12 + least_padding([3, 4]) == 20
    first, second = layer.subgroup().generators()
    torch.testing.assert_close(first @ second, second @ first)
    torch.testing.assert_close(first @ first.T, torch.eye(20, dtype=torch.float64))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"conditional": True, "hidden": 12, "marginals": "gradient"},
        {"loss": "successor", "marginals": "gradient", "statistics": "batch"},
        {"loss": "successor", "critics": "published"},
    ],
)
def test_gradients_reach_every_parameter(options):
    """Every one is moved in a turn of some player, from a random start with noise on the filter."""
    torch.manual_seed(0)
    model = CommutingLens([4, 5], init="random", init_scale=0.3, filter_noise=0.5, **options)
    data = bumps(samples=600)
    model.describe_data(_described(data))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(model, data, epochs=1)
    moved = {p for player in model.players.values() for p in player.moved}
    for name, parameter in model.named_parameters():
        if parameter not in moved:  # marginals by EM
            assert name.startswith("densities.marginals"), name
        elif not name.endswith(("layers.1.bias", "layers.2.bias")):  # moves both sides alike
            assert (parameter != before[name]).any(), name


def _described(data):
    data.prepare_data()
    data.setup()
    return data.description


def test_the_found_start_is_exact_and_training_keeps_it():
    figures = fit(CommutingLens([4, 5]), bumps(), epochs=2)
    assert figures["generator_cosine_least"] > 0.999
    assert figures["image_correlation"] > 0.995
    assert figures["lifting_error"] < 0.05
    assert figures["commutator_norm"] < 1e-6  # planes are kept in single precision
    assert figures["image_correlation_floor"] < 0.5
    assert figures["objective"] == figures["loss"]


def test_a_grid_that_lies_on_its_side_is_turned():
    data = bumps(6, 4)
    data.setup()
    found = find_domain(data.training_inputs())
    lengths = [length for length, _ in found.domain.axes]
    for shape in ([6, 4], [4, 6]):
        basis = found_basis(found, shape)
        torch.testing.assert_close(basis @ basis.T, torch.eye(24, dtype=torch.float64))
    upright, turned = found_basis(found, lengths), found_basis(found, lengths[::-1])
    torch.testing.assert_close(upright.view(*lengths, 24).transpose(0, 1).flatten(0, 1), turned)
    figures = fit(CommutingLens(lengths[::-1]), data, epochs=1)
    assert figures["generator_cosine_least"] > 0.999
    assert figures["lifting_error"] < 0.05


def test_the_truth_is_more_uniform_than_random_planes():
    """Densities of either are fitted before they are asked; the loss is lower as well."""
    data = bumps(samples=4000)
    model = CommutingLens([4, 5], phases={"estimate": "100 %"})
    true = fit(model, data, epochs=1)
    other = CommutingLens([4, 5], phases={"estimate": "100 %"})
    other.describe_data(_described(data))
    generator = torch.Generator().manual_seed(0)
    other.find_start = lambda: other.symmetry.adopt(
        torch.linalg.qr(torch.randn(20, 20, generator=generator)).Q
    )
    random = fit(other, data, epochs=1)
    assert true["uniformity"] < 0.5 * random["uniformity"]
    assert true["alignment"] < random["alignment"] - 0.2
    assert true["loss"] < random["loss"] - 0.5
    assert random["image_correlation"] < 0.6


def test_a_line_is_found_behind_signals_of_the_other_datamodule():
    data = SignalsDataModule(
        dim=7, samples=3000, eval_samples=300, batch_size=300, transform="permuted"
    )
    figures = fit(CommutingLens([7], loss="successor"), data, epochs=1)
    assert figures["generator_cosine"] > 0.995


def test_checkpoint_figures_and_pictures(tmp_path):
    data = bumps(samples=600, eval_samples=60)
    model = CommutingLens([4, 5])
    fit(model, data, epochs=1)
    names = [name for name, _ in _pictures(model, data)]
    assert {"generator_1", "generator_2", "lifting_matrix", "filter", "signals"} <= set(names)
    trainer = model.trainer
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again = symmetry_pl.load(tmp_path / "last.ckpt").module
    torch.testing.assert_close(again.generators(), model.generators())
    x = data.split("test").x[:5]
    with torch.no_grad():
        moved, expected = again.transform(x, [1.0, 0.0]), x @ again.generators()[0].T
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["paper", "successor"])
def test_resumed_is_uninterrupted(loss, tmp_path):
    def build():
        options = {"loss": loss, "filter_noise": 0.1, "rank": "growing", "marginals": "gradient"}
        return CommutingLens([4, 5], init="random", **options)

    def train(model, epochs, ckpt_path=None):
        callback = ModelCheckpoint(tmp_path / f"{epochs}", save_last=True)
        trainer = Trainer(
            max_epochs=4, accelerator="cpu", logger=False, callbacks=[callback, _Stop(epochs)],
            enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
        )  # fmt: skip
        seed_everything(0)
        trainer.fit(model, bumps(samples=600), ckpt_path=ckpt_path)
        return model.state_dict()

    whole = train(build(), 4)
    train(build(), 2)
    resumed = train(build(), 4, tmp_path / "2" / "last.ckpt")
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


class _Stop(Callback):
    """Ends a fit after some of its epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_end(self, trainer, module):
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def _pictures(model, data):
    evaluator = model.configure_evaluator("test")
    evaluator.show(16, x=data.split("test").x)
    return painter_of(model).paint(model, evaluator, data, {})


@pytest.mark.slow
def test_a_line_is_learned_from_a_random_start():
    recipe = yaml.safe_load((config_root() / "lens/domain_commuting_scratch.yaml").read_text())
    seed_everything(0)
    model = CommutingLens(**recipe["model"]["init_args"])
    data = HiddenImagesDataModule(**recipe["data"]["init_args"], split_seed=0)
    figures = fit(model, data, recipe["trainer"]["max_epochs"])
    assert figures["generator_cosine_inside"] > 0.99
    assert figures["image_correlation"] > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": [3, 4, 5]}, "one or two lengths"),
        ({"shape": [1, 20]}, "one or two lengths"),
        ({"shape": [4, 5], "topology": "ring"}, "lines that end"),
        ({"shape": [4, 5], "loss": "successor", "conditional": True}, "successor has critics"),
        ({"shape": [4, 5], "loss": "both"}, "model.loss"),
        ({"shape": [4, 5], "uniformity": -1.0}, "model.uniformity must not be negative"),
        ({"shape": [5, 5]}, "samples have 20 numbers, and model.shape 5 x 5 has 25 positions"),
        ({"shape": [2, 10]}, "what was found in the data is"),
        ({"shape": [4, 5], "padding": 3}, "no room for one position more"),
        ({"shape": [4, 5], "padding": 3, "init": "random", "frequencies": "torus"}, "has no room"),
    ],
)
def test_what_makes_no_model_is_refused(options, message):
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        fit(CommutingLens(**options), bumps(samples=1500), epochs=1)

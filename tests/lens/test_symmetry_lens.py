"""What SymmetryLens learns, moves and refuses; training runs through the command line's trainer."""

import math

import numpy as np
import pytest
import torch
import yaml
from pytorch_lightning import Callback, Trainer, seed_everything

from symmetry_pl import SymmetryLens
from symmetry_pl.datamodules import (
    HiddenImagesDataModule,
    LawsDataModule,
    SignalsDataModule,
    SpiralDataModule,
)
from symmetry_pl.groups.subgroup import crop
from symmetry_pl.lens.group_convolution import GroupConvolution
from symmetry_pl.lens.refit import refitted_loss
from symmetry_pl.metrics.generator import generator_cosine
from symmetry_pl.runs.folders import config_root


def trainer_of(epochs, **options):
    return Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, **options,
    )  # fmt: skip


def fit(model, data, epochs=2, ckpt_path=None, **options):
    trainer = trainer_of(epochs, **options)
    trainer.fit(model, datamodule=data, ckpt_path=ckpt_path)
    return trainer


def data(**options):
    defaults = {"dim": 5, "samples": 400, "eval_samples": 200, "batch_size": 100}
    return SignalsDataModule(**{**defaults, **options})


@pytest.mark.parametrize(("topology", "dim"), [("chain", 5), ("ring", 5), ("ring", 6)])
def test_adopted_basis_is_lifted_moved_and_read_back(topology, dim):
    layer = GroupConvolution(dim, None, topology=topology).double()
    basis = torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64)).Q
    layer.adopt(basis)
    x = torch.randn(8, dim, dtype=torch.float64)
    y = layer(x)
    torch.testing.assert_close(y, x @ basis.T)
    # a shift of the sample is a shift of its representation
    moved = layer(layer.transform(x, 1.0))
    torch.testing.assert_close(moved[:, :-1], y[:, 1:])
    if topology == "ring":
        torch.testing.assert_close(moved[:, -1], y[:, 0])
        if dim % 2:  # an even ring's highest wave leaves it between whole numbers
            amounts = torch.rand(8, dtype=torch.float64)
            halfway = layer.transform(layer.transform(x, amounts), 1 - amounts)
            torch.testing.assert_close(halfway, layer.transform(x, 1.0))
    found = layer.learned()
    torch.testing.assert_close(found["lifting_matrix"], basis)
    whole = torch.matrix_exp(found["padded_logarithm"])
    torch.testing.assert_close(crop(whole, dim), found["generator"])


@pytest.mark.parametrize(("width", "least", "most"), [(0.5, 0.25, 0.45), (1.0, 0, 0.04)])
def test_half_a_position_is_exact_as_far_as_waves_reach(width, least, most):
    """Beside pulses that are drawn half a position further on."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, 15, (1000, 1))

    def drawn(by):
        apart = (np.arange(15) - centres - by + 7.5) % 15 - 7.5
        return torch.from_numpy(np.exp(-0.5 * (apart / width) ** 2))

    layer = GroupConvolution(15, None, topology="ring").double()
    layer.adopt(torch.eye(15, dtype=torch.float64))
    moved, there = layer.transform(drawn(0), 0.5).detach(), drawn(-0.5)
    if (moved - there).norm() > (moved - drawn(0.5)).norm():
        there = drawn(0.5)
    assert least <= float((moved - there).norm() / there.norm()) < most
    before, after = drawn(0).T @ drawn(0), moved.T @ moved
    near = torch.stack([before.roll((k, k), (0, 1)) for k in range(15)]).mean(0)
    level = (before - near).norm()  # of sampling
    assert (after - near).norm() < 1.5 * level


def test_scale_is_one_number_for_all_pixels():
    layer = GroupConvolution(3, 3)
    layer.shift.fill_(2.0)
    layer.scale.fill_(4.0)
    torch.testing.assert_close(
        layer.scaled(torch.tensor([[2.0, 6.0, -2.0]])), torch.tensor([[0.0, 1, -1]])
    )


@pytest.mark.parametrize("marginals", ["em", "gradient"])
@pytest.mark.parametrize("statistics", ["dataset", "batch"])
def test_every_part_moves_and_only_when_it_should(marginals, statistics):
    seed_everything(0)
    model = SymmetryLens(
        init="random", init_scale=0.1, marginals=marginals, statistics=statistics, hidden=20,
        filter_noise=0.1, phases={"estimate": "1 epoch"},
    )  # fmt: skip
    moved: dict[int, dict[str, bool]] = {}
    before: dict[str, torch.Tensor] = {}

    class Watcher(Callback):
        def on_train_batch_start(self, trainer, module, *args):
            before.update({n: p.detach().clone() for n, p in module.named_parameters()})

        def on_train_batch_end(self, trainer, module, *args):
            moved[module.batches_seen] = {
                n: not torch.equal(before[n], p) for n, p in module.named_parameters()
            }

    fit(model, data(), callbacks=[Watcher()], limit_val_batches=0)
    steps = sorted(moved)
    assert len(steps) == 8
    for step in steps:
        resting = step <= steps[3]
        for name, did in moved[step].items():
            expected = not (resting and name.startswith("symmetry."))
            assert did == expected, (step, name)


SCHEDULES = {
    "geometric": {},
    "cosine": {"schedule": "cosine", "end": 0.1, "warmup": "10 %"},
    "in phases": {"schedule": "constant", "in_phase": {"estimate": {"lr": 1e-6}}},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rank_follows_the_path_of_the_learning_rate(schedule):
    model = SymmetryLens(
        init="random", rank="growing", conditional=False, phases={"estimate": "1 epoch"},
        players={"symmetry": SCHEDULES[schedule]},
    )  # fmt: skip
    ranks, rates = [], []
    step = model.training_step

    def watched(*args, **kwargs):
        ranks.append(model.rank)
        rates.append(model.player_optimizer("symmetry").param_groups[0]["lr"])
        return step(*args, **kwargs)

    model.training_step = watched
    fit(model, data(samples=2000), epochs=5, limit_val_batches=0)
    path = np.cumsum(rates) / np.sum(rates)
    np.testing.assert_allclose(ranks, path, rtol=1e-12)
    if schedule == "geometric":  # the closed form of eq. 21
        progress = (np.arange(100) + 1) / 100
        np.testing.assert_allclose(ranks, (1 - 0.1**progress) / 0.9, rtol=1e-12)


def test_a_chain_in_pieces_is_mended_if_that_lowers_the_loss():
    model = SymmetryLens(
        init="random", conditional=False, straighten=["50 %"], players={"symmetry": {"lr": 1e-6}}
    )
    source = data(dim=7, samples=4000)
    order = torch.tensor([2, 3, 4, 0, 5, 6, 1])
    start = model.on_fit_start

    def broken():
        start()
        model.symmetry.adopt(torch.eye(7)[order])

    model.on_fit_start = broken
    fit(model, source, limit_val_batches=0)
    places = model.symmetry.lift().abs().argmax(1)
    assert set(places.diff().abs().tolist()) == {1}


@pytest.mark.parametrize("straighten", [["25 %", "3 epochs"], None])
def test_resumed_is_uninterrupted(straighten, tmp_path):
    def build():
        seed_everything(3)
        return SymmetryLens(
            init="random", init_scale=0.5, hidden=20, conditional_rows=10, filter_noise=0.1,
            rank="growing", straighten=straighten, phases={"estimate": "25 %"},
            players={"symmetry": {"lr": 1e-2}},
        )  # fmt: skip

    class Keep(Callback):
        def on_train_epoch_end(self, trainer, module):
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    whole = build()
    fit(whole, data(), epochs=4, limit_val_batches=0, callbacks=[Keep()])
    for epoch in (0, 1, 2):
        resumed = build()
        checkpoint = str(tmp_path / f"{epoch}.ckpt")
        fit(resumed, data(), epochs=4, limit_val_batches=0, ckpt_path=checkpoint)
        for name, value in whole.state_dict().items():
            other = resumed.state_dict()[name]
            assert torch.equal(value, other) or (value.isnan() & other.isnan()).all(), name


@pytest.mark.slow
def test_from_scratch_the_generator_is_found():
    recipe = yaml.safe_load((config_root() / "lens/scratch.yaml").read_text())
    epochs = recipe["trainer"]["max_epochs"]
    seed_everything(0)
    model = SymmetryLens(**recipe["model"]["init_args"])
    source = SignalsDataModule(**recipe["data"]["init_args"])
    trainer = fit(model, source, epochs, check_val_every_n_epoch=epochs)
    assert trainer.callback_metrics["val/generator_cosine"] > 0.95
    assert trainer.callback_metrics["val/generator_power"].abs() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topology": "line"}, "model.topology must be chain, ring or auto"),
        ({"init": "blind"}, "model.init must be blind_source or random, got 'blind'"),
        ({"statistics": "datset"}, "model.statistics must be dataset or batch, got 'datset'"),
        ({"rank": "groving"}, "model.rank must be full or growing, got 'groving'"),
        ({"topology": "ring", "padding": 3}, "a ring has no ends"),
        ({"padding": -1}, "model.padding must not be negative"),
        ({"alignment": -1}, "model.alignment must not be negative"),
        ({"resolution": 0.5, "information": -1}, "the joint entropy and must not be negative"),
        ({"straighten": [0.7]}, "model.straighten is a length such as"),
        ({"conditional_rows": 0}, "model.conditional_rows must be at least 1, got 0"),
        ({"em_rate": 0.0}, "model.em_rate must be above 0"),
        ({"marginals": "gan"}, "model.marginals must be em or gradient"),
        ({"pairing": "none"}, "model.pairing must be paired or unpaired"),
        ({"phases": {"rest": "1 epoch"}}, "model.phases has no phase 'rest'"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        SymmetryLens(**options)


@pytest.fixture
def nothing_is_computed(monkeypatch):
    """Fail where the warm start or a measurement begins."""

    def begun(*args, **kwargs):
        pytest.fail("it was computed before it was refused")

    monkeypatch.setattr("symmetry_pl.lens.symmetry_lens.blind_source", begun)
    monkeypatch.setattr(SymmetryLens, "measure", begun)


@pytest.mark.usefixtures("nothing_is_computed")
@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({}, {"batch_size": 500}, "data.batch_size is 500, but .* only 400"),
        ({"conditional": False}, {"batch_size": 500}, "data.batch_size is 500"),
        ({"phases": {"estimate": "3 epochs"}}, {}, "estimate: 3 epochs.* take 12 batches"),
        ({}, {"batch_size": 4}, "a batch of 4 rows leaves some of 5 pixels"),
        ({}, {"eval_samples": 4}, "the validation set has 4 rows for 5 columns"),
        ({"hidden": 8}, {"dim": 30, "eval_samples": 26}, "set has 26 rows for 30 .*val_fraction"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_the_warm_start(options, given, message):
    with pytest.raises(ValueError, match=message):
        fit(SymmetryLens(**options), data(**given))


def test_a_test_set_that_is_too_small_is_refused_before_it_is_read():
    source = data()
    model = SymmetryLens(init="random", hidden=8)
    trainer = fit(model, source, limit_val_batches=0)
    source.samples["test"] = 3
    with pytest.raises(ValueError, match="the test set has 3 rows for 5 columns"):
        trainer.test(model, source)


@pytest.mark.usefixtures("nothing_is_computed")
def test_other_data_are_refused():
    with pytest.raises(ValueError, match="samples have 2 numbers"):
        fit(SymmetryLens(init="random"), SpiralDataModule(samples_per_epoch=400))
    with pytest.raises(ValueError, match="reads its whole training set"):
        trainer_of(1).fit(SymmetryLens(), data().train_dataloader())
    model = SymmetryLens(init="random")
    model.describe_data(data(dim=7).description)
    with pytest.raises(ValueError, match="trained on other data"):
        fit(model, data())


def test_judge_prefers_the_truth():
    source = data(dim=5, samples=6000)
    x = source.training_inputs()
    x = (x - x.mean()) / x.std()
    weights = {"alignment": 1.0, "uniformity": 2.0, "resolution": 1.0, "information": 1.0}
    wrong = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0))).Q
    losses = [
        refitted_loss(m, x[:5000], x[5000:], weights, steps=60, hidden=20)
        for m in (torch.eye(5), wrong)
    ]
    assert all(math.isfinite(value) for value in losses)
    assert losses[0] < losses[1] - 0.2


def test_what_is_learned_says_how_sure_a_warm_start_was():
    model = SymmetryLens()
    model.describe_data(data().description)
    assert "confidence" not in model.learned()  # there was none
    assert model.verdict({}) is None
    model.confidence.fill_(0.75)
    model.evidence.copy_(torch.tensor([400, 0.99, 0.04, 1.5, 0, 0]))
    model.half_bases.copy_(torch.eye(5))
    found = model.learned()
    assert found["confidence"] == 0.75
    assert not found["generator_error"].any()
    assert not found["power_errors"].any()
    assert model.verdict({}).startswith("chain: two halves of the data give generators of cosine")


@pytest.mark.parametrize("law", ["chain", "ring"])
def test_chain_or_ring_is_what_the_data_say(law, tmp_path):
    laws = LawsDataModule(law, dim=9, samples=4000, eval_samples=200, noise=0.1, batch_size=1000)
    model = SymmetryLens("auto", conditional=False, phases={"estimate": "100 %"})
    trainer = fit(model, laws, 1)
    assert model.topology == law
    assert model.judged().name == law
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    again = SymmetryLens.load_from_checkpoint(tmp_path / "a.ckpt")
    assert again.topology == law
    basis = torch.tensor(laws.description.extra["ideal_basis"])
    assert generator_cosine(again.generators()[0].detach(), basis, law) > 0.99


def test_auto_needs_the_warm_start_and_a_fit():
    with pytest.raises(ValueError, match=r"topology auto is what the warm start finds: set model"):
        SymmetryLens("auto", init="random")
    with pytest.raises(ValueError, match=r"topology auto is settled by a fit"):
        SymmetryLens("auto").describe_data(data().description)


def test_inputs_of_a_lattice_are_told_so():
    """Two translations are more than there is room for, and the verdict says where to go."""
    images = HiddenImagesDataModule("bumps", height=5, width=6, samples=3000, batch_size=500)
    model = SymmetryLens(conditional=False, init_options={"effort": 0})
    with pytest.warns(UserWarning, match="NOT SURE of a symmetry: lattice"):
        fit(model, images, epochs=1)
    said = model.judged()
    assert said.name == "lattice"
    assert not said.found
    assert "5 x 6 cells" in said.because or "6 x 5 cells" in said.because

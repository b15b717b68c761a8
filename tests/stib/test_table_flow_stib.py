"""FlowSTIB at its defaults: it follows the data, ends with its best weights, says if it failed."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from symmetry_pl.core import DataDescription
from symmetry_pl.core.best_average import BestAverage
from symmetry_pl.datamodules import ArrayDataModule, TableDataModule
from symmetry_pl.metrics import Leakage
from symmetry_pl.metrics.visible_leak import UNSEEN, VisibleLeak
from symmetry_pl.stib import FlowSTIB
from symmetry_pl.stib.split_verdict import split_verdict
from symmetry_pl.stib.table_recipe import recipe_for

SMALL = {"flow_options": {"blocks": 1, "given_blocks": 1, "width": 8}}


@pytest.fixture
def no_probes(monkeypatch):
    """Figures of leakage that cost nothing, where none is read."""
    names = ("mi_z0_y", "mi_z0_y_white", "mi_z0_y_probe", "mi_z0_y_probe_null95")
    names += ("probe_r2_z0_y", "probe_r2_z0_y_null95")
    monkeypatch.setattr(Leakage, "compute", lambda self: dict.fromkeys(names, torch.zeros(())))


def table(rows=600, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    y = x[:, 0] + 0.5 * x[:, 1] ** 2 + 0.1 * torch.randn(rows, generator=generator)
    return TableDataModule.from_arrays(
        x.numpy(), y.numpy(), **{"batch_size": 64, "samples_per_epoch": 512, **options}
    )


def trainer(epochs=2, **options):
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(max_epochs=epochs, **{**quiet, **options})


def fitted(model=None, epochs=2, data=None, **options):
    pl.seed_everything(0, verbose=False)
    model = model or FlowSTIB(**SMALL)
    run = trainer(epochs, **options)
    run.fit(model, datamodule=data or table())
    return model, run


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def test_sizes_follow_the_training_rows():
    few, many = (
        recipe_for(DataDescription("vector", (5,), ("y",), extra={"rows": n})) for n in (200, 10**6)
    )
    assert few.width < many.width
    assert few.input_noise > many.input_noise
    assert (few.given_bins, many.given_bins) == (0, 8)
    model = FlowSTIB()
    model.describe_data(DataDescription("vector", (5,), ("a", "b"), extra={"rows": 200}))
    assert (model.flow.informative_dim, model.input_noise) == (2, few.input_noise)
    asked = FlowSTIB(z1_dim=1, input_noise=0.0, flow_options={"width": 5})
    asked.describe_data(DataDescription("vector", (5,), ("a", "b"), extra={"rows": 200}))
    assert (asked.flow.informative_dim, asked.input_noise) == (1, 0.0)


@pytest.mark.usefixtures("no_probes")
def test_a_fit_stops_and_ends_with_its_best_weights(monkeypatch):
    scores = iter([3.0, 1.0, *[2.0] * 100])
    best = {}
    look = BestAverage.look

    def scripted(self, score):
        look(self, lambda: next(scores))
        if self.since == 0:
            best.update(self.best)

    monkeypatch.setattr(BestAverage, "look", scripted)
    model, run = fitted(FlowSTIB(patience=4, **SMALL), epochs=9)
    assert run.current_epoch == 2  # two looks that are better, four that are not: the second epoch
    named = dict(model.named_parameters())
    assert best
    assert all(torch.equal(named[name], value) for name, value in best.items())


@pytest.mark.usefixtures("no_probes")
def test_resumed_fit_is_bit_identical(tmp_path):
    whole, _ = fitted(epochs=3)
    path = tmp_path / "half.ckpt"

    class Save(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(path)

    fitted(epochs=3, callbacks=[Save()])
    torch.load(path, weights_only=True)
    again = FlowSTIB(**SMALL)
    trainer(3).fit(again, datamodule=table(), ckpt_path=path)
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in weights(whole).items())


@pytest.mark.usefixtures("no_probes")
def test_ended_fit_does_not_go_on(tmp_path):
    model, run = fitted(epochs=1)
    run.save_checkpoint(tmp_path / "last.ckpt")
    again = FlowSTIB(**SMALL)
    trainer(3).fit(again, datamodule=table(), ckpt_path=tmp_path / "last.ckpt")
    assert again.batches_seen == model.batches_seen
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in weights(model).items())


@pytest.mark.usefixtures("no_probes")
def test_checkpoint_has_the_sizes_of_its_own_rows(tmp_path):
    model, run = fitted(FlowSTIB(), epochs=1)
    run.save_checkpoint(tmp_path / "last.ckpt")
    other = FlowSTIB()
    other.describe_data(
        DataDescription(
            "vector", (3,), ("y0",), ("",), model.data.target_mean, model.data.target_scale,
            extra={"rows": 10**6},
        )
    )  # fmt: skip
    other.on_load_checkpoint(torch.load(tmp_path / "last.ckpt", weights_only=True))
    other.load_state_dict(model.state_dict())
    x = torch.randn(5, 3)
    assert torch.equal(other.encode(x).z0, model.encode(x).z0)


@pytest.mark.usefixtures("no_probes")
def test_defaults_train_on_plain_loaders_and_on_arrays():
    x = torch.randn(300, 3)
    loader = DataLoader(TensorDataset(x, x[:, :1]), batch_size=32)
    model = FlowSTIB(**SMALL)
    model.describe_data(DataDescription("vector", (3,), ("y",)))
    trainer(1).fit(model, loader, loader)
    assert bool(model.flow.splines.at.std() > 0)
    data = ArrayDataModule.from_arrays(x.numpy(), x[:, 0].numpy(), batch_size=32)
    _, run = fitted(data=data, epochs=1, limit_val_batches=0)
    assert run.current_epoch == 1


@pytest.mark.slow
@pytest.mark.usefixtures("quick_probes")
def test_verdict_tells_converged_from_undertrained():
    # columns that are independent are split at once; x tells x² until a flow has learned that
    good = table(900, test_fraction=0.4)
    x = torch.randn(900, 1, generator=torch.Generator().manual_seed(1))
    bent = torch.cat([x, x**2, torch.randn(900, 1)], 1) + 0.1 * torch.randn(900, 3)
    bad = TableDataModule.from_arrays(bent.numpy(), x[:, 0].numpy() ** 2, test_fraction=0.4)
    said = []
    for data, options in ((good, {"epochs": 4}), (bad, {"epochs": 1, "limit_train_batches": 1})):
        model, run = fitted(data=data, limit_val_batches=0, **options)
        run.test(model, datamodule=data, verbose=False)
        figures = {k: float(v) for k, v in run.callback_metrics.items()}
        assert figures["test/mae_y_boosting"] > 0
        said.append(model.verdict(figures))
    assert "CANNOT" not in said[0]
    assert "CANNOT" in said[1]


def test_verdict_needs_its_figures():
    assert split_verdict({"test/mae_y": 1.0}) is None
    names = ("mi_z0_z1_probe", "mi_z0_z1_probe_null95", "probe_r2_z0_z1", "probe_r2_z0_z1_null95")
    unknown = dict.fromkeys((f"test/{n}" for n in names), float("nan"))
    assert "too few rows" in split_verdict(unknown)


@pytest.mark.usefixtures("quick_probes")
def test_visible_leak_is_smaller_where_there_are_more_rows():
    found = []
    for rows in (60, 400):
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(rows, 4, generator=generator)
        leak = VisibleLeak()
        leak.update(z[:, 1:], z[:, :1], z[:, :1])
        found.append(float(leak.compute()))
    assert found[1] < found[0] <= UNSEEN


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": -1}, "model.patience must be at least 0"),
        ({"predictor_options": {"width": 3}}, "model.predictor_options are those of"),
        ({"flow": "spline"}, r"flow must be one of \['coupling', 'table'\]"),
    ],
)
def test_options_that_make_no_model_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FlowSTIB(**options).describe_data(DataDescription("vector", (3,), ("y",)))

"""Figures and charts of a run, with any logger; what they show is up to a class of the user's."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import pytorch_lightning as pl
from matplotlib.image import imread
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from symmetry_pl import FlowSTIB
from symmetry_pl.callbacks import Figures
from symmetry_pl.callbacks.board import layout
from symmetry_pl.callbacks.progress import HeadlineLines
from symmetry_pl.core.painter import painter_of
from symmetry_pl.datamodules import SpiralDataModule
from symmetry_pl.plots.basic import history


class OwnPainter:
    """What a user writes to draw a method of their own: a square, and the loss over time."""

    curves: ClassVar = {"train": ("nll",)}

    def paint(self, model, evaluator, data, curves):
        yield "square", np.full((8, 8, 3), 128, dtype=np.uint8)
        if curves:
            yield "loss", history({"nll": curves["train/nll"]}, "nll [nats]")


class OwnMethod(FlowSTIB):
    painter = f"{__name__}:OwnPainter"


class WithoutFigures(FlowSTIB):
    painter = ""


def small(method):
    return method(flow_options={"bins": 4, "width": 4}, predictor="mlp")


def trained(tmp_path, method, logger, **options):
    """A trainer after two epochs of four batches, and what it trained."""
    trainer = pl.Trainer(
        default_root_dir=tmp_path,
        max_epochs=2,
        logger=logger,
        callbacks=[Figures(tmp_path / "run"), HeadlineLines()],
        log_every_n_steps=1,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        **options,
    )
    model = small(method)
    data = SpiralDataModule(batch_size=16, samples_per_epoch=64, eval_samples=64)
    trainer.fit(model, data)
    return trainer, model, data


@pytest.mark.parametrize("logger", [CSVLogger, None], ids=["csv", "none"])
def test_figures_lie_in_the_run_folder_with_any_logger(tmp_path, logger):
    run = trained(tmp_path, OwnMethod, logger(tmp_path) if logger else False)
    files = sorted(p.relative_to(tmp_path / "run") for p in (tmp_path / "run").rglob("*.png"))
    assert [str(p) for p in files] == ["figures/val/loss.png", "figures/val/square.png"]
    pixels = imread(tmp_path / "run/figures/val/square.png")[..., :3]
    assert np.allclose(pixels, 128 / 255)
    run[0].test(*run[1:], verbose=False)
    assert [p.name for p in (tmp_path / "run/figures/test").iterdir()] == ["square.png"]


def test_tensorboard_has_figures_charts_and_headline(tmp_path):
    trained(tmp_path, FlowSTIB, TensorBoardLogger(tmp_path, "", "board"))
    events = EventAccumulator(str(tmp_path / "board"), {"images": 0}).Reload()
    drawn = {tag.removeprefix("val/") for tag in events.Tags()["images"]}
    assert {"latent_plane", "reconstructions", "leakage"} <= drawn
    assert {p.stem for p in (tmp_path / "run/figures/val").iterdir()} == drawn
    charts = events.Tensors("custom_scalars__config__")[-1].tensor_proto.string_val[0]
    assert b"leakage" in charts
    assert b"val/mi_z0_y" in charts


def test_headline_figures_of_fit_and_test_stand_beside_the_options(tmp_path):
    logger = TensorBoardLogger(tmp_path, "", "board", default_hp_metric=False)  # as the command's
    trainer, model, data = trained(tmp_path, FlowSTIB, logger)
    names = [n for n in FlowSTIB.headline if f"val/{n}" in trainer.callback_metrics]
    assert names
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    content = events.PluginTagToContent("hparams")["_hparams_/experiment"]
    experiment = metadata.parse_experiment_plugin_data(content)
    columns = [f"headline/{stage}/{n}" for stage in ("val", "test") for n in names]
    assert [info.name.tag for info in experiment.metric_infos] == columns
    options = {info.name for info in experiment.hparam_infos}
    assert {"predictor", "flow_options/bins", "flow_options/width"} <= options
    trainer.test(model, data, verbose=False)
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    for column, name in zip(columns, names * 2, strict=True):
        (event,) = events.Scalars(column)
        assert event.step == model.batches_seen == 8
        if column.startswith("headline/test/"):
            assert event.value == pytest.approx(float(trainer.callback_metrics[f"test/{name}"]))


def test_a_method_without_a_painter_has_no_figures(tmp_path):
    trained(tmp_path, WithoutFigures, logger=False)
    assert not (tmp_path / "run").exists()
    assert painter_of(SimpleNamespace()) is None


def test_a_dry_run_leaves_nothing(tmp_path):
    trained(tmp_path, OwnMethod, logger=False, fast_dev_run=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("symmetry_pl.stib.painter:NoSuchPainter", "has no attribute 'NoSuchPainter'"),
        ("no_such_package:Painter", "No module named 'no_such_package'"),
        ("painter", "got 'painter'"),
    ],
)
def test_a_painter_that_is_not_there_is_one_sentence(path, message):
    with pytest.raises(ValueError, match=r"painter of \w+ must be 'package.module:Class'") as error:
        painter_of(type("Method", (), {"painter": path})())
    assert message in str(error.value)


def test_charts_stand_in_the_order_of_the_catalogue():
    names = ["train/nll", "val/mi_z0_y_probe", "val/mi_z0_y", "test/unheard_of", "lr/model"]
    assert layout(names) == {
        "leakage": {"val": ["Multiline", ["val/mi_z0_y", "val/mi_z0_y_probe"]]},
        "loss": {"train": ["Multiline", ["train/nll"]]},
    }


def test_a_line_a_validation_reads_the_catalogue(tmp_path, capsys):
    trainer, _, _ = trained(tmp_path, WithoutFigures, logger=False)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    value = float(trainer.callback_metrics["val/mi_z0_y"])
    assert f"I(Z0;Y) raw {value:.4g} nats" in lines[-1]

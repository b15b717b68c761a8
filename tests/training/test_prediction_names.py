"""Where predictions are written: those of one file never in place of another's."""

from pathlib import Path

import pytest
import torch

from symmetry_pl.callbacks import PredictionWriter
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import (
    ArrayDataModule,
    ExampleMoleculesDataModule,
    ImagesDataModule,
    PredictionCSVDataModule,
    SmilesCSVDataModule,
    SpiralDataModule,
    TableDataModule,
)
from symmetry_pl.training.prediction_names import prediction_name


@pytest.fixture
def run():
    """A run that was trained on t.csv."""
    Path("run").mkdir()
    Path("run/config.yaml").write_text("data:\n  class_path: X\n  init_args: {path: t.csv}\n")
    return Path("run")


@pytest.mark.parametrize(
    "make",
    [
        TableDataModule,
        ArrayDataModule,
        PredictionCSVDataModule,
        lambda path: SmilesCSVDataModule(path, ["y"]),
        ImagesDataModule,
    ],
)
def test_another_file_has_its_name_in_that_of_its_predictions(run, make):
    assert prediction_name(make("t.csv"), run) == "predictions"
    assert prediction_name(make(str(Path("t.csv").resolve())), run) == "predictions"
    assert prediction_name(make("new.csv.gz"), run) == "predictions_new"
    assert prediction_name(make("a/v1.2.csv"), run) == "predictions_v1.2"
    assert prediction_name(make("new/t.csv"), run) == "predictions_t"
    assert prediction_name(make("t.csv"), None) == "predictions"


def test_folders_have_whole_names(run):
    Path("photos.2021").mkdir()
    assert prediction_name(ImagesDataModule("photos.2021"), run) == "predictions_photos.2021"


@pytest.mark.parametrize("content", [None, "", "data: null", "data: {init_args: null}", "- a"])
def test_a_model_of_an_unknown_file(run, content):
    config = run / "config.yaml"
    config.unlink()
    if content is not None:
        config.write_text(content)
    assert prediction_name(TableDataModule("t.csv"), run) == "predictions_t"
    assert prediction_name(SpiralDataModule(), run) == "predictions"
    assert prediction_name(ExampleMoleculesDataModule(), run) == "predictions"
    x = torch.randn(40, 3).numpy()
    assert prediction_name(TableDataModule.from_arrays(x), run) == "predictions"


class Alone:
    world_size, global_rank, datamodule = 1, 0, None


class Model:
    data = DataDescription("vector", (2,))

    def learned(self):
        return {}

    column_names = learned


def test_what_is_replaced_is_said(run, monkeypatch, capsys):
    monkeypatch.setattr("symmetry_pl.callbacks.prediction_writer.SymmetryModule", Model)
    for said in ("1 predictions in run/p.csv", "1 predictions in run/p.csv, in place of those"):
        writer = PredictionWriter(run, "p")
        writer.write_on_epoch_end(Alone(), Model(), [{"row": torch.zeros(1)}], [])
        assert capsys.readouterr().out.startswith(said)

"""Predictions: columns with the user's names and units, one table for any number of processes."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import run_in_processes

from symmetry_pl import SGM
from symmetry_pl.callbacks import PredictionWriter
from symmetry_pl.callbacks.prediction_columns import prediction_columns
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription, SymmetryModule
from symmetry_pl.runs.folders import config_root

pytestmark = pytest.mark.usefixtures("quick_probes")

FIT = [
    "--trainer.max_epochs=1", "--trainer.accelerator=cpu", "--trainer.logger=false",
    "--trainer.limit_val_batches=0", "--log_root=logs", "--run_name=mine",
]  # fmt: skip
TWINS = Path(__file__).parents[1] / "conf"
RUN = Path("logs/mine/version_0")
CHECKPOINT = f"--ckpt_path={RUN / 'checkpoints/last.ckpt'}"


def vectors(**extra):
    return DataDescription(
        "vector", (2,), ("gap", "row"), ("eV", ""), (0.0, 0.0), (1.0, 1.0), extra=extra
    )


def test_columns_have_names_and_units():
    data = vectors(columns=["length", "z0_0"], mean=[1.0, 2.0], scale=[10.0, 0.5])
    x = torch.tensor([[0.1, 1.0]])
    values = {"row": torch.tensor([3]), "x": x, "z0": x, "x_hat": x, "y_hat": x}
    source = {"length": [2], "z0_0": [2.5], "id": ["a"]}
    found = prediction_columns(values, data, source)
    assert list(found) == [
        "id", "row", "length", "z0_0", "z0_0_predicted", "z0_1", "length_hat", "z0_0_hat",
        "gap_eV", "row_predicted",
    ]  # fmt: skip
    assert found["length"] == [2]  # as it stands in the table
    assert found["length_hat"] == pytest.approx([2.0])
    assert found["z0_0_hat"] == pytest.approx([2.5])
    del values["row"], source["id"]
    assert next(iter(prediction_columns(values, data, {}))) == "length"


def test_columns_without_names_have_numbers():
    data = vectors(columns=["0", "1"], mean=3.0, scale=2.0)
    found = prediction_columns({"x": torch.ones(1, 2), "x_hat": torch.zeros(1, 2)}, data, {})
    assert found == {"x_0": [5.0], "x_1": [5.0], "x_hat_0": [3.0], "x_hat_1": [3.0]}


def test_columns_have_the_names_that_a_model_gives_them():
    values = {"eta": torch.tensor([[1.0, 2.0]]), "z": torch.tensor([[3.0]])}
    source = {"turn": [5.0]}
    found = prediction_columns(values, vectors(), source, {"eta": ("shift", "turn")})
    assert found == {"turn": [5.0], "shift": [1.0], "turn_predicted": [2.0], "z_0": [3.0]}


def test_coordinates_of_a_group_are_named():
    model = SGM(group="color")
    assert model.column_names() == {"eta": ("hue", "saturation", "value")}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def table(rows=203):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    lines = ["a,b,c,y,who"] + [f"{p},{q},{r},{p * p},r{i}" for i, (p, q, r) in enumerate(x)]
    Path("t.csv").write_text("\n".join(lines))
    return [
        "--model=FlowSTIB", "--data=TableDataModule", f"--data.path={Path('t.csv').resolve()}",
        "--data.targets=[y]", "--data.id_column=who", "--data.samples_per_epoch=128",
        "--data.batch_size=64",
    ]  # fmt: skip


class Peers:
    """A trainer of several processes, which run one after another."""

    world_size, datamodule = 3, None

    def __init__(self, rank):
        self.global_rank, self.is_global_zero, self.strategy = rank, rank == 0, self

    def broadcast(self, value):
        return value

    def barrier(self):
        pass


class Told(SymmetryModule):
    def configure_players(self):
        return {}

    def configure_evaluator(self, stage):
        raise AssertionError


@pytest.mark.parametrize("known", [True, False])
def test_processes_hand_their_rows_to_the_first(known, tmp_path):
    model = Told()
    model.describe_data(vectors())
    for rank in (2, 1, 0):  # of 7 rows, two of which are predicted twice
        places = [i % 7 for i in range(rank, 9, 3)]
        batches = [{"row": torch.tensor(part)} for part in (places[:2], places[2:])]
        indices = [[places[:2], places[2:]]] if known else [[]]
        writer = PredictionWriter(tmp_path)
        writer.write_on_epoch_end(Peers(rank), model, batches, indices)
    rows = rows_of(tmp_path / "predictions.csv")
    expected = [*range(7)] if known else [i % 7 for i in range(9)]
    assert [int(row["row"]) for row in rows] == expected
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_write_the_table_of_one(tmp_path):
    assert main(["fit", *table(), *FIT]) == 0
    checkpoint = f"--ckpt_path={(tmp_path / RUN).resolve() / 'checkpoints/last.ckpt'}"
    predict = ["predict", checkpoint, "--data.eval_batch_size=20"]
    assert main([*predict, "--data.num_workers=2"]) == 0
    place = tmp_path / RUN / "predictions.csv"
    alone = rows_of(place)
    place.unlink()
    # 203 rows: one of the processes predicts a row again, to have as many as the other
    run_in_processes([*predict, "--trainer.devices=2", "--trainer.strategy=ddp"])
    shared = rows_of(place)
    assert [row["id"] for row in alone] == [f"r{i}" for i in range(203)]
    assert [row["row"] for row in alone] == [str(i) for i in range(203)]
    for name in ("id", "row", "a", "b", "c"):
        assert [row[name] for row in shared] == [row[name] for row in alone]
    for name in ("a_hat", "z1_0", "z0_1", "y"):
        ours, theirs = ([float(row[name]) for row in rows] for rows in (shared, alone))
        assert ours == pytest.approx(theirs, abs=1e-5)
    left = {path.name for path in (tmp_path / RUN).iterdir() if "predictions" in path.name}
    assert left == {"predictions.csv"}


def test_codes_are_single_precision_whatever_was_trained_in(monkeypatch):
    from symmetry_pl.training import precision

    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: True)
    fit = ["fit", *table(), *FIT, "--trainer.precision=bf16-mixed"]
    assert main(fit) == 0
    assert "bf16-mixed" in (RUN / "config.yaml").read_text()
    assert main(["predict", CHECKPOINT]) == 0
    mixed = rows_of(RUN / "predictions.csv")
    codes = torch.tensor([[float(row[name]) for name in ("z1_0", "z0_0")] for row in mixed])
    assert not torch.equal(codes, codes.bfloat16().float())
    assert main(["predict", CHECKPOINT, "--trainer.precision=32-true"]) == 0
    assert rows_of(RUN / "predictions.csv") == mixed


def test_images_are_named_by_file():
    rng = np.random.default_rng(0)
    Path("shapes").mkdir()
    names = [f"{i:02}.png" for i in range(20)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(Path("shapes") / name)
    name = "sgm/mnist_affine.yaml"
    configs = [f"--config={folder / name}" for folder in (config_root(), TWINS)]
    data = ["--data=ImagesDataModule", "--data.path=shapes", "--data.batch_size=8"]
    assert main(["fit", *configs, *data, *FIT]) == 0
    assert main(["predict", CHECKPOINT, "--data.eval_batch_size=7"]) == 0
    rows = rows_of(RUN / "predictions.csv")
    assert [row["file"] for row in rows] == names
    assert list(rows[0])[:2] == ["file", "row"]
    assert np.load(RUN / "predictions.npz")["prototype"].shape == (20, 1, 16, 16)

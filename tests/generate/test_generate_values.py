"""Several values of one property: the folder, the summary, the figure and the table."""

import csv
import json

import numpy as np
import PIL.Image
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_generate import checkpoint, molecules, network, save  # noqa: F401 (fixtures)

from symmetry_pl import CVAE, STIB
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.generate.figure import drawn_molecules, generation_figure
from symmetry_pl.generate.sampling import Molecule, Outcome
from symmetry_pl.generate.values import Answer, HeldOutError, pooled, report, summary
from symmetry_pl.molecules import PROPERTIES

DATA = DataDescription("tokens", (4,), ("gap", "qed_rdkit"), ("eV", ""), (0.0, 0.0), (1.0, 1.0))
QED = PROPERTIES["qed_rdkit"]


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def answer(asked, found, name="qed_rdkit", **counts):
    """Molecules (SMILES to predicted values) and counts."""
    made = [
        Molecule(smiles, None if y is None else torch.tensor(y), torch.zeros(1), None)
        for smiles, y in found.items()
    ]
    return Answer.of(asked, Outcome(made, **counts), name, DATA)


@pytest.fixture
def answers():
    return [
        answer(0.5, {"CCO": [6.0, 0.6], "CC": [7.0, 0.45]}, decoded=6, invalid=2, duplicates=1),
        answer(0.25, {"CCO": [6.0, 0.5]}, decoded=4, strays=3),
        answer(0.75, {}, decoded=10, invalid=10),
    ]


def test_the_summary_is_what_was_measured(answers):
    made = summary(answers, {"CC", "CCC"})
    first, second, third = made["values"]
    assert (first["asked"], first["molecules"], first["decoded"]) == (0.5, 2, 6)
    assert first["validity"] == pytest.approx(4 / 6)
    assert first["uniqueness"] == pytest.approx(3 / 4)
    assert first["novelty"] == 0.5
    assert first["self_consistency_mae"] == pytest.approx((0.1 + 0.05) / 2)
    expected = (abs(QED("CCO") - 0.5) + abs(QED("CC") - 0.5)) / 2
    assert first["rdkit_mae"] == pytest.approx(expected)
    assert second["self_consistency_mae"] == pytest.approx(0.25)
    assert third["validity"] == 0
    assert third["novelty"] is third["self_consistency_mae"] is third["rdkit_mae"] is None
    overall = made["overall"]
    assert overall["self_consistency_mae"] == pytest.approx((0.1 + 0.05 + 0.25) / 3)
    assert (overall["molecules"], overall["duplicates"], overall["decoded"]) == (2, 2, 20)
    assert overall["uniqueness"] == pytest.approx((20 - 12 - 2) / 8)
    json.dumps(made, allow_nan=False)
    assert summary(answers, None)["overall"]["novelty"] is None


def test_a_molecule_of_two_values_counts_once(answers):
    whole = pooled(answers)
    assert [m.smiles for m in whole.molecules] == ["CCO", "CC"]
    assert (whole.invalid, whole.strays) == (12, 3)


def test_the_report_has_a_line_a_value(answers):
    lines = report("gap", "eV", summary(answers, None))
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split()[:2] == ["gap", "[eV]"]
    assert lines[1].split()[:3] == ["0.5", "2", "6"]
    assert lines[3].split()[-3:] == ["–"] * 3
    assert lines[4].split()[0] == "all"


def test_the_figure_shows_molecules_and_errors(answers):
    figure = generation_figure(answers, "qed_rdkit", "", HeldOutError(0.05, 10))
    grid, predicted, computed = figure.axes
    assert [t.get_text() for t in grid.get_yticklabels()] == ["0.5", "0.25", "0.75"]
    assert "no molecule found" in [t.get_text() for t in grid.texts]
    assert predicted.get_title() == "|predicted − asked|"
    assert computed.get_title() == "|RDKit − asked|"
    assert predicted.get_xlim() == computed.get_xlim()
    said = [t.get_text().strip() for t in predicted.texts]
    assert said == ["model's test error 0.05", "mean 0.075", "mean 0.25"]
    band = predicted.patches[0].get_extents().transformed(predicted.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((0, 0.05))
    wide = generation_figure(answers, "qed_rdkit", "", HeldOutError(0.9, 10)).axes[1]
    assert (predicted.texts[0].get_ha(), wide.texts[0].get_ha()) == ("left", "right")
    without = generation_figure(answers, "qed_rdkit", "", None).axes[1]
    assert [t.get_text().strip() for t in without.texts] == ["mean 0.075", "mean 0.25"]


def test_what_is_not_known_is_not_drawn():
    told = answer(6.5, {"CCO": None}, "gap", decoded=1)  # by a CVAE: RDKit computes no gap
    assert (told.predicted, told.computed) == ((), ())
    assert len(generation_figure([told], "gap", "eV", None).axes) == 1
    picture = drawn_molecules(told, 5, 5)
    assert picture.shape == drawn_molecules(answer(1.0, {}), 5, 5).shape
    assert (picture[:, 200:] == 255).all()  # no cells that say "not a molecule"


@pytest.fixture
def series(checkpoint, capsys):  # noqa: F811
    arguments = ["generate", "--ckpt_path", str(checkpoint), "--n", "6", "--out", "out"]
    assert main([*arguments, "--property", "gap=6.5,7,8"]) == 0
    return capsys.readouterr().out


def test_several_values_give_a_folder(series, checkpoint, molecules, tmp_path):  # noqa: F811
    made = json.loads((tmp_path / "out/summary.json").read_text())
    assert (made["property"], made["unit"], made["model"]) == ("gap", "eV", "STIB")
    assert made["command"].startswith("symmetry generate --ckpt_path ")
    assert made["known_molecules"] == len(molecules.training_set)
    found = rows(tmp_path / "out/molecules.csv")
    assert list(found[0])[:3] == ["asked", "smiles", "predicted_gap_eV"]
    for row in made["values"]:
        mine = [float(r["predicted_gap_eV"]) for r in found if float(r["asked"]) == row["asked"]]
        assert len(mine) == row["molecules"]
        error = sum(abs(value - row["asked"]) for value in mine) / len(mine)
        assert row["self_consistency_mae"] == pytest.approx(error, rel=1e-5)
        assert row["rdkit_mae"] is None  # RDKit computes no gap
    assert [row["asked"] for row in made["values"]] == [6.5, 7.0, 8.0]

    model = STIB.load_from_checkpoint(checkpoint).eval()
    (x, y, _), *rest = molecules.test_dataloader()
    assert not rest
    with torch.no_grad():
        wrong = model.physical(model.predict_target(model.encode(x))) - model.physical(y)
    expected = wrong[:, 0].abs().mean().item()
    assert made["test_mae"] == {"value": pytest.approx(expected, rel=1e-5), "molecules": len(y)}

    assert f"MAE on {len(y)} held-out molecules: {expected:.3g} eV" in series
    assert len([line for line in series.splitlines() if line.split()[0] in "6.5 7 8 all"]) == 4

    board = EventAccumulator(str(tmp_path / "out"))
    board.Reload()
    tags = {"generation", "molecules/gap=6.5", "molecules/gap=7", "molecules/gap=8"}
    assert set(board.Tags()["images"]) == tags
    picture = np.asarray(PIL.Image.open(tmp_path / "out/generation.png"))
    (image,) = board.Images("generation")
    assert picture.shape[:2] == (image.height, image.width)
    assert picture.shape[1] < 2000


def test_each_row_is_that_of_its_value_alone(series, checkpoint, tmp_path):  # noqa: F811
    arguments = ["generate", "--ckpt_path", str(checkpoint), "--n", "6", "--out", "one.csv"]
    assert main([*arguments, "--property", "gap=7"]) == 0
    alone = rows("one.csv")
    mine = [r for r in rows("out/molecules.csv") if r["asked"] == "7.0"]
    assert [r | {"asked": "7.0"} for r in alone] == mine


def test_a_model_that_is_told_predicts_nothing(molecules, tmp_path, capsys):  # noqa: F811
    path = save(CVAE(latent_dim=3, **network(molecules)), molecules, tmp_path / "model.ckpt")
    arguments = ["generate", "--ckpt_path", str(path), "--property", "gap=6,7", "--n", "2"]
    assert main([*arguments, "--property", "polarisability=75", "--out", "out"]) == 0
    made = json.loads((tmp_path / "out/summary.json").read_text())
    assert made["fixed"] == {"polarisability": 75}
    assert made["overall"]["self_consistency_mae"] is None
    assert "test_mae" not in made
    assert made["known_molecules"] is made["overall"]["novelty"] is None
    assert "give the training molecules with --train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gap=1,x"], "--property must be gap=number, got 'gap=x'"),
        (["gap=1,"], "--property must be gap=number, got 'gap='"),
        (["gap=nan"], "--property must be gap=number, got 'gap=nan'"),
        (["gap=1,1.0"], "--property: 'gap=1,1.0' has a value twice"),
        (["gap=1,2", "polarisability=1,2"], "gap and polarisability have several values, only one"),
        (["gap=1,2", "--out", "file"], "are written to a folder, and file is a file"),
        (["gap=1", "--out", "folder"], "are written to a file, and folder is a folder"),
    ],
)
def test_bad_values_are_one_sentence(arguments, message, checkpoint, tmp_path, capsys):  # noqa: F811
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    given = [a for p in arguments for a in (["--property", p] if "=" in p else [p])]
    assert main(["generate", "--ckpt_path", str(checkpoint), "--out", "x", *given]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"

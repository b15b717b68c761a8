"""Molecules of a PropertyGenerator: what is asked, who judges, what it costs."""

import csv
import json

import pytest
import torch
from pytorch_lightning import Trainer
from small_generator import small_generator

from symmetry_pl.cli import main
from symmetry_pl.generate.asked import draw_asked
from symmetry_pl.generate.judging import Judge
from symmetry_pl.molecules import PROPERTIES, canonical_smiles

LOGP, WEIGHT = PROPERTIES["logp_rdkit"], "weight_rdkit"


@pytest.fixture
def checkpoint(tmp_path):
    """One that says 0.3, 50 and 10 of all molecules, whatever they are."""
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(small_generator())
    path = tmp_path / "asked.ckpt"
    trainer.save_checkpoint(path)
    return path


def asked(checkpoint, *more):
    return main(["generate", "--ckpt_path", str(checkpoint), "--n", "6", *more])


def rows(path="out.csv"):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_molecules_are_drawn(checkpoint, capsys):
    ask = ["--property", "logp=0.5", "--property", f"{WEIGHT}=46", "--out", "out.csv"]
    assert asked(checkpoint, *ask) == 0
    said = capsys.readouterr().out
    found = rows()
    smiles = [row["smiles"] for row in found]
    assert len(set(smiles)) == 6
    assert [canonical_smiles(s) for s in smiles] == smiles
    assert list(found[0])[:2] == ["smiles", "predicted_logp_rdkit"]
    assert "logp_rdkit: 0.5 asked for" in said
    assert " strings drawn, " in said
    assert "oracle" not in said
    assert asked(checkpoint, *ask[:-1], "again.csv") == 0
    assert rows("again.csv") == found  # the seed decides


def test_rdkit_judges_where_it_is_asked_to(checkpoint, capsys):
    ask = ["--property", "logp=0", "--out", "out.csv", "--within", "logp=0.4", "--judge", "rdkit"]
    assert asked(checkpoint, *ask) == 0
    said = capsys.readouterr().out
    found = [LOGP(row["smiles"]) for row in rows()]
    assert found
    assert max(map(abs, found)) <= 0.4
    (line,) = (line for line in said.splitlines() if line.startswith("oracle calls: "))
    calls = int(line.split()[2].rstrip(","))
    strays = int(said.split(" beyond --within")[0].split()[-1])
    assert calls >= len(found) + strays  # the last batch counts as a whole
    assert strays


def test_the_model_judges_by_its_own_sums():
    model = small_generator()
    sums = model.running
    sums.symbol[:] = torch.tensor([[0.0, 0, 0], [0.5, 1, 0], [-1.0, 1, 0]])  # standardised
    sums._table = None
    wanted = {"logp_rdkit": 0.3}  # the mean: as many carbons as twice the oxygens, or none
    judge = Judge(model.data, wanted, {"logp_rdkit": 0.2})
    found = draw_asked(model, model.data, wanted, 3, judge=judge)
    assert {m.smiles for m in found.molecules} <= {"CCO", "COC"}
    assert found.oracle_calls == 0
    assert found.decoded == 150  # there are no three, and the search ends
    free = draw_asked(model, model.data, {}, 3)
    assert len(free.molecules) == 3


def test_several_values_give_a_folder(checkpoint, capsys, tmp_path):
    ask = ["--property", "logp=0,1", "--out", "series", "--within", "logp=1", "--judge", "rdkit"]
    assert asked(checkpoint, *ask) == 0
    made = json.loads((tmp_path / "series/summary.json").read_text())
    assert made["judge"] == "rdkit"
    assert made["oracle_calls"] > 0
    assert [row["asked"] for row in made["values"]] == [0, 1]
    assert made["overall"]["rdkit_mae"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--property", "tpsa=1"], "knows no 'tpsa', only logp_rdkit, weight_rdkit"),
        (["--property", "psa=1"], "knows no 'psa', only logp_rdkit, weight_rdkit"),
        (["--property", "weight=-3"], "weight_rdkit is at least 1, got -3"),
        (["--property", "logp=high"], "--property must be logp_rdkit=number, got 'logp=high'"),
        (["--property", "logp=1", "--within", "weight=1"], "--within: no weight_rdkit was asked"),
        (["--property", "logp=1", "--judge", "rdkit"], "--judge rdkit: say how near molecules"),
        (["--like", "CCO"], "cannot read those of --like: give --property logp_rdkit=…"),
    ],
)  # fmt: skip
def test_bad_questions_are_one_sentence(arguments, message, checkpoint, capsys, tmp_path):
    assert asked(checkpoint, "--out", "x.csv", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_a_value_far_from_the_data_is_said(checkpoint, capsys):
    assert asked(checkpoint, "--property", "logp=9", "--out", "out.csv") == 0
    assert "logp_rdkit=9 is 12.4 standard deviations from the mean" in capsys.readouterr().out


def test_a_model_without_sums_cannot_judge(tmp_path, capsys):
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(small_generator(estimates="none"))
    path = tmp_path / "blind.ckpt"
    trainer.save_checkpoint(path)
    ask = ["--property", "logp=0", "--out", "out.csv", "--within", "logp=0.5"]
    assert asked(path, *ask) == 2
    assert "knows no property to judge by: give --judge rdkit" in capsys.readouterr().err
    assert asked(path, *ask, "--judge", "rdkit") == 0
    assert "predicted_logp_rdkit" not in rows()[0]

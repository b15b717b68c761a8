"""Checkpoints that come with the package: small, whole, what their cards say, used by name."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import symmetry_pl
from symmetry_pl.checkpoints.make import make
from symmetry_pl.cli import main
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.runs.named import checkpoint_path, named_checkpoints

RESULTS = Path(__file__).parents[2] / "docs" / "results"
NAMED = named_checkpoints()
NAME = "zinc-token-flow"


@pytest.mark.parametrize("name", NAMED)
def test_a_card_says_what_is_there(name):
    found = NAMED[name]
    assert hashlib.sha256(found.path.read_bytes()).hexdigest() == found.card["sha256"]
    checkpoint = Checkpoint.read(found.path)
    assert checkpoint.class_path.endswith(found.card["model"])
    assert checkpoint.data is not None
    assert checkpoint.data.target_labels == found.card["targets"]
    weights = checkpoint.state["state_dict"].values()
    assert {w.dtype for w in weights if w.is_floating_point()} == {torch.float16}
    model = checkpoint.model()
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", NAMED)
def test_a_cards_figures_are_those_of_the_results(name):
    source = NAMED[name].card["results"]
    if source is None:
        assert NAMED[name].card["note"]
        return
    rows = json.loads((RESULTS / f"{source['file']}.json").read_text())["rows"]
    for metric, value in NAMED[name].card["figures"].items():
        wanted = {"system": source["system"], "metric": metric}
        if source["dataset"] is not None:
            wanted["dataset"] = source["dataset"]
        row = next(r for r in rows if wanted.items() <= r.items())
        assert row["values"][row["seeds"].index(source["seed"])] == pytest.approx(value, abs=1e-6)


def test_all_of_them_are_small():
    assert sum(found.path.stat().st_size for found in NAMED.values()) <= 25e6


def test_the_command_lists_them_and_shows_a_card(capsys):
    assert main(["checkpoints"]) == 0
    assert NAME in capsys.readouterr().out
    assert main(["checkpoints", NAME]) == 0
    assert NAMED[NAME].card["sha256"] in capsys.readouterr().out
    assert main(["checkpoints", "zinc-tokn-flow"]) == 2
    assert f"did you mean {NAME}?" in capsys.readouterr().err


def test_predictions_by_name_are_the_users(tmp_path, capsys):
    """By the command line and in Python alike, in a folder of the user's; five writings are one."""
    writings = ["Cc1ccccc1O", "CC1=CC=CC=C1O", "CC1=C(O)C=CC=C1", "c1ccc(c(C)c1)O", "Oc1ccccc1C"]
    Path("new.csv").write_text("\n".join(["smiles", *writings]) + "\n")
    new = ["--data", "PredictionCSVDataModule", "--data.path", "new.csv"]
    assert main(["predict", "--ckpt_path", NAME, *new]) == 0
    table = tmp_path / "lightning_logs" / NAME / "version_0" / "predictions_new.csv"
    rows = list(csv.DictReader(table.open()))
    found = [float(row["qed_rdkit"]) for row in rows]
    assert len(rows) == 5
    assert len(set(found)) == 1
    model = symmetry_pl.load(NAME)
    np.testing.assert_allclose(model.predict(writings)[:, 0], found, atol=1e-6)
    with_config = ["fit", "--config", "stib/zinc_token_flow.yaml", "--ckpt_path", NAME]
    assert main(with_config) == 2
    assert "start from its weights with --init_weights" in capsys.readouterr().err


def test_one_that_is_made_reads_as_before(tmp_path):
    made = tmp_path / "again"
    run = NAMED[NAME].folder
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    for part in ("config.yaml", "checkpoints/last.ckpt"):
        (tmp_path / "run" / part).write_bytes((run / part).read_bytes())
    (tmp_path / "run/metrics.json").write_text('{"commit": "abc"}')
    card = make(tmp_path / "run", made, "again", None, {"x": 1.0})
    assert (card["commit"], card["name"], card["figures"]) == ("abc", "again", {"x": 1.0})
    old, new = (
        Checkpoint.read(p) for p in (checkpoint_path(NAME, "x"), made / "checkpoints/last.ckpt")
    )
    assert old.data == new.data
    weights = new.state["state_dict"]
    assert all(torch.equal(v, weights[k]) for k, v in old.state["state_dict"].items())

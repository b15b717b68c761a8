"""A fit that starts from a model of other data: through the command line, to the last command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
import yaml

from symmetry_pl.cli import main
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.runs.folders import config_root

pytestmark = pytest.mark.usefixtures("quick_probes", "small_zinc")

TWINS = Path(__file__).parents[1] / "conf" / "stib"
OWN = ["--config", str(config_root() / "stib/own_molecules.yaml")]
OWN += ["--config", str(TWINS / "own_molecules.yaml")]


@pytest.fixture
def before(tmp_path):
    """A model of the small ZINC, with fragments."""
    config = ["--config", str(config_root() / "stib/zinc_token_flow.yaml")]
    config += ["--config", str(TWINS / "zinc_token_flow.yaml")]
    assert main(["fit", *config, "--run_name", "before"]) == 0
    return tmp_path / "lightning_logs/before/version_0/checkpoints/last.ckpt"


def own_table(folder, count=90):
    """Molecules with an element that the model before never saw, and a property of their own."""
    with (folder / "zinc250k.csv").open() as file:
        smiles = [row["smiles"] for row in csv.DictReader(file)][:count]
    lines = [f"{s}{'[Se]C' if i % 3 == 0 else ''},{len(s)}" for i, s in enumerate(smiles)]
    (folder / "own.csv").write_text("\n".join(["smiles,length", *lines]) + "\n")
    data = ["--data.path", "own.csv", "--data.property_columns", "[length]"]
    return [*data, "--data.on_invalid", "drop", "--data.batch_size", "16"]


def test_fit_resume_test_predict_and_generate(tmp_path, before):
    data = own_table(tmp_path)
    fit = ["fit", *OWN, *data, "--init_from", str(before), "--run_name", "own"]
    assert main([*fit, "--trainer.max_epochs", "1"]) == 0
    run = tmp_path / "lightning_logs/own/version_0"
    last = run / "checkpoints/last.ckpt"
    old, new = Checkpoint.read(before).data, Checkpoint.read(last).data
    added = [s for s in new.symbols if s not in old.symbols]
    assert added
    assert all(" " not in s for s in added)
    assert [s for s in new.symbols if s in old.symbols] == list(old.symbols)
    assert any(" " in s for s in new.symbols)  # fragments of the model before
    assert new.target_names == ("length",)

    assert main([*fit, "--trainer.max_epochs", "2", "--ckpt_path", str(last)]) == 0
    assert Checkpoint.read(last).state["epoch"] == 1
    for command in ("test", "predict"):
        assert main([command, "--ckpt_path", str(last)]) == 0
    figures = json.loads((run / "metrics.json").read_text())["metrics"]
    assert figures["test/smiles_accuracy"] == 1.0
    rows = list(csv.DictReader((run / "predictions.csv").open()))
    assert "length" in rows[0]
    asked = ["--property", "length=20", "--n", "3", "--out", "new.csv"]
    assert main(["generate", "--ckpt_path", str(last), *asked]) == 0


def test_weights_are_those_of_the_model_before(tmp_path, before):
    data = own_table(tmp_path)
    frozen = yaml.safe_dump({"model": {"init_args": {"players": {
        name: {"lr": 1e-12, "weight_decay": 0.0} for name in ("encoder", "model")
    }}}})  # fmt: skip
    Path("still.yaml").write_text(frozen)
    fit = ["fit", *OWN, "--config", "still.yaml", *data, "--init_from", str(before)]
    assert main([*fit, "--run_name", "own", "--trainer.max_epochs", "1"]) == 0
    last = tmp_path / "lightning_logs/own/version_0/checkpoints/last.ckpt"
    old, new = Checkpoint.read(before), Checkpoint.read(last)
    places = [new.data.symbols.index(s) for s in old.data.symbols]
    name = "flow.model.embedding.weight"
    weights = new.state["state_dict"][name][places]
    torch.testing.assert_close(weights, old.state["state_dict"][name])


def test_what_cannot_be_started_from_is_one_sentence(tmp_path, before, capfd):
    data = own_table(tmp_path)
    refused = {
        ("--init_from", "zinc-tokn-flow"): "--init_from: there is no checkpoint zinc-tokn-flow",
        ("--init_from", str(before), "--init_weights", str(before)): "exclude each other",
        ("--init_from", str(before), "--data.fragments", "9"): "data.fragments is 9",
        ("--init_from", str(before), "--model.width", "24"): "give the model the options it was",
    }
    for options, sentence in refused.items():
        assert main(["fit", *OWN, *data, *options, "--run_name", "refused"]) == 2
        said = capfd.readouterr().err.splitlines()
        assert sentence in said[-1]
        assert not (tmp_path / "lightning_logs/refused").exists()

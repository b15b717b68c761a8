"""What the command line does beyond Lightning's."""

import json
import sys
import warnings
from pathlib import Path

import pytest
import torch

from symmetry_pl import CVIB, FlowSTIB
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.runs.folders import config_root, newest_run, next_run, run_of_checkpoint

pytestmark = pytest.mark.usefixtures("quick_probes")

TWINS = Path(__file__).parent / "conf"


def configs(name):
    return ["--config", f"{config_root() / name}.yaml", "--config", f"{TWINS / name}.yaml"]


@pytest.fixture
def trained(tmp_path, capsys):
    """A tiny CVIB run."""
    assert main(["fit", *configs("stib/paper/spiral_cvib")]) == 0
    capsys.readouterr()
    return tmp_path / "lightning_logs/stib/paper/spiral_cvib/version_0/checkpoints/last.ckpt"


def test_what_a_checkpoint_overrides_is_said(trained, capsys, caplog):
    caplog.set_level("INFO", logger="pytorch_lightning")
    arguments = ["test", *configs("stib/paper/spiral_cvib"), "--model.pair_weight=7"]
    assert main([*arguments, f"--ckpt_path={trained}"]) == 0
    said = capsys.readouterr().err + caplog.text
    assert "model.init_args.pair_weight: 7.0 (config) becomes 1.0" in said


def test_a_test_of_random_weights_is_loud(tmp_path):
    with pytest.warns(UserWarning, match="RANDOM weights"):
        assert main(["test", *configs("stib/paper/spiral_cvib")]) == 0


def test_a_validation_that_does_not_repeat_is_said(trained):
    path = trained.parents[1] / "metrics.json"
    record = json.loads(path.read_text())
    record["metrics"]["val/mae_x"] += 0.1
    path.write_text(json.dumps(record))
    with pytest.warns(UserWarning, match=r"val/mae_x is .*, but the fit ended with"):
        assert main(["test", f"--ckpt_path={trained}"]) == 0


def test_weights_to_start_from(trained, tmp_path, caplog, capsys):
    caplog.set_level("INFO", logger="pytorch_lightning")
    fresh = ["fit", *configs("stib/paper/spiral_cvib"), "--trainer.max_epochs=1"]
    fresh.append("--model.players.model.lr=1e-9")
    assert main([*fresh, f"--init_weights={trained}", "--run_name=again"]) == 0
    (again,) = Path(tmp_path / "lightning_logs/again").rglob("last.ckpt")
    old = torch.load(trained, weights_only=True)["state_dict"]
    new = torch.load(again, weights_only=True)["state_dict"]
    for key, value in old.items():
        torch.testing.assert_close(new[key], value, atol=1e-6, rtol=0)
    assert main([*fresh, "--init_weights=nowhere.ckpt"]) == 2
    wider = "--model.autoencoder_options={width: 9, depth: 1}"
    assert main([*fresh, wider, f"--init_weights={trained}"]) == 2
    assert "fits another model: size mismatch" in capsys.readouterr().err


def test_load_from_checkpoint_needs_nothing_else(trained):
    model = CVIB.load_from_checkpoint(trained)
    saved = torch.load(trained, weights_only=True)
    for key, value in model.state_dict().items():
        assert torch.equal(value, saved["state_dict"][key]), key
    assert model.pair_weight == 1
    assert model.data is not None
    assert model.data.target_names == ("y0", "y1")


def test_hyperparameters_of_python_use_are_complete_and_plain():
    players = {"model": {"lr": 1e-3}}
    model = FlowSTIB(z1_dim=2, flow_options={"bins": 5}, thorough_every=4, players=players)
    assert model.hparams["z1_dim"] == 2
    assert model.hparams["thorough_every"] == 4
    assert model.hparams["players"] == players
    assert model.hparams["flow_options"] == {"bins": 5}
    assert model.hparams["leakage_points"] == 2000
    twin = FlowSTIB(**model.hparams)
    for each in (model, twin):
        each.describe_data(DataDescription("vector", (3,), ("y",)))
    assert [p.shape for p in twin.parameters()] == [p.shape for p in model.parameters()]


def test_other_data_than_the_checkpoints_are_refused(trained, capsys, monkeypatch):
    from symmetry_pl.datamodules.vectors.spiral import SpiralDataModule

    other = DataDescription("vector", (2,), ("gap", "alpha"))
    monkeypatch.setattr(SpiralDataModule, "description", other)
    assert main(["test", f"--ckpt_path={trained}"]) == 2
    assert "trained on other data" in capsys.readouterr().err


def test_run_folders_count_up(tmp_path):
    assert next_run(tmp_path / "a").name == "version_0"
    for k in (0, 2, 10):
        (tmp_path / f"a/version_{k}/checkpoints").mkdir(parents=True)
    assert next_run(tmp_path / "a").name == "version_11"
    (tmp_path / "a/version_2/checkpoints/last.ckpt").touch()
    assert newest_run(tmp_path / "a", "last").name == "version_2"
    with pytest.raises(FileNotFoundError, match=r"no run under .* has checkpoints/best\.ckpt"):
        newest_run(tmp_path / "a", "best")
    checkpoint = tmp_path / "a/version_2/checkpoints/last.ckpt"
    assert run_of_checkpoint(str(checkpoint)).name == "version_2"


def test_shipped_configs_are_found_from_anywhere(capsys):
    for form in (["--config", "stib/spiral.yaml"], ["--config=stib/spiral.yaml"]):
        with pytest.raises(SystemExit) as done:
            main(["fit", *form, "--print_config"])
        assert done.value.code == 0
        assert "SpiralDataModule" in capsys.readouterr().out


def test_modules_of_ones_own_lie_in_the_working_directory(tmp_path, monkeypatch):
    inside = {"", ".", str(tmp_path)}
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in inside])  # as of a script
    Path("my_method.py").write_text("from symmetry_pl import CVIB\n\n\nclass Mine(CVIB): ...\n")
    assert main(["fit", *configs("stib/paper/spiral_cvib"), "--model=my_method.Mine"]) == 0
    assert sys.path[-1] == str(tmp_path)  # what is installed comes first
    (checkpoint,) = Path().rglob("last.ckpt")
    assert main(["test", f"--ckpt_path={checkpoint}"]) == 0
    sys.modules.pop("my_method")


def test_loggers_and_checkpoints_can_be_switched_off(tmp_path):
    quiet = ["--trainer.logger=false", "--trainer.enable_checkpointing=false"]
    assert main(["fit", *configs("stib/paper/spiral_cvae"), *quiet]) == 0
    assert not list(tmp_path.rglob("*.ckpt"))
    assert main(["fit", *configs("stib/paper/spiral_cvae"), "--trainer.fast_dev_run=true"]) == 0


MOLECULES = "\n".join(["smiles,gap", *(f"{'C' * n}{e},{n}" for n in range(1, 9) for e in "ONF")])
OWN = """
seed_everything: 0
threads: 1
trainer: {max_epochs: 1, log_every_n_steps: 1}
model:
  class_path: STIB
  init_args:
    autoencoder: residual_tokens
    autoencoder_options: {width: 8, hidden: 8}
    latent_dim: 3
    z1_dim: 1
    predictor_options: {width: 8, depth: 1}
    critic_width: 8
data:
  class_path: SmilesCSVDataModule
  init_args: {path: own.csv, property_columns: [gap], units: {gap: eV}, batch_size: 4}
"""


@pytest.fixture
def own_molecules(tmp_path):
    """A chemist's file and config, in the working folder."""
    (tmp_path / "own.csv").write_text(MOLECULES + "\n")
    (tmp_path / "own.yaml").write_text(OWN)
    return tmp_path


def test_molecules_of_another_file_are_predicted(own_molecules, capsys):
    assert main(["fit", "--config=own.yaml"]) == 0
    run = own_molecules / "lightning_logs/own/version_0"
    (own_molecules / "own.csv").unlink()  # what it was trained on is not needed any more
    (own_molecules / "new.csv").write_text("name,smiles\na,OCC\nb,CCS\nc,NCCC\nd,FC\n")
    predict = ["predict", f"--ckpt_path={run}/checkpoints/last.ckpt"]
    predict += ["--data=PredictionCSVDataModule", "--data.path=new.csv"]
    assert main(predict) == 2
    assert (
        "row 1 on line 3, column 'smiles' ('CCS'): the model has never seen the symbol 'S'"
        in capsys.readouterr().err
    )
    assert not list(run.glob("predictions*"))
    with pytest.warns(UserWarning, match="1 unusable row: .*left out"):
        assert main([*predict, "--data.on_invalid=drop"]) == 0
    header, *lines = (run / "predictions_new.csv").read_text().splitlines()
    names = ["as_written", "row", "smiles", "reconstruction", "gap_eV"]
    assert header.split(",")[:5] == names
    assert [line.split(",")[:3] for line in lines] == [
        ["OCC", "0", "CCO"],
        ["NCCC", "2", "CCCN"],
        ["FC", "3", "CF"],
    ]
    fresh = ["predict", "--config=own.yaml", *predict[2:]]
    assert main(fresh) == 2
    assert "use it with symmetry predict --ckpt_path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (MOLECULES + "\nC1CC,1\nCCC\nCCCO,nan\n", "3 unusable rows"),
        (MOLECULES.replace("gap", "Gap"), "has no column 'gap' (data.property_columns)"),
        ("", "(data.path) is empty"),
        (None, "there is no file own.csv (data.path)"),
    ],
)
def test_a_refusal_leaves_nothing_that_looks_like_a_run(own_molecules, content, words, capsys):
    (own_molecules / "own.csv").unlink()
    if content is not None:
        (own_molecules / "own.csv").write_text(content)
    assert main(["fit", "--config=own.yaml"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in error
    assert error.startswith("symmetry: error: ")
    left = [path.name for path in own_molecules.glob("lightning_logs/**/*") if path.is_file()]
    listed = "bad_rows.csv" if "unusable rows" in words else None
    assert left == ([listed] if listed else [])
    assert not list(own_molecules.glob("lightning_logs/**/version_*"))
    assert not listed or error.endswith(f" listed in lightning_logs/own/{listed}")


def test_a_refusal_leaves_other_runs_alone(own_molecules):
    (own_molecules / "lightning_logs/own/version_0").mkdir(parents=True)
    length = "--model.autoencoder_options={length: 8, symbols: 5, width: 8, hidden: 8}"
    assert main(["fit", "--config=own.yaml", length]) == 2  # the model refuses the data
    assert [p.name for p in own_molecules.glob("lightning_logs/own/*")] == ["version_0"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("--data.split_seed=1", "gap = "),  # other training molecules have another scale
        ("O to S", "with the symbols 'S'"),  # a vocabulary of the same size
    ],
)
def test_weights_start_only_on_their_data(own_molecules, change, words, capsys):
    fit = ["fit", "--config=own.yaml", "--trainer.limit_val_batches=0"]
    assert main(fit) == 0
    weights = own_molecules / "lightning_logs/own/version_0/checkpoints/last.ckpt"
    if change == "O to S":
        (own_molecules / "own.csv").write_text(MOLECULES.replace("O", "S") + "\n")
        change = "--trainer.max_epochs=1"
    capsys.readouterr()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert main([*fit, change, f"--init_weights={weights}"]) == 2
    loud = any("WERE TRAINED ON" in str(w.message) for w in said)
    assert loud == ("split_seed" in change)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"--init_weights: the checkpoint {weights} was trained on other data" in error
    assert words in error
    assert not (own_molecules / "lightning_logs/own/version_1").exists()

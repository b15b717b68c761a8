"""Whole runs in processes of their own: DDP, kill -9 and resume, errors on the command line."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from processes import command_in_process, fit_in_processes, free_port

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root

TWINS = Path(__file__).parent / "conf"
DOUBLE = "--data.dtype=float64"
# each process would drop units of its own
NO_DROPOUT = "--model.generative_options={widths: [16], layers: 2, dropout: 0, scale: data}"


def command(*arguments):
    return [sys.executable, "-m", "symmetry_pl", *map(str, arguments)]


def environment():
    root, port = str(Path(__file__).parents[1]), str(free_port())
    return {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": port, "PYTHONPATH": root}


def configs(name):
    return ["--config", config_root() / f"{name}.yaml", "--config", TWINS / f"{name}.yaml"]


def fit(name, root, *arguments):
    done = subprocess.run(
        command("fit", *configs(name), f"--log_root={root}", *arguments),
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return last_checkpoint(root), done.stdout + done.stderr


def last_checkpoint(root):
    (checkpoint,) = Path(root).rglob("last.ckpt")
    return torch.load(checkpoint, weights_only=True)


@pytest.mark.ddp
@pytest.mark.parametrize(
    ("name", "players", "options"),
    [
        (
            "stib/paper/spiral_stib",
            ["model", "adversary"],
            ["--data.samples_per_epoch=1200", DOUBLE],
        ),
        ("stib/paper/spiral_cvib", ["model"], ["--data.samples_per_epoch=1200", DOUBLE]),
        # ten steps in each of its parts
        (
            "stib/isomers_flow",
            ["model"],
            [
                "--data.samples_per_epoch=1200",
                "--model.latent_dim=4",
                "--model.phases={autoencoder: 50 %}",
            ],
        ),
        ("stib/zinc_token_flow", ["model", "encoder"], ["--trainer.max_epochs=10"]),
        (
            "lens/paper/gaussian",
            ["symmetry"],
            ["--data.samples=1200", "--model.init_scale=0.3", DOUBLE],
        ),
        (
            "lens/gaussian",
            ["symmetry"],
            ["--data.samples=1200", "--model.conditional_rows=5", DOUBLE],
        ),
        (
            "sgm/paper/dsprites_affine",
            ["inference"],
            ["--data.samples_per_epoch=1200", NO_DROPOUT],
        ),
    ],
)
def test_two_processes_of_30_are_one_of_60(name, players, options, tmp_path, request):
    if "isomers" in name:
        request.getfixturevalue("small_qm9")
    if "zinc" in name:
        request.getfixturevalue("small_zinc")
    common = [
        "--trainer.max_epochs=1",
        "--trainer.limit_val_batches=0",
        "--trainer.precision=64-true",
        *(f"--model.players.{player}.lr=1e-3" for player in players),
        *options,
    ]
    one, two = ([*configs(name), f"--log_root={tmp_path / n}", *common] for n in ("one", "two"))
    assert main(["fit", *map(str, one), "--data.batch_size=60"]) == 0
    alone = last_checkpoint(tmp_path / "one")
    # plain ddp: a module tells it what a game needs
    ddp = ["--trainer.devices=2", "--trainer.strategy=ddp", "--data.batch_size=30"]
    fit_in_processes([*two, *ddp])
    both = last_checkpoint(tmp_path / "two")
    assert alone["symmetry_pl"]["batches_seen"] == both["symmetry_pl"]["batches_seen"] == 20
    for key, value in alone["state_dict"].items():
        torch.testing.assert_close(
            both["state_dict"][key], value, atol=1e-8, rtol=0, equal_nan=True, msg=key
        )


@pytest.mark.ddp
def test_two_processes_are_warned_of_nothing(tmp_path):
    """A method that plays no game, with validations: Lightning and torch have nothing to say."""
    name, said = "stib/spiral_flow", tmp_path / "said.txt"
    ddp = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    fit_in_processes([*configs(name), f"--log_root={tmp_path}", *ddp], said=said)
    output = said.read_text()
    assert "Starting with 2 processes" in output
    for words in ("sync_dist", "unused", "find_unused_parameters"):
        assert words not in output, output


def test_killed_and_resumed_is_uninterrupted(tmp_path):
    # one bad start is among the batches that are repeated, as the tiny target phase cannot succeed
    name, options = "stib/spiral", ["--trainer.max_epochs=6", "--data.samples_per_epoch=1600"]
    options += ["--trainer.limit_val_batches=0", "--model.max_restarts=1"]
    root = tmp_path / "whole"
    assert main(["fit", *map(str, configs(name)), f"--log_root={root}", *options]) == 0
    whole = last_checkpoint(root)
    root = tmp_path / "killed"
    arguments = ["fit", *configs(name), f"--log_root={root}", *options]
    process = command_in_process(arguments, tmp_path / "said.txt")
    checkpoint = root / name / "version_0" / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 300
    while not (checkpoint.is_file() and torch.load(checkpoint, weights_only=True)["epoch"] >= 2):
        assert process.is_alive(), "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.join()
    assert torch.load(checkpoint, weights_only=True)["epoch"] < 5
    assert main([*map(str, arguments), "--ckpt_path=last"]) == 0
    resumed = last_checkpoint(root)
    assert (root / name / "version_0" / "config_resume_0.yaml").is_file()
    assert (root / name / "version_0" / "metrics_until_resume_0.csv").is_file()
    assert not (root / name / "version_1").exists()
    assert resumed["symmetry_pl"] == whole["symmetry_pl"]
    assert whole["symmetry_pl"]["restarts"] == 1
    for key, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][key]), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.z1_dim=2"], "leave dimensions to Z0: between 1 and latent_dim 2 - 1"),
        (["--model.lambda_growth=-0.5"], "lambda_growth must be positive"),
        (["--data.samples_per_epoch=0"], "an empty split"),
        (["--ckpt_path=nowhere.ckpt"], "there is no checkpoint nowhere.ckpt"),
        (["--ckpt_path=last"], "no run under"),
        (["--model.autoencoder_options.widht=3"], "no option 'widht'"),
        (["--model.lerning_rate=3"], "lerning_rate"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(arguments, message, capsys):
    try:
        code = main(["fit", *map(str, configs("stib/spiral")), *arguments])
    except SystemExit as done:  # argument parsing itself
        code = done.code
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


BAD_TABLES = {
    "unparsable SMILES": ("qm9.csv", "smiles,gap,alpha\nC1CC,0.3,75\n", "'smiles' ('C1CC')"),
    "NaN target": ("qm9.csv", "smiles,gap,alpha\nCCO,nan,75\n", "not a number"),
    "empty split": ("qm9.csv", "smiles,gap,alpha\nCC12CC3(CC(O)C13)O2,0.3,75\n", "set is empty"),
    "missing column": ("qm9.csv", "smiles,gap\nCCO,0.3\n", "no column for polarisability"),
    "wrong checksum": ("dsgdb9nsd.xyz.tar.bz2", "not an archive", "which is not that of https://"),
}


@pytest.mark.parametrize("what", BAD_TABLES)
def test_bad_data_are_one_sentence_and_an_exit_code(what, tmp_path, capsys):
    name, text, message = BAD_TABLES[what]
    (tmp_path / name).write_text(text)
    arguments = ["fit", *map(str, configs("stib/isomers")), f"--data.root={tmp_path}"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()[-1].split(". ")) == 1, error


def test_version_and_help():
    done = subprocess.run(command("--version"), env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    assert "symmetry" in done.stdout

"""The command line's own: what it names, refuses, records, and leaves in a run's folder."""

import json
import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import yaml

from symmetry_pl.cli import COMMANDS, main
from symmetry_pl.core import DataDescription
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.datamodules import QM9DataModule, ZINCDataModule
from symmetry_pl.runs.folders import config_root

pytestmark = pytest.mark.usefixtures("quick_probes")

NAME = "stib/paper/spiral_cvae"
ROOT = Path(__file__).parents[2]
TWIN = ROOT / "tests/conf" / f"{NAME}.yaml"
FIT = ["fit", "--config", f"{config_root() / NAME}.yaml", "--config", str(TWIN)]


def in_a_process(*arguments, code=None, cwd=None):
    """Standard output of the command, or of a program, in a process of its own."""
    program = ["-c", textwrap.dedent(code)] if code else ["-m", "symmetry_pl", *arguments]
    done = subprocess.run(
        [sys.executable, *program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], ["reproduce", "--help"], ["generate", "--help"]]
)
def test_help_imports_nothing_heavy(arguments):
    said = in_a_process(
        code=f"""
        import sys
        from symmetry_pl.cli import main
        try:
            code = main({arguments})
        except SystemExit as done:
            code = done.code
        assert code == 0
        print({{"torch", "pytorch_lightning", "numpy", "matplotlib"}} & set(sys.modules))
        """
    )
    assert said.endswith("set()\n"), said


def test_help_shows_every_command(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    names = ["fit", "validate", "test", "predict", "generate"]
    names += ["export", "checkpoints", "reproduce"]
    assert list(COMMANDS) == names
    assert all(f"\n  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fti"], "no command 'fti': did you mean fit?"),
        ([*FIT, "--model=FlowStib"], "no class FlowStib: did you mean FlowSTIB?"),
        ([*FIT, "--data", "QM9Datamodule"], "no class QM9Datamodule: did you mean QM9DataModule?"),
        ([*FIT, "--config=typo.yaml"], "did you mean SymmetryLens?"),
        ([*FIT, "--trainer.default_root_dir=here"], "use --log_root"),
        ([*FIT, "--ckpt_path=no.ckpt"], "--ckpt_path: no.ckpt is not a checkpoint"),
    ],
)
def test_what_is_misspelt_or_without_effect_is_one_sentence(arguments, words, capsys):
    Path("typo.yaml").write_text("model: {class_path: SymetryLens}\n")
    Path("no.ckpt").write_text("no checkpoint")
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("symmetry: error: ")
    assert words in line
    assert not Path("lightning_logs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "--ckpt_path=a/last.ckpt"], "--ckpt_path: there is no checkpoint a/last.ckpt"),
        (["test", "--ckpt_path", "zinc-flow"], "neither file nor name: did you mean zinc-token-fl"),
        (["test", "--ckpt_path", "last"], "--ckpt_path last is that of a run: say of which with"),
        (["test", "--run_name=a", "--ckpt_path=last"], "no run under lightning_logs/a has checkp"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_one_sentence(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_the_newest_run_of_a_name_needs_no_config(capsys):
    for epochs in (1, 2):
        assert main([*FIT, "--run_name=own", f"--trainer.max_epochs={epochs}"]) == 0
    assert main(["predict", "--run_name", "own", "--ckpt_path", "last"]) == 0
    assert "lightning_logs/own/version_1/predictions.csv" in capsys.readouterr().out


def test_null_in_a_config_is_null_in_that_of_its_run(tmp_path):
    """Else a fit with the config of a run would have defaults where that had nothing."""
    (tmp_path / "null.yaml").write_text("data: {init_args: {samples_per_epoch: null}}\n")
    table = ["fit", "--config", "stib/table.yaml", "--config", "null.yaml"]
    rows = "\n".join(f"{i},{i * i % 7},{i % 5}" for i in range(80))
    (tmp_path / "own.csv").write_text(f"a,b,c\n{rows}\n")
    options = ["--data.path=own.csv", "--data.targets=[c]", "--data.batch_size=16"]
    short = ["--trainer.max_epochs=1", "--trainer.limit_val_batches=0"]
    assert main([*table, *options, *short]) == 0
    config = tmp_path / "lightning_logs/stib/table/version_0/config.yaml"
    assert yaml.safe_load(config.read_text())["data"]["init_args"]["samples_per_epoch"] is None
    assert main(["fit", "--config", str(config)]) == 0
    first, again = (config.parents[1] / f"version_{i}" for i in (0, 1))
    assert (first / "config.yaml").read_text() == (again / "config.yaml").read_text()
    last = [Checkpoint.read(run / "checkpoints/last.ckpt").state for run in (first, again)]
    assert last[0]["global_step"] == last[1]["global_step"] == 4


def test_folders_of_ones_own_shadow_nothing(tmp_path):
    """A config and data of the same names lie in the working folder."""
    (tmp_path / "datamodules").mkdir()
    (tmp_path / "datamodules/__init__.py").write_text("raise RuntimeError('not ours')\n")
    (tmp_path / "old.yaml").write_text("data: {class_path: datamodules.SpiralDataModule}\n")
    options = (["--config=old.yaml"], ["--data=datamodules.SpiralDataModule"], [])
    said = in_a_process(
        code=f"""
        from symmetry_pl.cli import main
        for over in {options}:
            try:
                main(["fit", "--config=configs/{NAME}.yaml", *over, "--print_config"])
            except SystemExit as done:
                assert done.code == 0
            print("---")
        """,
        cwd=tmp_path,
    )
    for over, text in zip(options, said.split("---\n"), strict=False):
        printed = yaml.safe_load(text)["data"]
        assert printed["class_path"] == "symmetry_pl.datamodules.SpiralDataModule"
        if over != ["--data=datamodules.SpiralDataModule"]:  # which begins with its defaults
            assert printed["init_args"]["samples_per_epoch"] == 18000


def run_folder():
    return Path("lightning_logs") / NAME / "version_0"


def record():
    return json.loads((run_folder() / "metrics.json").read_text())


def test_figures_of_two_checkpoints_never_mix():
    assert main(FIT) == 0
    fitted = record()
    assert fitted["checkpoint"] == "last.ckpt"
    assert fitted["fit"]["validated"] == fitted["batches"] == 8
    # another best.ckpt than the last: that of the first epoch
    assert main([*FIT, "--trainer.max_epochs=1", "--run_name=short"]) == 0
    (short,) = Path("lightning_logs/short").rglob("best.ckpt")
    best = run_folder() / "checkpoints/best.ckpt"
    best.write_bytes(short.read_bytes())

    assert main(["test", f"--ckpt_path={best}"]) == 0
    tested = record()
    mine = tested.pop("checkpoints")["best.ckpt"]
    assert tested == fitted
    assert mine["test"]["batches"] == 4
    assert set(mine) == {"validate", "test"}
    assert mine["validate"]["metrics"]["val/mae_x"] != fitted["metrics"]["val/mae_x"]

    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*but the fit ended with.*")
        assert main(["test", f"--ckpt_path={best.with_name('last.ckpt')}"]) == 0
    both = record()
    val = {k: v for k, v in both["metrics"].items() if k.startswith("val/")}
    assert val == {k: v for k, v in fitted["metrics"].items() if k.startswith("val/")}
    assert both["metrics"]["test/mae_x"] != mine["test"]["metrics"]["test/mae_x"]
    assert both["checkpoints"]["best.ckpt"] == mine
    assert (both["batches"], both["fit"]) == (8, fitted["fit"])

    # a fit that goes on leaves no figures of the weights it began with
    assert main([*FIT, "--trainer.max_epochs=3", "--ckpt_path=last"]) == 0
    assert set(record()) == set(fitted)
    assert record()["batches"] == 12


@pytest.mark.parametrize("logger", ["CSVLogger", "true", "false"])
def test_a_run_is_the_same_with_any_logger(logger, tmp_path, capsys):
    options = [f"--trainer.logger={logger}"]
    options += ["--trainer.logger.save_dir=elsewhere"] if logger == "CSVLogger" else []
    assert main([*FIT, *options]) == 0
    folder = run_folder()
    (line,) = (x for x in capsys.readouterr().out.splitlines() if "symmetry test" in x)
    assert main(line.split()[1:]) == 0
    assert {"config.yaml", "metrics.json", "checkpoints"} <= {p.name for p in folder.iterdir()}
    drawn = {p.relative_to(folder).parts[:2] for p in folder.rglob("*.png")}
    assert drawn == {("figures", "val"), ("figures", "test")}
    assert [p.name for p in Path("lightning_logs").iterdir()] == ["stib"]


def test_weights_of_another_split_are_loud(tmp_path):
    from symmetry_pl.datamodules import ImagesDataModule

    known = {"split_seed": 0, "val_fraction": 0.1, "test_fraction": 0.1}
    data = DataDescription("image", (1, 4, 4), extra={"split": known})
    checkpoint = Checkpoint(tmp_path / "a.ckpt", "", data, {}, "--init_weights")
    assert checkpoint.other_split(ImagesDataModule("pictures")) is None
    said = checkpoint.other_split(ImagesDataModule("pictures", split_seed=1))
    assert "was trained with data.split_seed 0: rows that these data hold out WERE" in said


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (QM9DataModule, {"split_seed": 1}, "data.split_seed 0"),
        (QM9DataModule, {"formula": None}, "data.formula C7H10O2"),  # all of it holds isomers
        (ZINCDataModule, {"split_seed": 1}, "data.split_seed 0"),
        (ZINCDataModule, {"test_size": 100}, "data.test_size 5000"),
    ],
)
def test_molecules_know_what_they_hold_out(tmp_path, kind, change, words):
    known = kind().split_identity
    data = DataDescription("tokens", (4,), extra={"split": known})
    checkpoint = Checkpoint(tmp_path / "a.ckpt", "", data, {}, "--ckpt_path")
    assert checkpoint.other_split(kind(batch_size=7)) is None
    assert f"was trained with {words}: rows that these" in checkpoint.other_split(kind(**change))

"""What the command line says of a test wins over the checkpoint, and nothing else of it does."""

from pathlib import Path

import pytest

from symmetry_pl.cli import main
from symmetry_pl.core import SymmetryModule
from symmetry_pl.runs.folders import config_root, read_record
from symmetry_pl.training.tested_options import given_options, put_back

TWIN = Path(__file__).parents[1] / "conf/stib/zinc_targeting.yaml"
CONFIGS = ["--config", str(config_root() / "stib/zinc_targeting.yaml"), "--config", str(TWIN)]


def test_a_method_has_no_such_options_unless_it_says_so():
    assert SymmetryModule.test_options == ()


@pytest.mark.parametrize(
    ("args", "found"),
    [(["--model.protocol={draws: 2}"], ["protocol"]), (["--model.init_args.protocol.draws=2"],
     ["protocol"]), (["--model.protocol", "null"], ["protocol"]), (["--model.width=8"], []),
     (["--model.protocols=8", "--data.protocol=1"], []), ([], [])],
)  # fmt: skip
def test_what_is_given(args, found):
    assert given_options(["test", *args], ("protocol", "other")) == found


def test_what_changes_is_said_and_neighbours_stay():
    model = {"init_args": {"protocol": {"draws": 10, "targets": 5}, "width": 8}}
    given = {"protocol": {"draws": 2, "targets": 5}}
    assert put_back(model, given) == {"model.protocol.draws": (10, 2)}
    assert model == {"init_args": {"protocol": {"draws": 2, "targets": 5}, "width": 8}}
    given["protocol"]["draws"] = 3
    assert model["init_args"]["protocol"]["draws"] == 2  # a copy
    assert put_back(model, {"protocol": {"draws": 2, "targets": 5}}) == {}


def test_the_command_line_of_a_test_wins(small_zinc, capsys, caplog, recwarn):
    caplog.set_level("INFO", logger="pytorch_lightning")
    sums = ["--model.estimates=none", "--model.protocol.targets=2"]  # less to draw
    assert main(["fit", *CONFIGS, "--run_name=own", "--trainer.max_epochs=1", *sums]) == 0
    (checkpoint,) = Path().rglob("last.ckpt")
    test = ["test", f"--ckpt_path={checkpoint}", "--trainer.limit_test_batches=1"]
    assert main(test) == 0
    before = read_record(checkpoint.parents[1] / "metrics.json")
    recwarn.clear()
    assert main([*test, "--model.protocol.draws=2", "--model.width=8"]) == 0
    said = capsys.readouterr().err + caplog.text
    assert "model.init_args.protocol.draws: 1 (checkpoint) becomes 2" not in said
    assert "model.protocol.draws: 1 (checkpoint) becomes 2, in this test alone" in said
    assert "model.init_args.width: 8 (config) becomes 16" in said
    assert not [w for w in recwarn if "but the fit ended with" in str(w.message)]
    after = read_record(checkpoint.parents[1] / "metrics.json")
    other = after.pop("checkpoints")["last.ckpt, model.protocol.draws=2"]
    assert after == before  # what was asked otherwise stands beside it
    assert other["test"]["metrics"].keys() == {n for n in after["metrics"] if n[:4] == "test"}

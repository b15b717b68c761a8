"""Entries deep inside of dict options: one is changed, its neighbours stay."""

import pytest
import yaml

from symmetry_pl.cli import main
from symmetry_pl.runs.folders import config_root
from symmetry_pl.training.entries import with_whole_entries

CONFIG = str(config_root() / "sgm/mnist_affine.yaml")


def options(capsys, *more):
    """What the parser makes of a config and more arguments."""
    with pytest.raises(SystemExit) as done:
        main(["fit", "--config", CONFIG, *more, "--print_config"])
    assert done.value.code == 0
    return yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]


@pytest.mark.parametrize(
    ("argument", "value", "place"),
    [
        ("--model.players.inference.lr=1e-3", 1e-3, ("players", "inference", "lr")),
        ("--model.phases.ssl=1 epoch", "1 epoch", ("phases", "ssl")),
        ("--model.players.flow.in_phase.ssl.lr=1e-5", {"ssl": {"lr": 1e-5}},
         ("players", "flow", "in_phase")),
        ("--model.players.inference.clip_norm=null", None, ("players", "inference", "clip_norm")),
        ("--model.players.flow={clip_norm: null}", {"clip_norm": None}, ("players", "flow")),
        ("--model.inference_options.widths=[]", [], ("inference_options", "widths")),
    ],
)  # fmt: skip
def test_one_entry_is_changed_and_no_other(argument, value, place, capsys):
    expected = options(capsys)
    *way, last = place
    inner = expected
    for step in way:
        inner = inner[step]
    inner[last] = value
    assert options(capsys, argument) == expected
    assert options(capsys, *argument.split("=")) == expected  # the value as a word of its own


def test_arguments_count_in_their_order(capsys, tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text("model: {init_args: {players: {inference: {lr: 5e-3, warmup: 1 epoch}}}}")
    found = options(
        capsys, "--model.players.inference.lr=1", "--config", str(over),
        "--model.players.inference.end=0", "--model.players.flow.lr=2",
        "--model.players.flow.start=0.5",
    )["players"]  # fmt: skip
    assert found["inference"] == {"lr": 5e-3, "warmup": "1 epoch", "end": 0.0}
    assert found["flow"] == {"lr": 2.0, "start": 0.5}


def test_what_is_not_deep_is_left_as_it_is():
    arguments = [
        "fit", "--config", "nowhere.yaml", "--trainer.max_epochs=3", "--model.copies", "2",
        "--model=SGM", "--model.phases.ssl=1 epoch", "--print_config",
    ]  # fmt: skip
    assert with_whole_entries(arguments) == arguments
    assert with_whole_entries(["fit", "--model.help", "SGM"]) == ["fit", "--model.help", "SGM"]
    broken = ["fit", "--model.players={flow: [", "--config"]
    assert with_whole_entries(broken) == broken


def test_a_mistake_deep_inside_is_named(capsys):
    assert main(["fit", "--config", CONFIG, "--model.players.inference.rate=1"]) == 2
    assert "rate" in capsys.readouterr().err

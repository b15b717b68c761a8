"""Options of players: a config's over a method's, by phase, and schedules by leg."""

import pytest
import torch
from torch import nn

from symmetry_pl.core import Phases, Player
from symmetry_pl.core.players import check_options

PHASES = Phases(("target", "play", "finetune"), "play", {"target": "2 epochs", "finetune": "25 %"},
                total=80, per_epoch=10)  # fmt: skip


def player(legs=(), **options):
    return Player([nn.Linear(2, 2)], {"lr": 2.0, **options}, legs)


def rates(player, *clocks):
    return [player.settings(PHASES, clock, {})["lr"] for clock in clocks]


def test_a_schedule_runs_once_over_each_leg():
    game = player([("target", "play"), ("finetune",)], schedule="geometric", end=0.01)
    assert rates(game, 0, 30, 60, 70) == pytest.approx([2.0, 0.2, 2.0, 0.2])
    late = player([("finetune",)], schedule="geometric", end=0.01)
    assert rates(late, 0, 59, 70, 80) == pytest.approx([2.0, 2.0, 0.2, 0.02])
    early = player([("target",)], schedule="geometric", end=0.01)
    assert rates(early, 10, 20, 79) == pytest.approx([0.2, 0.02, 0.02])


def test_a_warmup_is_a_length_or_a_share_of_the_leg():
    legs = [("play",)]
    for warmup in ("25 %", "1 epoch", "10 batches"):
        warm = player(legs, warmup=warmup, start=0.5)
        assert rates(warm, 20, 25, 30, 59) == pytest.approx([1.0, 1.5, 2.0, 2.0])


def test_options_of_a_phase_hold_in_that_phase_alone():
    own = player(in_phase={"target": {"schedule": "constant"}}, schedule="cosine", end=0.0)
    given = own.within({"in_phase": {"target": {"lr": 5.0, "clip_norm": 1.0}}, "end": 0.1})
    assert rates(given, 0, 19) == [5.0, 5.0]
    assert rates(given, 80) == pytest.approx([0.2])
    assert given.option("clip_norm", "target") == 1.0
    assert given.option("clip_norm", "play") is None
    assert own.options["in_phase"] == {"target": {"schedule": "constant"}}


def test_options_of_the_optimiser_change_by_phase_and_come_back():
    decayed = player(optimizer="adamw", in_phase={"finetune": {"weight_decay": 0.5}})
    optimiser = decayed.build()
    found = [
        decayed.settings(PHASES, clock, optimiser.defaults)["weight_decay"] for clock in (0, 70)
    ]
    assert found == [0.01, 0.5]


def test_the_optimiser_is_the_one_asked_for():
    built = player(optimizer="adamw", betas=[0.5, 0.9], eps=1e-7, weight_decay=0.1).build()
    assert isinstance(built, torch.optim.AdamW)
    assert built.defaults["betas"] == (0.5, 0.9)
    assert (built.defaults["eps"], built.defaults["weight_decay"]) == (1e-7, 0.1)
    assert len(player().moved) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": [0.9]}, "two numbers"),
        ({"eps": 0}, "positive"),
        ({"clip_norm": 0.0}, "or null for none"),
        ({"end": -0.1}, "at least 0"),
        ({"schedule": "geometric", "end": 0.0}, "positive on a geometric"),
        ({"warmup": 0.1}, "is a length"),
        ({"in_phase": {"target": {"warm": 1}}}, r"a\.in_phase\.target has no option 'warm'"),
        (3, "by name"),
    ],
)
def test_what_is_no_option_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        check_options("a", options)

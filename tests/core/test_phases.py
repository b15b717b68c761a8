"""Lengths, phases and the progress within them."""

import pytest

from symmetry_pl.core.phases import Phases, in_batches, leading_epochs, parse_length

NAMES = ("target", "pretrain", "ramp", "play", "finetune")


def phases(total=160, per_epoch=10, **lengths):
    return Phases(NAMES, "play", lengths, total, per_epoch)


@pytest.mark.parametrize("bad", ["2", "epochs", "-1 epochs", "2 hours", "nan %", "120 %", 3, None])
def test_what_is_no_length_is_refused(bad):
    with pytest.raises(ValueError, match=r"model\.y_ramp is"):
        parse_length(bad, "model.y_ramp")


def test_units():
    for length, batches in [("1 epoch", 10), ("2.5 epochs", 25), ("1 batch", 1), ("25%", 40)]:
        assert in_batches(length, "", 160, 10) == batches


def test_every_batch_has_one_phase_and_the_rest_takes_what_is_left():
    plan = phases(target="2 epochs", ramp="5 batches", finetune="25 %")
    found = [plan.at(i)[0] for i in range(160)]
    assert [found.count(name) for name in NAMES] == [20, 0, 5, 95, 40]
    assert sorted(found, key=NAMES.index) == found
    assert plan.at(160) == ("finetune", 1.0)
    assert plan.at(10) == ("target", 0.5)
    assert plan.span("ramp", "play") == (20, 120)
    assert plan.span() == (0, 160)


def test_progress_of_a_phase_of_no_length_is_a_step():
    plan = phases(target="2 epochs")
    assert [plan.progress(i, "ramp") for i in (19, 20)] == [0.0, 1.0]
    assert [plan.progress(i, "target") for i in (0, 5, 20, 99)] == [0.0, 0.25, 1.0, 1.0]


def test_more_than_there_is_is_refused():
    with pytest.raises(ValueError, match=r"take 170 batches and training has 160"):
        phases(target="9 epochs", ramp="8 epochs")


def test_data_follow_whole_epochs_of_the_first_phases():
    lengths = {"pretrain": "11 epochs", "finetune": "25 %"}
    assert leading_epochs(NAMES, "play", lengths, ["pretrain"], 16, "data.wide_in") == 11
    assert leading_epochs(NAMES, "play", lengths, ["pretrain", "ramp", "play"], 16, "") == 12
    assert leading_epochs(NAMES, "play", lengths, [], 16, "") == 0
    for bad, message in [
        (["warm"], "names no phase"),
        (["finetune"], "from the first one on"),
    ]:
        with pytest.raises(ValueError, match=message):
            leading_epochs(NAMES, "play", lengths, bad, 16, "data.wide_in")
    with pytest.raises(ValueError, match="give it epochs"):
        leading_epochs(NAMES, "play", {"target": "5 batches"}, ["target"], 16, "data.wide_in")
    with pytest.raises(ValueError, match="whole epochs"):
        leading_epochs(NAMES, "play", {"target": "30 %"}, ["target"], 16, "data.wide_in")

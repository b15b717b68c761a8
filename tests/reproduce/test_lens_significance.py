"""The count of wrong verdicts is of all laws that there are."""

from symmetry_pl.datamodules.vectors.laws import PLANTED, WITHOUT
from symmetry_pl.reproduce.lens_significance import EXPERIMENT


def test_every_law_is_counted_and_often_enough():
    without = [system for system in EXPERIMENT.systems if not system.own]
    planted = [system for system in EXPERIMENT.systems if system.own]
    # of a walk a rotation makes a law that is stationary but for its ends
    assert [system.dataset for system in without] == [law for law in WITHOUT if law != "walk"]
    assert {system.dataset.removesuffix("_planted") for system in planted} == set(PLANTED)
    assert sum(len(system.seeds) for system in without) >= 200
    assert sum(len(system.seeds) for system in planted) >= 200

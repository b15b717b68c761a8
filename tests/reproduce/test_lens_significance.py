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


def test_verdicts_are_counted_by_what_the_law_is():
    def row(dataset, system, metric, values):
        seeds = list(range(len(values)))
        return {
            "dataset": dataset, "system": system, "metric": metric, "values": values,
            "seeds": seeds,
        }  # fmt: skip

    def rows(dataset, found, confidence, cosine=None):
        yield row(dataset, "a", "symmetry_found", found)
        yield row(dataset, "a", "confidence", confidence)
        if cosine is not None:
            yield row(dataset, "a", "generator_cosine", cosine)

    result = {
        "rows": [
            *rows("white", [0.0, 1.0], [0.0, 0.6]),
            *rows("chain_planted", [1.0, 1.0, 0.0], [1.0, 0.6, 0.2], [0.999, 0.98, 0.995]),
            *rows("wide_chain_planted", [0.0], [0.1], [0.4]),
        ]
    }
    counted = EXPERIMENT.analysis.compute(result)
    assert (counted["without"]["runs"], counted["without"]["found"]) == (2, 1)
    assert (counted["planted"]["runs"], counted["planted"]["found"]) == (3, 2)
    assert (counted["right"]["runs"], counted["right"]["found"]) == (2, 1)
    assert (counted["too_smooth"]["runs"], counted["too_smooth"]["found"]) == (1, 0)
    assert [(one["runs"], one["found"]) for one in counted["confidence"]] == [
        (2, 1), (1, 0), (0, 0), (1, 1)
    ]  # fmt: skip
    table = EXPERIMENT.analysis.table(result)
    assert "| laws without a symmetry: one is found | 2 | 1: 50.0 % | 1.3 – 98.7 % |" in table
    assert "| planted, confidence from .9 to .99: cosine of at least .99 | 0 | – | – |" in table

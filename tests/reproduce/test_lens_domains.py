"""Nulls of the experiment on hidden domains are all laws that there are, and often enough."""

from symmetry_pl.datamodules.vectors.graph_fields import GRAPHS
from symmetry_pl.datamodules.vectors.laws import PLANTED, WITHOUT
from symmetry_pl.reproduce.lens_adapter import EXPERIMENT as ADAPTER
from symmetry_pl.reproduce.lens_domain_nulls import LINE, NONE
from symmetry_pl.reproduce.lens_domains import EXPERIMENT


def test_every_law_and_graph_is_counted_and_often_enough():
    none = [system for system in EXPERIMENT.systems if system.dataset == NONE]
    lines = [system for system in EXPERIMENT.systems if system.dataset == LINE]
    graphs = {name.removeprefix("graph_").removesuffix("_uneven") for name in GRAPHS}
    names = {system.name.removeprefix("graph_").removesuffix("_uneven") for system in none}
    laws = {system.name for system in lines}
    assert names | laws == {*WITHOUT, *PLANTED, *graphs}
    assert not names & laws
    assert sum(len(system.seeds) for system in none) >= 100


def test_the_short_table_counts_wrong_verdicts():
    def row(dataset, system, metric, values):
        return {
            "dataset": dataset, "system": system, "metric": metric, "values": values,
            "cpu_s": [7.0] * len(values),
        }  # fmt: skip

    result = {
        "rows": [
            row("bumps", "8x8", "exact_places", [1.0, 0.5]),
            row(NONE, "white", "domain_found", [0.0, 1.0]),
            row(LINE, "ring", "domain_found", [1.0, 1.0]),
            row(LINE, "ring", "lattice_found", [0.0, 0.0]),
        ]
    }
    found = EXPERIMENT.analysis.compute(result)
    assert found["without_a_domain"] == {"runs": 2, "called_a_domain": 1}
    assert found["lines"] == {"runs": 2, "called_a_lattice": 0}
    table = EXPERIMENT.analysis.table(result)
    assert "| bumps | 0.5000 (7) | – | – | – | – |" in table
    assert "Of 2 runs on data without a domain 1 found one" in table
    assert "of 0 behind another matrix 0, and of 2 on lines 0 a lattice" in table
    assert "no threshold" not in table
    result["rows"].append(row(f"{NONE}_fresh_seeds", "white", "domain_found", [0.0] * 4))
    fresh = EXPERIMENT.analysis.compute(result)["fresh_seeds"]["without_a_domain"]
    assert fresh == {"runs": 4, "called_a_domain": 0}
    assert "no threshold was set on, so far: of 4 runs" in EXPERIMENT.analysis.table(result)


def test_every_number_of_labels_has_about_as_many_steps():
    for system in ADAPTER.systems:
        options = dict(one.split("=") for one in system.overrides)
        labels, epochs = int(options["--data.labelled"]), int(options["--trainer.max_epochs"])
        assert 950 <= labels // 64 * epochs <= 1750


def test_fresh_seeds_are_those_of_no_other_run_and_have_all_nulls():
    def named(ending):
        return {s.key.replace("_fresh_seeds/", "/") for s in EXPERIMENT.systems if ending(s)}

    fresh = {s.dataset: s.seeds for s in EXPERIMENT.systems if s.dataset.endswith("_fresh_seeds")}
    seen = {seed for s in EXPERIMENT.systems if s.dataset not in fresh for seed in s.seeds}
    assert all(not seen & set(seeds) for seeds in fresh.values())
    known = {one.removesuffix("_fresh_seeds") for one in fresh}
    assert named(lambda s: s.dataset in fresh) == named(lambda s: s.dataset in known)

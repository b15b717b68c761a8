"""Elementary effects: known functions through our pipeline, and the Table 5 of the paper."""

import builtins
import json
import sys

import numpy as np
import pytest
import yaml
from SALib.analyze import morris as salib_analysis
from SALib.test_functions import Ishigami
from test_reproduce import finish

from symmetry_pl import SymmetryLens
from symmetry_pl.cli import main
from symmetry_pl.core import DataDescription
from symmetry_pl.reproduce import lens_sensitivity
from symmetry_pl.reproduce.experiments import load_experiment
from symmetry_pl.reproduce.jobs import Job
from symmetry_pl.reproduce.lens_ablation import SETTINGS, TERMS
from symmetry_pl.reproduce.lens_sensitivity import DESIGNS, EXPERIMENT, PAPER, figure, table
from symmetry_pl.reproduce.morris import Factor, MorrisPlan
from symmetry_pl.runs.folders import config_root

TABLE_6 = """
2.292 .075 .167 1.083 2.167 1.250 .917 .133 .816   3.125 .075 .167 1.083 2.167 1.250 .917 .133 .955
3.125 .075 .167 1.083 1.500 1.250 .917 .133 .815   3.125 .075 .167 1.083 1.500 1.250 .917 .000 .827
3.125 .075 .167 1.083 1.500 .917 .917 .000 .943    3.125 .108 .167 1.083 1.500 .917 .917 .000 .856
3.125 .108 .100 1.083 1.500 .917 .917 .000 .948    3.125 .108 .100 .750 1.500 .917 .917 .000 .843
3.125 .108 .100 .750 1.500 .917 1.250 .000 .999    1.875 .092 .167 1.083 2.500 1.083 1.083 .067 .885
2.708 .092 .167 1.083 2.500 1.083 1.083 .067 .988  2.708 .092 .167 1.083 2.500 .750 1.083 .067 .982
2.708 .092 .167 1.083 1.833 .750 1.083 .067 .976   2.708 .092 .167 .750 1.833 .750 1.083 .067 .997
2.708 .092 .167 .750 1.833 .750 .750 .067 .997     2.708 .125 .167 .750 1.833 .750 .750 .067 .986
2.708 .125 .167 .750 1.833 .750 .750 .200 .997     2.708 .125 .100 .750 1.833 .750 .750 .200 .997
3.125 .125 .100 .750 2.500 1.083 1.083 .000 .990   3.125 .125 .100 .750 2.500 .750 1.083 .000 .999
3.125 .092 .100 .750 2.500 .750 1.083 .000 .992    3.125 .092 .100 1.083 2.500 .750 1.083 .000 .988
3.125 .092 .100 1.083 1.833 .750 1.083 .000 .987   2.292 .092 .100 1.083 1.833 .750 1.083 .000 .987
2.292 .092 .167 1.083 1.833 .750 1.083 .000 .997   2.292 .092 .167 1.083 1.833 .750 1.083 .133 .994
2.292 .092 .167 1.083 1.833 .750 .750 .133 .993    3.125 .108 .133 .917 2.167 1.083 1.083 .133 .997
3.125 .108 .200 .917 2.167 1.083 1.083 .133 .994   3.125 .108 .200 .917 2.167 .750 1.083 .133 .993
3.125 .075 .200 .917 2.167 .750 1.083 .133 .991    3.125 .075 .200 .917 1.500 .750 1.083 .133 .994
2.292 .075 .200 .917 1.500 .750 1.083 .133 .995    2.292 .075 .200 1.250 1.500 .750 1.083 .133 .982
2.292 .075 .200 1.250 1.500 .750 1.083 .000 .987   2.292 .075 .200 1.250 1.500 .750 .750 .000 .818
"""
"""The paper's 36 runs: eight parameters in the order of Table 5, and the cosine."""
RANGES = [(1.875, 3.125), (0.075, 0.125), (0.1, 0.2), (0.75, 1.25), (1.5, 2.5), (0.75, 1.25),
          (0.75, 1.25), (0.0, 0.2)]  # fmt: skip


def plan_of(ranges, trajectories=6, seed=3):
    factors = tuple(Factor(f"x{i}", f"x{i}", *r, (f"--x{i}",)) for i, r in enumerate(ranges))
    return MorrisPlan(factors, trajectories, seed)


def values_of(plan, function):
    return {
        (t, step): float(function(plan.points[t, step]))
        for t in range(plan.trajectories)
        for step in range(len(plan.factors) + 1)
    }


def test_a_plan_is_a_function_of_its_seed():
    ranges = [(0.0, 1.0), (-2.0, 2.0), (3.0, 6.0)]
    plan = plan_of(ranges)
    assert plan.points.shape == (6, 4, 3)
    assert np.array_equal(plan.points, plan_of(ranges).points)
    assert not np.array_equal(plan.points, plan_of(ranges, seed=4).points)
    low, high = np.array(ranges).T
    share = (plan.points - low) / (high - low)
    assert {*np.unique(share.round(6))} == {0.0, 0.333333, 0.666667, 1.0}
    steps = np.abs(np.diff(share, axis=1))  # each factor once, by the step of the plan
    np.testing.assert_allclose(steps.sum(1), plan.delta)
    assert ((steps > 0).sum(2) == 1).all()
    assert plan.changed(2, 0) is None
    changed = {plan.changed(2, step).name for step in (1, 2, 3)}
    assert changed == {"x0", "x1", "x2"}


def test_a_line_has_its_slopes_as_effects():
    plan, slopes = plan_of([(0.0, 1.0), (-2.0, 2.0), (3.0, 6.0)]), np.array([0.5, -1.0, 0.0])
    found = plan.effects(values_of(plan, lambda x: slopes @ x))
    for name, slope in {"x0": 0.5, "x1": -4.0, "x2": 0.0}.items():  # in units of the range
        assert found[name]["mu"] == pytest.approx(slope, abs=1e-12)
        assert found[name]["mu_star"] == pytest.approx(abs(slope), abs=1e-12)
        assert found[name]["sigma"] == pytest.approx(0.0, abs=1e-12)
        assert found[name]["mu_star_conf"] == pytest.approx(0.0, abs=1e-12)


def test_a_product_has_the_effects_that_were_worked_out():
    """f = x0 x1 on the unit square: the effect of a factor is the other one's value."""
    plan = plan_of([(0.0, 1.0), (0.0, 1.0)], trajectories=50)
    found = plan.effects(values_of(plan, lambda x: x[0] * x[1]))
    others = []
    for t in range(plan.trajectories):
        step = next(s for s in (1, 2) if plan.changed(t, s).name == "x0")
        others.append(plan.points[t, step, 1])
    assert found["x0"]["mu"] == pytest.approx(np.mean(others))
    assert found["x0"]["sigma"] == pytest.approx(np.std(others, ddof=1))


def test_effects_are_salibs_own_over_whole_trajectories():
    plan = plan_of([(-np.pi, np.pi)] * 3, trajectories=8)
    values = values_of(plan, lambda x: Ishigami.evaluate(x[None])[0])
    del values[5, 2]
    whole = [0, 1, 2, 3, 4, 6, 7]
    assert plan.complete(values) == whole
    problem = {"num_vars": 3, "names": ["x0", "x1", "x2"], "bounds": [[-np.pi, np.pi]] * 3}
    inputs = plan.points[whole].reshape(-1, 3)
    theirs = salib_analysis.analyze(problem, inputs, Ishigami.evaluate(inputs), seed=plan.seed)
    found = plan.effects(values)
    for i, name in enumerate(("x0", "x1", "x2")):
        for key in ("mu", "mu_star", "sigma"):
            assert found[name][key] == pytest.approx(theirs[key][i])
    assert plan.effects({place: v for place, v in values.items() if place[0] == 1}) == {}


def test_table_5_of_the_paper_follows_from_its_table_6():
    """But for one run of 36: without its sign, to what cosines of three digits leave open."""
    runs = np.array(TABLE_6.split(), dtype=float).reshape(4, 9, 9)
    factors = tuple(Factor(name, name, *r, ()) for name, r in zip(PAPER, RANGES, strict=True))
    plan = MorrisPlan(factors, 4)
    plan.__dict__["points"] = runs[..., :8]  # cached, and not drawn here
    printed = plan.effects(values_at(runs))
    assert printed["information"]["mu_star"] == pytest.approx(0.122, abs=1e-3)  # .079 in Table 5
    assert runs[0, 8, 8] == 0.999
    runs[0, 8, 8] = 0.884
    found = plan.effects(values_at(runs))
    for name, published in PAPER.items():
        allowed = 3e-3 if name == "decay" else 1e-3
        assert abs(found[name]["mu"]) == pytest.approx(published["mu"], abs=allowed + 1e-3)
        for key in ("mu_star", "sigma"):
            assert found[name][key] == pytest.approx(published[key], abs=allowed), (name, key)
    assert {name for name in PAPER if found[name]["mu"] < 0} == {
        "symmetry_rate", "decay", "resolution", "noise"
    }  # fmt: skip


def values_at(runs):
    return {(t, step): runs[t, step, 8] for t in range(4) for step in range(9)}


def test_both_designs_have_the_papers_ranges_around_the_recipe():
    for design in DESIGNS.values():
        assert [f.name for f in design.plan.factors] == [*PAPER]
        ends = [(f.low, f.high) for f in design.plan.factors]
        assert ends[2:] == RANGES[2:]
        assert [high / low for low, high in ends[:2]] == pytest.approx([5 / 3] * 2)
    keys = [system.key for system in EXPERIMENT.systems]
    assert len({*keys}) == len(keys) == 2 * (1 + 8 * 9)
    settings = {system.overrides for system in EXPERIMENT.systems}
    assert len(settings) == len(keys)


@pytest.fixture
def made(tmp_path):
    """The results of runs whose cosine is a known function of their options."""

    def cosine(system):
        given = dict(option.split("=") for option in system.overrides)
        return (
            0.9
            + 0.2 * float(given.get("--model.alignment", 1))
            - float(given.get("--data.noise", 0.1))
        )

    for system in EXPERIMENT.systems:
        if system.dataset != "warm_start" or system.name.startswith("t7"):
            continue
        for seed in system.seeds:
            folder = tmp_path / "logs" / EXPERIMENT.slug / system.key / f"seed_{seed}"
            change = 0.01 * seed if system.name == "recipe" else 0.0
            values = {"generator_cosine": cosine(system) + change, "lifting_error": 0.5}
            finish(Job(system, seed, folder), values)
    arguments = ["reproduce", "lens/sensitivity", "--collect", "--log_root", "logs"]
    assert main([*arguments, "--out", "docs/results"]) == 0
    return json.loads((tmp_path / "docs/results/lens_sensitivity.json").read_text())


def test_runs_become_effects_a_table_and_a_figure(made, tmp_path):
    found = made["analysis"]["warm_start"]
    effects = found["metrics"]["generator_cosine"]["effects"]
    expected = {"alignment": 0.1, "noise": -0.2}  # slope by range
    for name in PAPER:
        value = expected.get(name, 0.0)
        assert effects[name]["mu"] == pytest.approx(value, abs=1e-5)
        assert effects[name]["mu_star"] == pytest.approx(abs(value), abs=1e-5)
    # five seeds, .01 apart: the mean difference of two is .02
    assert found["metrics"]["generator_cosine"]["null"] == pytest.approx(0.02 / (2 / 3))
    assert found["metrics"]["generator_cosine"]["trajectories"] == [*range(7)]
    plan = DESIGNS["warm_start"].plan
    np.testing.assert_allclose(found["points"]["t3_5"], plan.points[3, 5], rtol=1e-5)
    page = (tmp_path / "docs/results/lens_sensitivity.md").read_text()
    assert table(made) in page
    assert "| noise of the data | 0 – 0.2 | -0.20000 | 0.20000 ± " in page
    assert "Not made yet: warm start + the paper's loss, 1 of 8 trajectories." in page
    assert "Not made yet: from scratch, EM densities, 8 of 8 trajectories." in page
    ours, published = figure(made).axes
    assert len(ours.containers) == len(published.containers) == 8
    assert (tmp_path / "docs/figures/lens_sensitivity.png").stat().st_size > 10_000


def test_pages_show_the_analysis_where_they_ask_for_a_short_table(made, tmp_path):
    page = tmp_path / "README.md"
    marker = "results:lens_sensitivity:summary"
    page.write_text(f"<!-- {marker} -->\n<!-- /{marker} -->\n")
    assert main(["reproduce", "lens/sensitivity", "--tables", "--out", "docs/results"]) == 0
    assert page.read_text() == f"<!-- {marker} -->\n{table(made)}<!-- /{marker} -->\n"


def test_without_salib_there_is_one_sentence(monkeypatch, capsys):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("SALib"):
            raise ModuleNotFoundError("No module named 'SALib'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, lens_sensitivity.__name__)
    assert main(["reproduce", "lens/sensitivity", "--check"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("symmetry: error: plans of elementary effects need SALib")
    assert said.count("\n") == 1
    # a check of all experiments names it and goes on
    assert main(["reproduce", "--check"]) == 2
    assert "lens/sensitivity: left out, as plans of" in (said := capsys.readouterr().err)
    assert "--out: no results of lens/ablation" in said


def test_every_system_makes_a_model_with_its_players():
    ablation = load_experiment("lens/ablation")
    points = [s for s in EXPERIMENT.systems if s.name in ("recipe", "t0_0")]
    for system in (*ablation.systems, *points):
        config = yaml.safe_load((config_root() / system.config).read_text())
        options = config["model"]["init_args"]
        for override in system.overrides:
            path, value = override.split("=", 1)
            if path.startswith("--model."):
                *parents, last = path.split(".")[1:]
                entry = options
                for parent in parents:
                    entry = entry.setdefault(parent, {})
                entry[last] = yaml.safe_load(value)
        model = SymmetryLens(**options | {"hidden": 8})
        model.describe_data(DataDescription("vector", (5,)))
        assert {"symmetry"} <= {*options["players"]} <= {*model.players}, system.key
        asked = {"warm_start": 5e-5, "warm_start_drift": 2e-3}
        if system in ablation.systems and system.dataset in asked:
            assert options["players"]["symmetry"]["lr"] == asked[system.dataset]


def test_every_term_of_the_loss_is_dropped_in_every_setting():
    systems = {system.key: system for system in load_experiment("lens/ablation").systems}
    asked = {f"{dataset}/{term}" for dataset in SETTINGS for term in TERMS}
    assert asked - {*systems} == {"from_scratch_7/no_conditional"}
    weights = {}
    for term, (_, options) in TERMS.items():
        given = dict(option.removeprefix("--model.").split("=") for option in options)
        lens = SymmetryLens(**{name: json.loads(value) for name, value in given.items()})
        a, u, r, i = lens.loss_weights.values()
        weights[term] = (a, u * (1 + lens.hparams["conditional"]) / 2, r, r + i)  # A, U, Hm, −Hj
    assert weights == {
        "complete": (1, 2, 1, 2),
        "no_alignment": (0, 2, 1, 2),
        "no_uniformity": (1, 0, 1, 2),
        "no_conditional": (1, 1, 1, 2),
        "no_resolution": (1, 2, 0, 1),
        "no_information": (1, 2, 1, 1),
        "no_marginal": (1, 2, 0, 2),
        "no_joint": (1, 2, 1, 0),
    }

"""The catalogue of figures: every name that is logged is in it, and it is read alike everywhere."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from symmetry_pl.callbacks.summary import summary_table
from symmetry_pl.core import DataDescription
from symmetry_pl.metrics import MetricSpec, register, spec
from symmetry_pl.metrics.catalogue import ENDINGS, catalogue

ROOT = Path(__file__).resolve().parents[2]
LOGGED = {
    "stib": """objective mae_x mae_y token_accuracy smiles_accuracy smiles_accuracy_search validity
        mae_gap_ev mae_gap_ev_constant mae_qed_rdkit mae_qed_rdkit_constant mi_z0_y mi_z0_y_white
        mi_z0_y_probe mi_z0_y_probe_null95 probe_r2_z0_y probe_r2_z0_y_null95 probe/ridge_mi
        probe/mlp_r2 kl loss_x loss_y nll lambda mi_weight y_weight mi_critic mi_adversary
        bijection pairwise_kl""",
    "sgm": """objective mse nll_eta prototype_spread prototype_spread_median prototype_distance
        prototype_spread_relative prototype_spread_direct prototype_spread_composed
        prototype_spread_floor prototype_spread_five prototype_spread_shift prototype_spread_hue
        prototype_spread_wide prototype_spread_direct_wide prototype_spread_composed_wide
        prototype_spread_floor_wide invertibility iterate_ratio_1 iterate_ratio_2 iterate_ratio_3
        factor_tv factor_tv_null factor_tv_heart_orientation loss blur spread disagreement""",
    "lens": """loss alignment uniformity marginal_entropy joint_entropy conditional_nll rank nll
        stationarity_residual confidence generator_cosine generator_power lifting_error
        filter_locality loss_refitted loss_of_truth energy_distance energy_distance_floor
        subgroup_cosine subgroup_cosine_random element_cosine element_cosine_random moving_cosine
        moving_cosine_random element_power orbit_cosine identity_cosine form_error algebra_cosine
        algebra_coverage form_cosine rotation_ceiling favoured_cosine favoured_epoch
        null_dimension null_gap loss_law generator_loss discriminator_loss regularisation sparsity
        correlation""",
}
RESULTS = sorted((ROOT / "docs/results").glob("*.json"))


def known(name):
    """Whether an entry or a rule speaks of the figure: what has neither has no group."""
    return bool(spec(name).group)


@pytest.mark.parametrize("family", LOGGED)
def test_every_figure_that_a_family_logs_is_known(family):
    assert [name for name in LOGGED[family].split() if not known(name)] == []


def test_every_figure_of_the_results_is_known():
    results = [json.loads(path.read_text()) for path in RESULTS]
    names = {row["metric"] for result in results for row in result["rows"]}
    names |= {name for r in results for values in r["references"].values() for name in values}
    assert len(names) > 30
    assert sorted(name for name in names if not known(name)) == []


def test_units_of_the_results_are_the_catalogue_s():
    for path in RESULTS:
        for row in json.loads(path.read_text())["rows"]:
            assert row["unit"] == spec(row["metric"]).unit, row["metric"]


def test_headlines_are_known():
    from symmetry_pl import SGM, STIB, SymmetryLens

    for model in (STIB, SGM, SymmetryLens):
        assert all(known(name) for name in model.headline)


def test_comparisons_are_entries_of_their_own():
    compared = [entry for entry in catalogue() if entry.beside]
    assert len(compared) > 5
    for entry in compared:
        beside = spec(entry.beside)
        assert known(entry.beside)
        assert not beside.shown  # it stands in the row of the other
        assert entry.beside_label
        assert entry.unit == beside.unit


def test_what_follows_from_names():
    error = spec("mae_polarisability_bohr3")
    assert (error.title, error.header) == (
        "MAE of polarisability [bohr³]",
        "polarisability [bohr³]",
    )
    assert spec("mae_solubility_kcal_per_mol").title == "MAE of solubility [kcal/mol]"
    percent = DataDescription("vector", (1,), ("yield", "T"), ("%", "°C")).metric_names()
    assert [spec(name).title for name in percent] == ["MAE of yield [%]", "MAE of T [°C]"]
    assert spec(error.beside).unit == "bohr³"
    assert spec("mae_x_search").label == "MAE of X (sum over coordinates), searched"
    assert spec("mae_x_search").better == "less"
    assert spec("mi_z0_y_null95").title == "I(Z0;Y) raw KSG, 95 % of the permutation null [nats]"
    assert spec("mi_z0_y_null95").better == "neither"
    assert spec("my_depth_floor").label == "my depth, at best"
    assert spec("factor_tv_heart_position_x").label == "TV of the resampled position_x (heart)"


@pytest.mark.parametrize("name", ["depth", "mae_", "_null95", "mae_boiling point", "a/b", "_"])
def test_no_name_is_too_odd(name):
    assert spec(name).name == name
    assert spec(name).title


def test_errors_of_targets_are_never_read_as_something_else():
    names = ["y", "x", *(e.strip("_") for e in ENDINGS), *(f"rate{e}" for e in ENDINGS)]
    data = DataDescription("vector", (2,), tuple(names), ("",) * len(names))
    for name, error in zip(names, data.metric_names(), strict=True):
        assert spec(error).title == f"MAE of {name}"


def test_a_figure_of_a_user_s_own_stands_in_the_summary():
    own = MetricSpec(
        "test_orbit_count", "orbits found", "orbits", digits=1, beside="test_orbit_truth",
        beside_label="there are", better="more",
    )  # fmt: skip
    register(own)
    register(own)
    values = {"test/test_orbit_count": 3.0, "test/test_orbit_truth": 4.0, "test/unheard_of": 1.0}
    assert summary_table(values, "test").splitlines()[1:] == [
        "orbits found                           3.0000  4.0000 there are"
    ]


def test_a_name_has_one_entry():
    with pytest.raises(ValueError, match="mae_x is in the catalogue already, with another unit"):
        register(replace(spec("mae_y"), name="test_unused"), replace(spec("mae_x"), unit="mm"))
    assert spec("test_unused").group == ""
    one = MetricSpec("test_twice", "a", "a")
    with pytest.raises(ValueError, match="test_twice is in the catalogue already"):
        register(one, replace(one, label="b"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "bold"}, "style of a must be one of number, percent, exponent, got 'bold'"),
        ({"better": "higher"}, "better of a must be one of less, more, neither, got 'higher'"),
        ({"name": ""}, "needs a name"),
    ],
)
def test_bad_entries_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MetricSpec(**{"name": "a", "label": "a", "short": "a", **options})


def test_the_floor_stands_once_beside_the_last_of_its_rows():
    values = {"test/prototype_spread": 0.02, "test/prototype_spread_floor": 0.01}
    only = summary_table(values, "test").splitlines()
    assert only[1].endswith("0.0200  0.0100 knowing the transformation")
    rows = summary_table({**values, "test/prototype_spread_direct": 0.03}, "test").splitlines()
    assert [bool(re.search("knowing", row)) for row in rows] == [False, False, True]


def test_figures_of_molecules_that_were_asked_for_have_entries():
    from symmetry_pl.molecules.descriptors import DESCRIPTORS

    for name, unit in DESCRIPTORS.items():
        entry = spec(f"asked_{name.removesuffix('_rdkit')}_mae")
        assert (entry.unit, entry.better, entry.group) == (unit, "less", "targeting")
        assert spec(entry.beside).unit == unit
        assert not spec(entry.beside).shown
    best = spec("asked_logp_qed_best4_mae")
    assert (best.title, best.beside) == (
        "logp, qed, best of 4: error",
        "asked_logp_qed_best4_mean",
    )
    assert spec("asked_weight_unconditional_mae").title == "weight, nothing asked: error [Da]"
    assert spec("asked_weight_valid").better == "more"
    assert spec("asked_weight_slope").better == "neither"
    assert not spec("asked_weight_depth").group

"""scikit-learn's own checks, and the list of those that cannot pass."""

import warnings
from pathlib import Path

import pytest
from sklearn.utils import estimator_checks

from symmetry_pl.estimators import (
    EXPECTED_FAILED_CHECKS,
    FlowSTIBEstimator,
    SGMEstimator,
    SymmetryLensEstimator,
)
from symmetry_pl.estimators.checks import as_table

QUICK = {
    "check_estimator_cloneable",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimators_unfitted",
    "check_mixin_order",
    "check_dont_overwrite_parameters",
    "check_n_features_in_after_fitting",
    "check_estimators_nan_inf",
    "check_regressors_int",
    "check_transformer_general",
    "check_methods_subset_invariance",
    "check_fit2d_1feature",
    "check_get_params_invariance",
    "check_set_params",
    "check_fit1d",
}
WITHOUT_DATA = [
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_get_params_invariance",
    "check_set_params",
    "check_parameters_default_constructible",
]


def small():
    """The estimators in settings that make a fit take a moment."""
    flow = {"flow_options": {"width": 4}}
    lens = {"hidden": 4, "init": "random", "conditional": False, "players": {}}
    return {
        "FlowSTIBEstimator": FlowSTIBEstimator(
            max_epochs=2, samples_per_epoch=None, model_options=flow
        ),
        "SymmetryLensEstimator": SymmetryLensEstimator("chain", max_epochs=1, model_options=lens),
    }


def checks(name):
    """Pairs of estimator and check, and the check's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks.estimator_checks_generator(small()[name]):
            yield estimator, check, estimator_checks._check_name(check)


@pytest.mark.parametrize("name", ["FlowSTIBEstimator", "SymmetryLensEstimator"])
def test_a_quick_part_of_the_checks(name):
    done = set()
    for estimator, check, called in checks(name):
        if called in QUICK and called not in done:
            done.add(called)
            check(estimator)
    assert len(done) >= len(QUICK) - 1  # one is of regressors


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FlowSTIBEstimator", "SymmetryLensEstimator"])
def test_every_check_passes_but_those_that_are_listed(name):
    expected = dict(EXPECTED_FAILED_CHECKS[name])
    found = estimator_checks.check_estimator(
        small()[name], expected_failed_checks=expected, on_fail=None, on_skip=None
    )
    assert {one["check_name"] for one in found if one["status"] == "failed"} == set()
    assert {one["check_name"] for one in found if one["status"] == "xfail"} == set(expected)
    assert sum(one["status"] == "passed" for one in found) > 35


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_checks_without_data_of_the_estimator_of_images(name):
    estimator = SGMEstimator()
    before = estimator.get_params()
    getattr(estimator_checks, name)("SGMEstimator", estimator)  # it raises what it finds
    assert estimator.get_params() == before


def test_the_list_stands_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    assert as_table() in page

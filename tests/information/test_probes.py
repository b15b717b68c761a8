"""Probes find what is there, find nothing where nothing is, and know the difference."""

import math

import numpy as np
import pytest
import torch

from symmetry_pl.information import probe
from symmetry_pl.information.probes import _information
from symmetry_pl.information.regressors import REGRESSORS, ridge_predictions

KINDS = tuple(REGRESSORS)


@pytest.mark.parametrize(("kind", "nats"), [("ridge", 2.8), ("boosting", 2.2), ("mlp", 2.5)])
def test_every_kind_resolves_the_spiral(small_spiral, kind, nats):
    report = probe(small_spiral.x, small_spiral.y, [kind], permutations=0)
    assert nats < report.mi < 3.4  # true information 3.235 nats
    assert report.r2 > 0.9
    assert math.isnan(report.mi_null95)


@pytest.mark.parametrize("kind", ["ridge", "mlp"])
def test_the_leak_of_the_orthogonal_direction_is_found(small_spiral, kind):
    report = probe(small_spiral.u, small_spiral.y, [kind], permutations=19)
    assert 0.13 < report.mi < 0.25  # true information about 0.2 nats
    assert report.mi > report.mi_null95
    assert report.r2 > report.r2_null95


def test_an_independent_code_tells_nothing(small_spiral):
    report = probe(small_spiral.q, small_spiral.y, permutations=0)
    assert abs(report.mi) < 0.03
    assert abs(report.r2) < 0.01


def test_a_leak_at_a_small_scale_is_found(small_spiral):
    hidden = np.hstack([small_spiral.q, 1e-4 * small_spiral.t])
    assert probe(hidden, small_spiral.y, ["ridge"], permutations=0).mi > 2.2


def test_among_many_columns_the_bound_is_near_the_truth(gaussian_pair):
    z, y, truth = gaussian_pair(3000, 2, 0.9)
    z = np.hstack([np.random.default_rng(1).standard_normal((3000, 12)), z])
    report = probe(z, y, ["ridge"], permutations=0)
    assert truth - 0.15 < report.mi < truth + 0.1
    assert report.r2 == pytest.approx(0.81, abs=0.02)


def test_the_worst_kind_counts_and_its_null_is_that_of_the_maximum(gaussian_pair):
    z, y, _ = gaussian_pair(305, 2, 0.6)
    report = probe(z, y, permutations=19)
    kinds = report.kinds.values()
    assert report.mi == max(k.mi for k in kinds)
    assert report.r2 == max(k.r2 for k in kinds)
    assert report.mi_null95 >= max(k.mi_null95 for k in kinds) - 1e-12
    assert report.r2_null95 >= max(k.r2_null95 for k in kinds) - 1e-12
    assert report.mi > report.mi_null95
    assert report.r2 > report.r2_null95
    for kind in kinds:
        assert kind.r2 == pytest.approx(np.mean(kind.r2_columns))
    assert (report.folds, report.permutations) == (5, 19)


def test_noise_exceeds_its_null_about_as_often_as_it_should():
    rng = np.random.default_rng(0)
    exceeded = 0
    for seed in range(40):
        z, y = rng.standard_normal((50, 3)), rng.standard_normal((50, 1))
        report = probe(z, y, ["ridge"], permutations=19, seed=seed)
        exceeded += report.r2 > report.r2_null95
    assert exceeded <= 6  # 2 expected; more than 6 has probability 0.003


def test_few_points_in_many_columns_do_not_overfit_absurdly():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((305, 14)), rng.standard_normal((305, 2))
    report = probe(z, y, permutations=19)
    assert all(-0.15 < k.r2 < 0.03 for k in report.kinds.values())
    assert report.mi < 0.15
    assert 0 < report.mi_null95 < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_code_or_target_tells_exactly_nothing(kind):
    y = np.random.default_rng(0).standard_normal((101, 2))
    blank = probe(np.full((101, 2), 0.1), y, [kind], folds=2, permutations=3)
    assert blank.mi == blank.mi_null95 == 0
    assert -0.05 < blank.r2 <= 0
    fixed = probe(y, np.full((101, 2), 0.1), [kind], folds=2, permutations=3)
    assert fixed.mi == fixed.r2 == fixed.r2_null95 == 0


def test_rounding_of_a_constant_prediction_tells_nothing():
    rng = np.random.default_rng(0)
    y, fold = rng.standard_normal((200, 2)), np.arange(200) % 2
    rounding = 0.3 + 1e-7 * np.sign(y) + 1e-3 * fold[:, None]
    assert _information(rounding, y, fold, k=3) == 0
    assert _information(0.3 + 1e-3 * np.sign(y), y, fold, k=3) > 0.5


def test_a_constant_column_of_the_target_has_no_r2(gaussian_pair):
    z, y, _ = gaussian_pair(200, 1, 0.8)
    report = probe(z, np.hstack([y, np.ones_like(y)]), ["ridge"], permutations=0)
    assert report.kinds["ridge"].r2_columns[0] > 0.4
    assert report.kinds["ridge"].r2_columns[1] == 0


def test_more_columns_than_points_are_taken():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 80))
    y = z[:, :1] * 10
    assert np.isfinite(probe(z, y, ["ridge", "boosting"], permutations=2).mi)


def test_r2_and_information_do_not_depend_on_the_scale_of_either(gaussian_pair):
    z, y, _ = gaussian_pair(200, 2, 0.8)
    plain = probe(z, y, ["ridge"], permutations=0)
    scaled = probe(1000 * z + 3, y * [1e-3, 50.0], ["ridge"], permutations=0)
    assert scaled.mi == pytest.approx(plain.mi, abs=1e-6)
    assert scaled.r2 == pytest.approx(plain.r2, abs=1e-6)


def test_reproducible_in_inference_mode_and_without_touching_global_generators(gaussian_pair):
    z, y, _ = gaussian_pair(60, 2, 0.8)
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = probe(z, y, folds=2, permutations=3)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        second = probe(
            torch.from_numpy(z).clone(), torch.from_numpy(y).clone(), folds=2, permutations=3
        )
    assert first == second
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (np.random.get_state()[1] == state[1]).all()  # noqa: NPY002
    assert probe(z, y, ["ridge"], seed=1).kinds["ridge"] != first.kinds["ridge"]


def test_columns_of_a_ridge_fit_do_not_influence_each_other():
    rng = np.random.default_rng(0)
    train, test, targets = (rng.standard_normal(s) for s in ((120, 2), (40, 2), (120, 3)))
    targets[:, 0] += np.sin(3 * train[:, 0])
    together = ridge_predictions(train, targets, test, seed=0)
    alone = ridge_predictions(train, targets[:, :1], test, seed=0)
    np.testing.assert_allclose(together[:, :1], alone, atol=1e-8)


@pytest.mark.parametrize(
    ("shape", "options", "sentence"),
    [
        ((49, 2), {}, "at least 50 points, got 49"),
        ((60, 2), {"kinds": ["forest"]}, "kinds must be among ridge, boosting, mlp"),
        ((60, 2), {"kinds": []}, "kinds must be among"),
        ((60, 2), {"folds": 1}, "folds must lie between 2 and N / 10 = 6, got 1"),
        ((60, 2), {"permutations": -1}, "permutations must not be negative"),
        ((60,), {}, r"z must have shape \(N, d\)"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(shape, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        probe(np.zeros(shape), np.zeros((shape[0], 1)), **options)


@pytest.mark.slow
def test_the_whole_probe_on_the_full_spiral(spiral):
    x, u, q = (probe(code, spiral.y) for code in (spiral.x, spiral.u, spiral.q))
    assert all(kind.mi > 2.2 for kind in x.kinds.values())
    assert x.mi == pytest.approx(3.235, abs=0.1)
    assert u.mi > 0.13
    assert u.mi > u.mi_null95
    assert q.mi < q.mi_null95 < 0.03
    assert q.r2 < max(q.r2_null95, 0.001)

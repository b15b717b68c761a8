"""Leakage says what its estimators say, over batches and modes."""

import math

import pytest
import torch

from symmetry_pl.information import ksg, probe
from symmetry_pl.metrics import Leakage


def code_and_target(n=120, noise=0.3):
    generator = torch.Generator().manual_seed(0)
    z0 = torch.randn(n, 2, generator=generator)
    y = z0[:, :1] + noise * torch.randn(n, 1, generator=generator)
    return z0 * torch.tensor([1e-3, 1.0]), y


def test_two_estimates_over_all_batches():
    z0, y = code_and_target()
    metric = Leakage()
    for rows in (slice(0, 50), slice(50, 100), slice(100, 120)):
        metric.update(z0[rows], y[rows])
    values = metric.compute()
    assert set(values) == {"mi_z0_y", "mi_z0_y_white"}
    assert values["mi_z0_y"].item() == pytest.approx(ksg(z0, y, k=20), abs=1e-6)
    assert values["mi_z0_y_white"].item() == pytest.approx(ksg(z0, y, k=20, whiten=True), abs=1e-6)
    assert values["mi_z0_y"] + 0.2 < values["mi_z0_y_white"]


def test_the_probe_adds_its_figures_its_nulls_and_those_of_every_kind():
    z0, y = code_and_target()
    metric = Leakage(probe=True, kinds=["ridge", "boosting"], permutations=19, seed=2)
    metric.update(z0, y)
    values = metric.compute()
    report = probe(z0, y, ["ridge", "boosting"], permutations=19, seed=2)
    expected = {
        "mi_z0_y_probe": report.mi,
        "probe_r2_z0_y": report.r2,
        "mi_z0_y_probe_null95": report.mi_null95,
        "probe_r2_z0_y_null95": report.r2_null95,
        "probe/ridge_mi": report.kinds["ridge"].mi,
        "probe/ridge_r2": report.kinds["ridge"].r2,
        "probe/boosting_mi": report.kinds["boosting"].mi,
        "probe/boosting_r2": report.kinds["boosting"].r2,
    }
    assert set(values) == {"mi_z0_y", "mi_z0_y_white"} | set(expected)
    for name, value in expected.items():
        assert values[name].item() == pytest.approx(value, abs=1e-6)
    assert values["mi_z0_y_probe"] > values["mi_z0_y_probe_null95"] > 0
    assert values["probe_r2_z0_y"] > 0.7


def test_inference_mode_gives_the_same_figures():
    z0, y = code_and_target(50)
    metric = Leakage(probe=True, kinds=["mlp"], permutations=2)
    metric.update(z0, y)
    expected = metric.compute()
    metric.reset()
    with torch.inference_mode():
        metric.update(z0 * 1, y * 1)
        assert metric.compute() == expected


def test_gradients_are_not_kept():
    z0, y = code_and_target()
    metric = Leakage()
    metric.update(z0.requires_grad_(True), y)
    assert not metric.z0[0].requires_grad
    assert not metric.compute()["mi_z0_y"].requires_grad


def test_max_points_takes_the_same_random_subset_of_both():
    z0, y = code_and_target(300, noise=0.01)
    metric = Leakage(k=3, max_points=100)
    metric.update(z0, y)
    value = metric.compute()["mi_z0_y_white"]
    assert value > 1.5  # different subsets of the two would leave nothing
    everything = Leakage(k=3)
    everything.update(z0, y)
    assert value != everything.compute()["mi_z0_y_white"]


def test_too_few_points_read_nan_and_say_so():
    z0, y = code_and_target(20)
    metric = Leakage(probe=True, kinds=["ridge"])
    metric.update(z0, y)
    with pytest.warns(UserWarning, match="20 points are too few"):
        values = metric.compute()
    assert set(values) >= {"mi_z0_y", "mi_z0_y_probe", "probe/ridge_mi", "probe_r2_z0_y_null95"}
    assert all(math.isnan(value) for value in values.values())


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"must be \(B, d\) and \(B, m\), got \(3, 2\) and \(3,\)"):
        Leakage().update(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(ValueError, match="kinds must be among ridge, boosting, mlp"):
        Leakage(kinds=["forest"])
    with pytest.raises(ValueError, match="k must be at least 1"):
        Leakage(k=0)
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match="has seen no samples"),
    ):
        Leakage().compute()

"""Data of a known group: its algebra leaves form, law and target alone."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from symmetry_pl.datamodules import GroupOrbitsDataModule
from symmetry_pl.datamodules.vectors.group_orbits import ORBITS
from symmetry_pl.datamodules.vectors.lotka_volterra import flow, orbit_pairs, period
from symmetry_pl.groups.invariants import lotka_volterra, lotka_volterra_gradient


def drawn(law, samples=4000):
    data = GroupOrbitsDataModule(law, samples=samples, eval_samples=10, dtype="float64")
    data.setup("fit")
    x, y, _ = data.split("train").__getitems__(range(samples))
    return data, x.numpy(), y.numpy()


@pytest.mark.parametrize("law", ORBITS)
def test_the_algebra_leaves_the_form_alone(law):
    form = np.diag(ORBITS[law].form or (1.0, 1.0, 1.0))  # one of several where none is told
    for one in ORBITS[law].algebra:
        assert np.allclose(one.T @ form + form @ one, 0)
        g = expm(0.3 * one)
        assert np.allclose(g.T @ form @ g, form)


def target_of(law, x):
    """The law of a target as a function of the input, without its noise."""
    if law == "plane":
        return (np.linalg.norm(x, axis=1) - 1) * math.sqrt(12)
    if law == "axis":
        return np.hypot(x[:, 0], x[:, 1]) * np.sin(3 * x[:, 2])
    if law == "sevenths":
        return x[:, 2] / (1 + np.arctan2(x[:, 1], x[:, 0]) % (2 * math.pi / 7))
    squared = x[:, 0] ** 2 - (x[:, 1:] ** 2).sum(1)
    return np.where(squared > 0.5, 1.0, -1.0)


@pytest.mark.parametrize("law", ["plane", "axis", "sevenths", "lorentz"])
def test_targets_do_not_move_with_the_group(law):
    _, x, y = drawn(law)
    assert np.allclose(target_of(law, x), y[:, 0])
    time = 2 * math.pi / 7 if law == "sevenths" else 0.4
    for one in ORBITS[law].algebra:
        moved = target_of(law, x @ expm(time * one).T)
        assert (np.abs(moved - y[:, 0]) < 1e-6).mean() > 0.999


@pytest.mark.parametrize("law", ["normal", "ring", "plane", "axis"])
def test_the_law_of_the_inputs_does_not_turn(law):
    _, x, _ = drawn(law)
    angle = np.arctan2(x[:, 1], x[:, 0])
    waves = [abs(np.exp(1j * k * angle).mean()) for k in (1, 2, 3, 7)]
    assert max(waves) < 4 / math.sqrt(len(x))


def test_samples_depend_on_seed_and_number_alone():
    _, many, _ = drawn("lorentz", 50)
    _, few, _ = drawn("lorentz", 20)
    assert np.array_equal(many[:20], few)


def test_the_truth_is_plain_and_for_scoring():
    description = drawn("lorentz", 10)[0].description
    assert description.x_shape == (4,)
    assert torch.tensor(description.extra["algebra"]).shape == (6, 4, 4)
    assert description.target_names == ("invariant0",)
    assert drawn("ring", 10)[0].description.target_names == ()


def test_pairs_lie_on_closed_orbits_and_time_leaves_their_law_alone():
    level, ends = np.linspace(3, 4.5, 7), np.array([0.0, 1.0])
    start, end = (orbit_pairs(level, np.full(7, share)) for share in ends)
    assert np.allclose(start, end, atol=1e-6)  # the period is one
    assert np.allclose(lotka_volterra(orbit_pairs(level, level / 5)), level[:, None], atol=1e-6)
    _, x, _ = drawn("lotka_volterra", 4000)
    assert np.allclose(flow(x[:, :2], np.full(4000, 0.2), 40), x[:, 2:], atol=1e-6)
    later = flow(x[:, :2], 3 * period(lotka_volterra(x)[:, 0].clip(3, 4.5)) / 7, 200)
    spread = x[:, :2].std(0) / math.sqrt(4000)
    assert (np.abs(later.mean(0) - x[:, :2].mean(0)) < 5 * spread).all()
    assert ORBITS["lotka_volterra"].invariant == "lotka_volterra"


def test_the_gradient_of_what_is_conserved_is_its_slope():
    x = np.array([[0.3, -1.2], [-2.0, 0.5]])
    for k, step in enumerate(1e-6 * np.eye(2)):
        slope = (lotka_volterra(x + step) - lotka_volterra(x - step))[:, 0] / 2e-6
        assert np.allclose(slope, lotka_volterra_gradient(x)[:, k], atol=1e-8)


def test_an_unknown_law_is_refused():
    with pytest.raises(ValueError, match="law"):
        GroupOrbitsDataModule("torus")

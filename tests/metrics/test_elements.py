"""Elements and algebras beside the true ones: closed forms, and what is invariant."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm, logm

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.elements import (
    invariant_form,
    nearest_on_subgroup,
    nearest_power,
    orthogonal_ceiling,
    power_floor,
    subgroup_floor,
)
from symmetry_pl.metrics.energy import EnergyDistance, energy_distance
from symmetry_pl.metrics.generator import cosine

SHIFT = Domain.line(7, "ring").shift()
LOG = torch.from_numpy(np.real(logm(SHIFT.numpy())))


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [0.2, -1.0, 3.0])
def test_a_multiple_of_the_true_logarithm_is_perfect(scale):
    found = nearest_on_subgroup(scale * LOG, SHIFT)
    assert found.cosine == pytest.approx(1, abs=1e-6)
    assert found.at * scale % 7 == pytest.approx(1, abs=1e-3)  # up to whole turns of the ring


def test_the_search_finds_what_a_finer_grid_finds():
    algebra = normal(5, 5)
    target = normal(5, 5, seed=1)
    found = nearest_on_subgroup(algebra, target)
    reach = 4 * math.pi / float(torch.linalg.matrix_norm(algebra, 2))
    times = np.linspace(-reach, reach, 3001)
    best = max(float(cosine(torch.from_numpy(expm(t * algebra.numpy())), target)) for t in times)
    assert found.cosine >= best - 1e-9
    assert found.cosine == pytest.approx(best, abs=1e-3)
    at = torch.from_numpy(expm(found.at * algebra.numpy()))
    assert float(cosine(at, target)) == pytest.approx(found.cosine, abs=1e-9)


def test_no_algebra_stays_at_the_identity():
    assert nearest_on_subgroup(torch.zeros(7, 7), SHIFT) == (0.0, 0.0)


@pytest.mark.parametrize("power", [-3, -1, 0, 2])
def test_the_nearest_power_is_the_power(power):
    q = torch.linalg.qr(normal(7, 7))[0]
    element = q.T @ torch.linalg.matrix_power(SHIFT, power) @ q
    assert nearest_power(element, q.tolist(), "ring") == pytest.approx((1.0, power))
    moving = nearest_power(element, q.tolist(), "ring", moving=True)
    assert moving.cosine == pytest.approx(1 if power else 0, abs=1e-6)


def test_powers_are_of_one_line():
    with pytest.raises(ValueError, match="has 2"):
        nearest_power(torch.eye(12), torch.eye(12), Domain(((3, "chain"), (4, "ring"))))


def test_ceilings_are_those_of_procrustes():
    assert orthogonal_ceiling(SHIFT) == pytest.approx(1)
    assert orthogonal_ceiling(Domain.line(7).shift()) == pytest.approx(math.sqrt(6 / 7))
    even = Domain.line(6, "ring").shift()  # a reflection: its least singular value is 1
    assert orthogonal_ceiling(even) == pytest.approx(4 / 6)


def test_floors_are_those_of_random_rotations():
    one = power_floor(7, "ring")
    assert one == pytest.approx(0.19, abs=0.01)
    assert power_floor(7, "ring", moving=True) < one
    times, unit = torch.linspace(-4 * math.pi, 4 * math.pi, 801).double(), normal(40, 7, 7, seed=9)
    unit = unit / torch.linalg.matrix_norm(unit, 2)[:, None, None]
    moved = torch.matrix_exp(times[:, None, None, None] * unit)
    cosines = (moved * SHIFT).sum((2, 3)) / (moved.flatten(2).norm(dim=2) * SHIFT.norm())
    known = cosines.max(0).values
    error = 3 * float(known.std()) * math.sqrt(1 / 40 + 1 / 50)
    assert subgroup_floor(7, "ring") == pytest.approx(float(known.mean()), abs=error)


def test_the_form_of_the_lorentz_algebra_is_minkowski_s():
    metric = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=torch.float64))
    skew = normal(6, 4, 4)
    algebra = metric @ (skew - skew.mT)
    assert float(cosine(invariant_form(algebra), metric).abs()) == pytest.approx(1)


def test_the_energy_distance_is_that_of_its_definition():
    a, b = normal(5, 2), normal(4, 2, seed=1) + 1
    across = np.mean([float((x - y).norm()) for x in a for y in b])
    within = [
        np.mean(
            [float((c[i] - c[j]).norm()) for i in range(len(c)) for j in range(len(c)) if i != j]
        )
        for c in (a, b)
    ]
    known = 1 - sum(within) / (2 * across)
    assert float(energy_distance(a, b)) == pytest.approx(known)


def test_halves_of_a_set_are_compared():
    metric, x = EnergyDistance(), normal(600, 2)
    for part in x.split(200):
        metric.update(part, part[:, :0])
    turned, floor = metric.between(lambda x, y: (x.flip(1), y))
    far, same = metric.between(lambda x, y: (3 * x, y))
    assert same == floor
    assert abs(float(floor)) < 0.01
    assert abs(float(turned)) < 0.01 < 0.1 < float(far)

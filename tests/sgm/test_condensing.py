"""Less noise in elements: modes and circles stay, and densities are as wide as laws."""

import math

import pytest
import torch

from symmetry_pl.groups import axial, build_cloud_group, icosahedral, tetrahedral
from symmetry_pl.groups.concentrated import ConcentratedLaw
from symmetry_pl.groups.rotations import rotation_angle, rotation_of, rotation_vector
from symmetry_pl.sgm.condensing import condensed, settled
from symmetry_pl.sgm.kernel_mixture import KernelMixture

LAW = ConcentratedLaw(build_cloud_group("so3"))


def draws(seed):
    return torch.Generator().manual_seed(seed)


def noise(count, jitter, seed):
    return rotation_of(jitter * torch.randn(count, 3, generator=draws(seed), dtype=torch.float64))


def off(elements, group):
    """Root mean square angle to the group, in radians."""
    return float(group.distance(elements).square().mean().sqrt())


@pytest.mark.parametrize("group", [tetrahedral(), icosahedral()], ids=["T", "I"])
def test_elements_of_a_finite_group_end_at_its_modes(group):
    noisy = noise(3000, 0.1, 1) @ group.sample(3000, generator=draws(2))
    found = condensed(LAW, noisy[:200], noisy, torch.tensor(80.0))
    assert off(noisy, group) == pytest.approx(0.1 * 3**0.5, rel=0.05)
    assert off(found, group) < 0.06  # the mean of 50 (I) has .024, and modes overlap a little
    # each at its own mode
    assert float(rotation_angle(found, noisy[:200]).max()) < 0.5


def test_a_circle_stays_a_circle():
    group = axial()
    noisy = noise(4000, 0.1, 1) @ group.sample(4000, generator=draws(2)).double()
    found = condensed(LAW, noisy[:500], noisy, torch.tensor(80.0))
    assert off(found, group) < 0.5 * off(noisy, group)
    angles = rotation_vector(found)[:, 2] % (2 * math.pi)
    counts = torch.histc(angles.float(), bins=12, min=0, max=2 * math.pi)
    assert counts.min() > 20  # of 42 in each


def test_clouds_are_put_in_the_mean_of_those_beside():
    """Twenty objects, seen forty times each, in any of the elements of T and with noise."""
    group, objects = tetrahedral(), torch.arange(20).repeat_interleave(40)
    noisy = noise(800, 0.1, 1) @ group.sample(800, generator=draws(2))
    near = torch.stack([(objects == o).nonzero()[:32, 0] for o in objects.tolist()])
    found = settled(LAW, noisy, near, group.elements.double(), torch.tensor(50.0))
    # what is left is one turn of each object: nearly the same for all of its clouds
    left = torch.stack([rotation_vector(found[objects == o] @ _own(found[objects == o], group).mT)
                        for o in range(20)])  # fmt: skip
    spread = float((left - left.mean(1, keepdim=True)).square().mean().sqrt())
    assert off(found, group) < 0.4 * off(noisy, group)
    assert spread < 0.03


def _own(elements, group):
    """The element of the group that is nearest to each."""
    every = group.elements.double()
    return every[rotation_angle(elements[:, None], every).argmin(1)]


@pytest.mark.parametrize("jitter", [0.05, 0.1])
def test_the_density_is_as_wide_as_the_law(jitter):
    """With a third of the clouds that the modes would need: what others say has a third's noise.

    The law of 60 modes, each of a deviation σ about three axes: in nats, log 60 and three halves
    of log 2πe σ² below none. A kernel about noisy elements that noisy relative ones have moved has
    three times that variance, which costs 3/2 (log 3 + 1/3 − 1) = .65 nats.
    """
    group, made = icosahedral(), KernelMixture(build_cloud_group("so3"), (6, 3))
    objects = torch.arange(100).repeat_interleave(20)
    shapes = torch.randn(101, 6, 3, generator=draws(5))
    elements = noise(2200, jitter, 6) @ group.sample(2200, generator=draws(7))
    eta = made.group.coordinates(elements).float()
    made.remember(eta[:2000], shapes[objects], torch.arange(2000))
    found = float(made.log_prob(eta[2000:], shapes[objects[::10]]).detach().mean())
    true = -math.log(60) - 1.5 * math.log(2 * math.pi * math.e * jitter**2)
    # the volume of SO(3) in the metric of angles: rotation vectors near one are as in space
    assert found == pytest.approx(true, abs=0.3)

"""Concentrated laws on groups: integral, samples against density, and scipy."""

import math

import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from symmetry_pl.groups import build_cloud_group
from symmetry_pl.groups.concentrated import ConcentratedLaw
from symmetry_pl.groups.rotations import random_rotations, rotation_angle, rotation_of

WIDE = torch.float64


def density_of_angle(law, points, c):
    """Density of the angle to the centre: that of the law times the area of the shell."""

    def at(angle):
        turn = torch.zeros(1, 1 if points == 2 else 3, dtype=WIDE)
        turn[:, -1] = angle
        squares = law.squares(rotation_of(turn), torch.eye(points, dtype=WIDE)[None])
        shell = 2.0 if points == 2 else 8 * math.pi * (1 - math.cos(angle))
        return float(law.log_density(squares, c).exp()) * shell

    return at


@pytest.mark.parametrize("points", [2, 3])
@pytest.mark.parametrize("c", [0.0, 0.7, 40.0, 1e4, 1e6])
def test_the_integral_over_rotations_is_one(points, c):
    law = ConcentratedLaw(build_cloud_group(f"so{points}"))
    at = density_of_angle(law, points, torch.tensor(c, dtype=WIDE))
    reach = min(math.pi, 14 / math.sqrt(c)) if c else math.pi
    assert quad(at, 0, reach, limit=200)[0] == pytest.approx(1, rel=1e-5)


def test_the_law_of_the_plane_is_that_of_von_mises():
    law = ConcentratedLaw(build_cloud_group("so2"))
    angles = torch.linspace(-3, 3, 7, dtype=WIDE)[:, None]
    squares = law.squares(rotation_of(angles), torch.eye(2, dtype=WIDE)[None])[:, 0]
    found = law.log_density(squares, torch.tensor(5.0))
    wanted = torch.from_numpy(stats.vonmises(5.0).logpdf(angles[:, 0].numpy()))
    torch.testing.assert_close(found, wanted)


def test_the_law_of_linear_maps_is_normal_in_their_entries():
    law = ConcentratedLaw(build_cloud_group("gl2"))
    draws = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 5, 2, 2, generator=draws, dtype=WIDE)
    found = law.log_density(law.squares(a, b), torch.tensor(8.0))
    wanted = stats.norm(0, 0.5).logpdf((a[:, None] - b).numpy()).sum((2, 3))
    torch.testing.assert_close(found, torch.from_numpy(wanted))


@pytest.mark.parametrize("points", [2, 3])
@pytest.mark.parametrize("c", [0.0, 2.0, 300.0])
def test_samples_are_of_the_density(points, c):
    law = ConcentratedLaw(build_cloud_group(f"so{points}"))
    draws = torch.Generator().manual_seed(0)
    centre = random_rotations(1, points, draws).expand(4000, points, points)
    noise = torch.randn(4000, law.noise_columns, generator=draws, dtype=WIDE)
    amount = torch.tensor(c, dtype=WIDE)
    drawn = law.draw(centre, amount, noise)
    angles = rotation_angle(drawn, centre).sort().values
    at = density_of_angle(law, points, amount)
    levels = [0.1, 0.3, 0.5, 0.7, 0.9]
    shares = [quad(at, 0, float(angles[int(4000 * level)]))[0] for level in levels]
    assert shares == pytest.approx(levels, abs=0.03)
    axes = (centre.mT @ drawn - drawn.mT @ centre).mean(0)
    assert axes.abs().max() < 0.1  # no direction is preferred


def test_mirror_images_are_out_of_reach():
    law = ConcentratedLaw(build_cloud_group("o3"))
    one = torch.eye(3, dtype=WIDE)[None]
    squares = law.squares(one, torch.cat([one, -one]))
    for c in (0.0, 3.0):
        found = law.log_density(squares, torch.tensor(c))[0]
        assert found[0].isfinite()
        assert found[1] == -math.inf


def test_other_groups_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="no concentrated law for a SpecialEuclidean"):
        ConcentratedLaw(build_cloud_group("se3"))

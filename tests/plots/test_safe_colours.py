"""Figures that all eyes can read: even maps, a logarithmic axis, bars of a share within it."""

import re
from pathlib import Path

import numpy as np
import pytest

from symmetry_pl.plots import basic, images
from symmetry_pl.plots.reliability import reliability, wilson

PACKAGE = Path(__file__).parents[2] / "symmetry_pl"
RNG = np.random.default_rng(0)


def test_maps_are_perceptually_uniform():
    for path in PACKAGE.rglob("*.py"):
        maps = re.findall(r'cmap="([^"]+)"', path.read_text(encoding="utf-8"))
        assert set(maps) <= {
            "viridis",
            "RdBu_r",
            "gray",
            "Greys",
            "Blues_r",
            "cividis",
            "twilight",
        }, path


def test_shares_have_bars_between_0_and_1():
    figure = reliability([0.02, 0.6, 0.99, 0.99], [False, True, True, True])
    ends = np.concatenate(
        [s.vertices[:, 1] for c in figure.axes[0].collections for s in c.get_paths()]
    )
    assert len(ends) >= 6
    assert ends.min() >= 0
    assert ends.max() <= 1


@pytest.mark.parametrize(("share", "count"), [(0.0, 4), (0.3, 10), (1.0, 181)])
def test_ends_of_wilsons_interval_are_one_standard_error_away(share, count):
    for end in wilson(share, count):  # the definition: |p̂ − p| is √(p (1 − p)/n) at both ends
        assert (share - end) ** 2 == pytest.approx(end * (1 - end) / count, abs=1e-12)


def test_iterates_are_on_a_logarithmic_axis():
    drawn = images.iterates(RNG.uniform(-1, 1, (3, 2, 1, 4, 4)), np.array([1.0, 0.01, 0.001]))
    assert [a.get_yscale() for a in drawn.axes if a.get_ylabel()] == ["log"]


def test_the_dashed_line_of_densities_is_explained():
    pictures = RNG.uniform(-1, 1, (2, 1, 4, 4))
    figure = images.marginals(
        pictures, pictures, RNG.normal(size=(2, 50, 1)), np.zeros((2, 1)), ["turn [rad]"], [None]
    )
    assert any("dashed" in axis.get_title(loc="left") for axis in figure.axes)


def test_planes_by_a_target_name_it():
    figure = basic.latent_plane(RNG.normal(size=(20, 1)), None, {"gap [eV]": RNG.normal(size=20)})
    assert "gap [eV]" in [axis.get_ylabel() for axis in figure.axes]

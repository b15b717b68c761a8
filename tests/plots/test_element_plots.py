import numpy as np
import torch
from matplotlib.figure import Figure

from symmetry_pl.groups import cyclic, icosahedral
from symmetry_pl.plots import elements as drawings

I60 = icosahedral().elements.numpy()


def test_every_element_of_a_group_has_a_place_of_its_own_on_the_map():
    longitude, latitude, tilt = drawings._places(I60)
    flat = np.cos(latitude)
    axes = [flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)]
    places = np.stack(axes, 1)
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    turns = np.abs((tilt[:, None] - tilt + 180) % 360 - 180) / 180
    assert (apart + turns + np.eye(60)).min() > 0.05
    assert np.abs(tilt).max() <= 180 + 1e-9


def test_the_map_circles_the_named_group():
    figure = drawings.rotation_map(np.repeat(I60, 3, 0), I60, "I")
    assert isinstance(figure, Figure)
    found, named = figure.axes[0].collections[:2]
    assert len(found.get_offsets()) == 180
    assert len(named.get_offsets()) == 60
    assert len(drawings.rotation_map(I60, I60[:0], "SO(3)").axes[0].collections) == 1


def test_angles_of_the_plane_stand_at_the_lines_of_their_group():
    group = cyclic(4, None).elements
    drawn = group.repeat(25, 1, 1).numpy()
    axis = drawings.angle_histogram(drawn, group.numpy(), "C4").axes[0]
    assert len(axis.lines) == 4
    heights = [bar.get_height() for bar in axis.patches]
    assert sum(heights) == 100
    assert sum(height > 0 for height in heights) <= 5  # half a turn is at both ends


def test_clouds_with_missing_points_are_drawn():
    x = torch.randn(2, 5, 3).numpy()
    x[0, 1] = np.nan
    figure = drawings.clouds([("clouds", x), ("prototypes", x)], ["a", "b"])
    assert len(figure.axes) == 4
    figure.canvas.draw()

"""Z1 in sections of Z0: what is invariant looks it, and what leaks does not."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from symmetry_pl import VAE, FlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.plots.property_plane import MIN_POINTS, property_plane, sections
from symmetry_pl.stib.painter import InvariancePainter

RNG = np.random.default_rng(0)


def panels(figure):
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]


def offsets(axis):
    """Grey points, and those of the section."""
    return [np.asarray(c.get_offsets()) for c in axis.collections]


def means(target, where):
    return [target[where == k].mean() for k in range(4)]


def test_sections_are_quarters():
    where = sections(RNG.normal(size=(203, 5)), RNG.normal(size=(203, 2)))
    assert where.shape == (203, 2)
    for column in where.T:
        assert set(column) == {0, 1, 2, 3}
        counts = np.bincount(column)
        assert counts.max() - counts.min() <= 4  # one a fold


def test_a_code_of_one_dimension_is_cut_along_it():
    z0 = RNG.normal(size=(80, 1))
    where = sections(z0, RNG.normal(size=(80, 1)))[:, 0]
    for k in range(3):
        assert z0[where == k].max() < z0[where == k + 1].min()


@pytest.mark.parametrize("leak", [lambda z: z[:, 5], lambda z: z[:, 5] ** 2], ids=["line", "ball"])
def test_a_leak_is_where_sections_are_cut(leak):
    z0 = RNG.normal(size=(600, 14)) * np.linspace(5, 0.1, 14)  # the leak is not the first component
    target = leak(z0 / z0.std(0)) + 0.5 * RNG.normal(size=600)
    low, *_, high = means(target, sections(z0, target[:, None])[:, 0])
    assert high - low > 1.5 * target.std()


def test_noise_is_not_taken_for_a_leak():
    differences = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        z0, target = rng.normal(size=(300, 14)), rng.normal(size=300)
        low, *_, high = means(target, sections(z0, target[:, None])[:, 0])
        differences.append(high - low)
    # one difference has the standard deviation sqrt(2 / 75); a regression on its own points
    # would read .5 and more
    assert abs(np.mean(differences)) < 4 * np.sqrt(2 / 75 / 10)


@pytest.mark.parametrize(
    ("z0", "message"),
    [
        (np.ones((MIN_POINTS - 1, 2)), "at least 40 points, got 39"),
        (np.full((50, 2), np.nan), "finite codes"),
    ],
)
def test_what_cannot_be_cut_is_refused(z0, message):
    with pytest.raises(ValueError, match=message):
        sections(z0, np.zeros((len(z0), 1)))


def test_panels_share_axes_and_show_every_point_once():
    z0, z1 = RNG.normal(size=(120, 3)), RNG.normal(size=(120, 4))
    colours = {"gap [eV]": z1[:, 0] + 7, "size": RNG.normal(size=120)}
    figure = property_plane(z0, z1, colours)
    drawn = panels(figure)
    assert len(drawn) == 8
    for row in (drawn[:4], drawn[4:]):
        assert len({(axis.get_xlim(), axis.get_ylim()) for axis in row}) == 1
        assert len({axis.collections[1].get_clim() for axis in row}) == 1
        shown = np.concatenate([offsets(axis)[1] for axis in row])
        assert np.array_equal(np.sort(shown, 0), np.sort(z1[:, :2], 0))
    where = sections(z0, np.stack([*colours.values()], 1))[:, 0]
    for k, axis in enumerate(drawn[:4]):
        chosen = colours["gap [eV]"][where == k]
        error = chosen.std(ddof=1) / np.sqrt(len(chosen))
        expected = f"Z0, section {k + 1} of 4\nmean {chosen.mean():.2f} ± {error:.2f}"
        assert axis.get_title() == expected


def test_one_dimension_is_drawn_as_a_curve():
    z1 = RNG.normal(size=(60, 1))
    target = np.tanh(z1[:, 0])
    drawn = panels(property_plane(RNG.normal(size=(60, 2)), z1, {"qed": target}))
    assert len(drawn) == 4
    assert drawn[0].get_ylabel() == "qed"
    shown = offsets(drawn[2])[1]
    assert np.allclose(shown[:, 1], np.tanh(shown[:, 0]))


def names(module, points, fill=None):
    x = torch.randn(points, 2)
    shown = {"x": x, "x_hat": x, "y": x, "z0": x[:, :1], "y_hat": x}
    if isinstance(module, FlowSTIB):
        shown["z1"] = x[:, 1:] if fill is None else torch.full((points, 1), fill)
    module.describe_data(DataDescription("vector", (2,), ("a", "b")))
    module.shown = shown
    data = SimpleNamespace(colours=lambda x, y: {"a": y[:, 0]})
    return [name for name, _ in InvariancePainter().paint(module, data, {})]


def test_it_is_painted_where_there_is_something_to_see():
    flow = FlowSTIB(flow_options={"bins": 4, "width": 4})
    assert "property_plane" in names(flow, MIN_POINTS)
    assert "property_plane" not in names(flow, MIN_POINTS - 1)
    assert "property_plane" not in names(flow, MIN_POINTS, fill=float("nan"))
    vae = VAE(autoencoder="mlp", autoencoder_options={"x_dim": 2, "width": 4})
    assert "property_plane" not in names(vae, MIN_POINTS)

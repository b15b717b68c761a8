"""Several inputs to a place: groups, channels and the grid of permuted colour images."""

from itertools import permutations

import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_channels
from symmetry_pl.metrics.places import exact_share


@pytest.fixture(scope="module", params=["bumps", "patches"])
def coloured(request):
    data = HiddenImagesDataModule(request.param, height=6, width=7, channels=3, samples=5000)
    x = data.training_inputs()
    return data, x, find_channels(x, 3)


def test_places_and_channels_of_colour_images_are_exact(coloured):
    data, _, found = coloured
    truth = {name: torch.tensor(data.description.extra[name]) for name in ("places", "channels")}
    assert found.found
    assert (found.alike, found.channels_alike) == (1.0, 1.0)
    assert found.grid.verdict.name == "lattice"
    shape = Domain(((6, "chain"), (7, "chain")))
    assert exact_share(found.places, found.grid.domain, truth["places"], shape) == 1.0
    assert any(
        torch.equal(torch.tensor(order)[found.channels], truth["channels"])
        for order in permutations(range(3))
    )


def test_images_and_translations_move_all_channels(coloured):
    _, x, found = coloured
    images = found.images(x[:5])
    assert images.shape == (5, 3, 6, 7)
    down, right = found.generators()
    moved = found.images(x[:5] @ down.T.to(x))
    assert torch.equal(moved[:, :, 1:], images[:, :, :-1])
    assert (moved[:, :, 0] == 0).all()
    moved = found.images(x[:5] @ right.T.to(x))
    assert torch.equal(moved[..., 1:], images[..., :-1])


def test_grey_images_have_no_channels():
    data = HiddenImagesDataModule("bumps", height=6, width=7, samples=4000)
    assert not find_channels(data.training_inputs(), 3).found


def test_white_inputs_have_no_channels():
    draw = torch.Generator().manual_seed(0)
    found = find_channels(torch.randn(4000, 60, generator=draw), 3)
    assert not found.found
    assert found.alike < 0.5


@pytest.mark.parametrize(
    ("channels", "message"), [(2, "must have 3 or 4 channels, got 2"), (4, "a multiple of this")]
)
def test_bad_numbers_of_channels_are_one_sentence(channels, message):
    with pytest.raises(ValueError, match=message):
        find_channels(torch.randn(40, 6), channels)

"""Several inputs to a place: groups, channels and the grid of permuted colour images."""

from itertools import permutations

import pytest
import torch
from pytorch_lightning import Trainer

import symmetry_pl
from symmetry_pl import LensDomain
from symmetry_pl.datamodules import HiddenImagesDataModule, SignalsDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens import painter
from symmetry_pl.lens.domains import find_channels
from symmetry_pl.metrics.places import channel_scores, exact_share


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


SCALES = torch.tensor([1.0, 2.0, 4.0, 3.0, 0.5])


def stacked(channels, height=6, width=7, samples=6000, seed=0):
    """Independent bumps under a common field, channel by channel, in a secret order.

    Of each place inputs are the more alike the nearer they are; channels differ in scale and noise.
    """
    data = HiddenImagesDataModule(
        "bumps", height=height, width=width, scramble="none", samples=samples, split_seed=seed
    )
    x = data.training_inputs()
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(samples, channels, height * width, generator=draw)
    levels = torch.linspace(0.1, 0.5, channels)[:, None]
    planes = SCALES[:channels, None] * (x[:, None] + levels * x.std() * noise)
    order = torch.randperm(channels * height * width, generator=draw)
    truth = order % (height * width), order // (height * width)
    return planes.flatten(1)[:, order], truth, Domain(((height, "chain"), (width, "chain")))


@pytest.mark.parametrize("channels", [2, 5])
def test_channels_that_behave_differently_are_found_by_planes(channels):
    x, (places, names), shape = stacked(channels)
    found = find_channels(x, channels)
    assert found.found
    assert found.alike == found.channels_alike == 1.0
    scores = channel_scores(found.places, found.channels, found.grid.domain, places, shape, names)
    assert min(scores.values()) == 1.0


def test_planes_do_not_depend_on_the_order_of_inputs():
    x, _, _ = stacked(2)
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(1))
    one, other = (find_channels(vectors, 2).groups for vectors in (x, x[:, order]))
    rows = [{tuple(sorted(row)) for row in groups.tolist()} for groups in (one, order[other])]
    assert rows[0] == rows[1]


@pytest.mark.slow
def test_bits_of_digits_are_found():
    data = HiddenImagesDataModule("mnist_crops", 15, 15, bits=8)
    data.prepare_data()
    data.setup()
    found = find_channels(data.training_inputs(), 8)
    assert found.found
    places, names = (torch.tensor(data.description.extra[k]) for k in ("places", "channels"))
    shape = Domain(((15, "chain"), (15, "chain")))
    scores = channel_scores(found.places, found.channels, found.grid.domain, places, shape, names)
    assert scores["exact_places"] == 1.0
    assert scores["exact_channels"] > 0.99


@pytest.mark.parametrize("channels", [2, 8])
def test_inputs_without_a_domain_have_none_by_planes(channels):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 80, generator=draw) @ torch.randn(80, 80, generator=draw)
    assert not find_channels(x, channels).found


def test_grey_images_have_no_channels():
    data = HiddenImagesDataModule("bumps", height=6, width=7, samples=4000)
    assert not find_channels(data.training_inputs(), 3).found


def test_white_inputs_have_no_channels():
    draw = torch.Generator().manual_seed(0)
    found = find_channels(torch.randn(4000, 60, generator=draw), 3)
    assert not found.found
    assert found.alike < 0.5


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (1, "must have 2 to 16 channels, got 1"),
        (17, "must have 2 to 16 channels, got 17"),
        (4, "a multiple of this"),
        (6, "fewer than 3 places of 6"),
    ],
)
def test_bad_numbers_of_channels_are_one_sentence(channels, message):
    with pytest.raises(ValueError, match=message):
        find_channels(torch.randn(40, 6), channels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    data = HiddenImagesDataModule("patches", height=6, width=7, channels=3, samples=5000)
    model = LensDomain(channels=3)
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(model, data)
    figures = trainer.test(model, data, verbose=False)[0]
    path = tmp_path_factory.mktemp("colour") / "model.ckpt"
    trainer.save_checkpoint(path)
    return data, model, figures, symmetry_pl.load(path)


def test_a_model_of_colour_images_scores_places_and_channels(trained):
    _, model, figures, _ = trained
    named = {name.rsplit("/", 1)[-1]: value for name, value in figures.items()}
    for name in ("exact_places", "exact_channels", "generator_cosine_least", "lattice_found"):
        assert named[name] == 1.0, name
    assert 0 < named["stencil_error"] < 0.5
    assert model.generators().shape == (2, 126, 126)


def test_a_loaded_model_goes_there_and_back_and_moves(trained):
    data, model, _, loaded = trained
    x = data.training_inputs()[:4]
    images = loaded.transform(x.numpy()).reshape(-1, *loaded.shape)
    assert loaded.shape[0] == 3
    assert sorted(loaded.shape[1:]) == [6, 7]
    layer = model.as_layer()
    assert torch.allclose(layer(x), torch.from_numpy(images))
    back = loaded.inverse_transform(images.reshape(4, -1))
    assert torch.allclose(torch.from_numpy(back).float(), x, atol=1e-5)
    moved = layer(torch.from_numpy(loaded.move(x.numpy(), [1, -2])).float())
    assert torch.allclose(moved[:, :, 1:, :-2], layer(x)[:, :, :-1, 2:], atol=1e-5)


def test_colours_are_drawn_in_the_order_of_the_true_ones(trained):
    data, model, _, _ = trained
    x = data.training_inputs()[:5]
    shown = painter._visible(model, model.as_layer()(x))
    channel = torch.tensor(data.description.extra["channels"])
    for k in range(3):
        true = x[:, channel == k].sort(1).values
        assert torch.equal(shown[:, k].flatten(1).sort(1).values, true)
    drawn = dict(painter.DomainPainter().paint(model, model.evaluator("test"), data, {}))
    assert {"images", "growth", "places"} <= drawn.keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "must be 1 to 16, got 0"),
        ({"channels": 17}, "must be 1 to 16, got 17"),
        ({"channels": 3, "mixing": "orthogonal"}, "needs model.mixing permutation"),
    ],
)
def test_bad_options_of_channels_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        LensDomain(**options)


def test_a_multiple_of_the_channels_is_asked_for_before_the_search():
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(ValueError, match="no multiple of it"):
        trainer.fit(LensDomain(channels=3), SignalsDataModule(dim=7, samples=100, batch_size=10))

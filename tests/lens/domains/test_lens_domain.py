"""LensDomain from data to figures, and the layer that it gives."""

import pytest
import pytorch_lightning as pl
import torch

import symmetry_pl
from symmetry_pl.core import DataDescription
from symmetry_pl.core.painter import painter_of
from symmetry_pl.datamodules import (
    ArrayDataModule,
    GraphFieldsDataModule,
    HiddenImagesDataModule,
    LawsDataModule,
)
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens import LensDomain
from symmetry_pl.lens.domain_evaluation import true_images, true_places
from symmetry_pl.lens.domains.layer import DomainLayer
from symmetry_pl.metrics import spec
from symmetry_pl.metrics.places import coordinates

GRID = Domain(((2, "chain"), (3, "chain")))


def fitted(data, epochs=2, **options):
    trainer = pl.Trainer(
        max_epochs=epochs, logger=False, enable_checkpointing=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = LensDomain(**options)
    trainer.fit(model, data)
    return model, trainer.test(model, data, verbose=False)[0]


@pytest.fixture(scope="module")
def bumps():
    data = HiddenImagesDataModule("bumps", 7, 9, samples=4000, eval_samples=300, batch_size=200)
    return data, *fitted(data, epochs=4)


def test_places_and_translations_are_exact(bumps):
    _, model, figures = bumps
    assert figures["test/exact_places"] == 1.0
    assert figures["test/exact_places_chance"] < 0.2
    assert figures["test/generator_cosine_least"] == pytest.approx(1.0)
    assert figures["test/generator_cosine_ceiling"] == pytest.approx(1.0)
    assert figures["test/image_correlation"] == pytest.approx(1.0)
    assert figures["test/image_correlation_floor"] < 0.4
    assert figures["test/band_cosine"] == pytest.approx(1.0)
    assert figures["test/lattice_found"] == figures["test/stationary_found"] == 1.0
    assert model.verdict(figures).startswith("lattice: two halves")
    assert all(
        spec(name.removeprefix("test/")).group for name in figures if "objective" not in name
    )


def test_the_stencil_predicts_pixels_on_the_lattice_and_none_in_disorder(bumps):
    data, model, figures = bumps
    assert 0 < figures["test/stencil_error"] < 0.5
    x = data.split("test").x
    right, whole = model.unexplained(x)
    wrong, _ = model.unexplained(
        x[:, torch.randperm(63, generator=torch.Generator().manual_seed(0))]
    )
    assert float((right.sum() / whole.sum()).detach()) == pytest.approx(
        figures["test/stencil_error"], rel=1e-4
    )
    assert wrong.sum() > 2 * right.sum()


def test_a_stencil_never_looks_at_the_pixel_itself(bumps):
    model = bumps[1]
    images = model.standardised(bumps[0].split("test").x[:20])
    changed = images.clone()
    changed[:, :, 3, 4] += 5.0
    before, after = model._predicted(images), model._predicted(changed)
    assert torch.allclose(before[:, :, 3, 4], after[:, :, 3, 4])
    assert not torch.allclose(before[:, :, 3, 5], after[:, :, 3, 5])


def test_a_stencil_goes_on_at_the_other_side_of_rings():
    data = HiddenImagesDataModule(
        "bumps", 6, 8, topology="cylinder", samples=3000, eval_samples=100, batch_size=300
    )
    model, figures = fitted(data)
    assert figures["test/exact_places"] == 1.0
    assert model.verdict(figures).startswith("cylinder: two halves")
    assert model.domain.axes == ((6, "chain"), (8, "ring"))
    images = model.standardised(data.split("test").x[:20])
    moved = images.roll(3, -1)
    assert torch.allclose(model._predicted(moved), model._predicted(images).roll(3, -1), atol=1e-5)
    edge = torch.zeros_like(images)
    edge[:, :, 0, 0] = 1.0
    pulled = model._predicted(edge)
    assert pulled[:, :, 0, -1].abs().min() > 0
    assert (pulled[:, :, -1] == 0).all()


def test_the_layer_gives_the_images_back(bumps):
    data, model, _ = bumps
    hidden = data.split("test").x
    data_plain = HiddenImagesDataModule(
        "bumps", 7, 9, samples=10, eval_samples=300, scramble="none"
    )
    true = data_plain.split("test").x.view(-1, 1, 7, 9)
    images = model.as_layer()(hidden)
    assert images.shape == true.shape
    ways = [true, true.flip(2), true.flip(3), true.flip(2, 3)]
    assert any(torch.equal(images, way) for way in ways)
    larger = model.as_layer(size=(11, 10))(hidden)
    assert torch.equal(larger[:, :, 2:9, :9], images)
    assert larger.sum() == pytest.approx(float(images.sum()), rel=1e-5)


def test_a_checkpoint_holds_what_was_found(bumps, tmp_path):
    data, model, _ = bumps
    model.trainer.save_checkpoint(tmp_path / "last.ckpt")
    loaded = symmetry_pl.load(tmp_path / "last.ckpt")
    x = data.split("test").x
    assert loaded.shape == (7, 9)
    cells = loaded.transform(x.numpy())
    assert torch.equal(torch.from_numpy(cells), model.as_layer()(x).flatten(1))
    assert loaded.inverse_transform(cells) == pytest.approx(x.double().numpy())
    there = loaded.move(x.numpy(), [1, -2])
    moved = torch.from_numpy(loaded.transform(there)).view(-1, 7, 9)
    images = torch.from_numpy(cells).view(-1, 7, 9)
    assert torch.allclose(moved[:, 1:, :-2], images[:, :-1, 2:])
    assert not moved[:, 0].any()
    assert loaded.module.found().verdict == model.found().verdict
    assert loaded.as_layer().shape == (7, 9)
    with pytest.raises(ValueError, match="t must be 2 whole numbers"):
        loaded.move(x.numpy(), [0.5, 1])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (LawsDataModule("ring", dim=12, samples=2000, transform="permuted", noise=0.1), 1.0),
        (GraphFieldsDataModule("tree", size=20, samples=2000), 0.0),
    ],
    ids=["ring", "tree"],
)
@pytest.mark.filterwarnings("ignore:no hidden domain")
def test_lines_and_what_has_no_domain(data, found):
    model, figures = fitted(data, epochs=1)
    assert figures["test/domain_found"] == found
    assert figures["test/lattice_found"] == 0.0
    if found:
        assert model.domain == Domain.line(12, "ring")
        assert figures["test/exact_places"] == 1.0
        assert figures["test/generator_cosine"] == pytest.approx(1.0)
        assert model.as_layer()(torch.zeros(3, 12)).shape == (3, 1, 12)
    else:
        assert "no domain" in model.verdict(figures)
        assert "test/exact_places" not in figures


@pytest.mark.filterwarnings("ignore:no hidden domain")
@pytest.mark.parametrize(
    "data",
    [
        LawsDataModule("ring", dim=12, samples=1000, transform="permuted", noise=0.1),
        LawsDataModule("white", dim=16, samples=1000, transform="permuted"),
        HiddenImagesDataModule("bumps", 4, 6, samples=1000, eval_samples=50, batch_size=200),
    ],
    ids=["ring", "white", "lattice"],
)
def test_whatever_was_found_is_drawn(data):
    model, _ = fitted(data, epochs=1)
    drawn = dict(painter_of(model).paint(model, model.evaluator("test"), data, {}))
    assert {"images", "places"} <= drawn.keys()
    assert ("growth" in drawn) == (model.domain.dimensions == 2)
    assert any(name.startswith("generator") for name in drawn)
    for picture in drawn.values():
        picture.canvas.draw()


def test_a_lattice_says_in_which_order_it_grew():
    data = HiddenImagesDataModule("bumps", 4, 6, samples=1000, eval_samples=50, batch_size=200)
    model, _ = fitted(data, epochs=1)
    grown = model.grown[model.grown >= 0].sort().values
    assert torch.equal(grown, torch.arange(len(grown)))
    assert len(grown) >= 22
    first = model.grown.where(model.grown >= 0, 99).argsort()[:4]
    corners = coordinates(model.places[first], model.domain)
    assert (corners.amax(0) - corners.amin(0)).tolist() == [1, 1]


def test_checkpoints_that_do_not_say_how_a_lattice_grew_are_read(tmp_path):
    data = HiddenImagesDataModule("bumps", 4, 6, samples=1000, eval_samples=50, batch_size=200)
    model, _ = fitted(data, epochs=1)
    model.trainer.save_checkpoint(tmp_path / "new.ckpt")
    checkpoint = torch.load(tmp_path / "new.ckpt", weights_only=True)
    del checkpoint["state_dict"]["grown"]
    torch.save(checkpoint, tmp_path / "old.ckpt")
    old = symmetry_pl.load(tmp_path / "old.ckpt").module
    assert torch.equal(old.places, model.places)
    assert (old.grown == -1).all()


@pytest.mark.parametrize("scramble", ["none", "permutation", "orthogonal", "linear"])
def test_true_images_are_those_before_the_scramble(scramble):
    hidden, plain = (
        HiddenImagesDataModule("bumps", 4, 6, samples=20, scramble=kind, dtype="float64")
        for kind in (scramble, "none")
    )
    images, cells = true_images(hidden.description, hidden.training_inputs())
    assert torch.allclose(images, plain.training_inputs())
    assert cells == Domain(((4, "chain"), (6, "chain")))


def test_a_warning_says_that_nothing_was_found():
    data = GraphFieldsDataModule("tree", size=12, samples=1000)
    with pytest.warns(UserWarning, match="no hidden domain was found"):
        fitted(data, epochs=1)


def test_mixed_data_are_scored_by_their_basis():
    data = HiddenImagesDataModule(
        "bumps", 4, 5, samples=1000, scramble="orthogonal", eval_samples=50, batch_size=200
    )
    with pytest.warns(UserWarning, match=r"see that model\.mixing says"):
        _, figures = fitted(data, epochs=1)
    assert abs(figures["test/generator_cosine"]) < 0.9
    assert "test/exact_places" not in figures


def test_vectors_of_ones_own(tmp_path):
    x = HiddenImagesDataModule("bumps", 5, 6, samples=3000).training_inputs()
    data = ArrayDataModule.from_arrays(x.numpy(), batch_size=500)
    model, figures = fitted(data, epochs=1)
    assert figures["test/lattice_found"] == 1.0
    assert {length for length, _ in model.domain.axes} == {5, 6}


def test_a_trainable_layer_starts_as_the_frozen_one():
    places = torch.tensor([4, -1, 0, 2, 5, 1, 3])
    frozen, free = (DomainLayer(places, GRID, trainable=free) for free in (False, True))
    x = torch.randn(8, 7, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(frozen(x), free(x))
    assert not list(frozen.parameters())
    free(x).square().sum().backward()
    assert free.weight.grad.abs().sum() > 0
    assert frozen.taken.all()
    assert "7 inputs to 2 x 3, frozen" in repr(frozen)
    x[:, 1] = 0  # the one without a cell
    assert torch.allclose(frozen(x).square().sum(), x.square().sum())


def test_layers_refuse_what_they_cannot_do():
    places = torch.arange(6)
    with pytest.raises(ValueError, match=r"size must be at least \(2, 3\), got \(2, 2\)"):
        DomainLayer(places, GRID, size=(2, 2))
    with pytest.raises(ValueError, match="vectors must have 6 numbers, got 5"):
        DomainLayer(places, GRID)(torch.zeros(1, 5))
    model = LensDomain()
    model.describe_data(DataDescription("vector", (6,)))
    with pytest.raises(ValueError, match="found nothing before a fit"):
        model.found()
    with pytest.raises(ValueError, match=r"model.radius must be at least 1"):
        LensDomain(radius=0)


def test_the_truth_is_read_from_places_or_from_a_permutation():
    named = DataDescription("vector", (3,), extra={"places": [2, 0, 1], "axes": [[3, "ring"]]})
    basis = torch.eye(3)[[1, 2, 0]].tolist()
    permuted = DataDescription("vector", (3,), extra={"ideal_basis": basis, "topology": "chain"})
    turned = DataDescription(
        "vector", (2,), extra={"ideal_basis": [[0.6, 0.8], [-0.8, 0.6]], "topology": "chain"}
    )
    assert true_places(named)[0].tolist() == [2, 0, 1]
    assert true_places(named)[1] == Domain.line(3, "ring")
    assert true_places(permuted)[0].tolist() == [2, 0, 1]
    assert true_places(turned) is None
    assert true_places(DataDescription("vector", (3,))) is None


def test_rotated_pixels_are_unmixed_and_put_on_their_lattice(tmp_path):
    options = {"samples": 20_000, "eval_samples": 300, "batch_size": 500, "noise": 0.05}
    data = HiddenImagesDataModule("bumps", 6, 7, scramble="orthogonal", **options)
    model, figures = fitted(data, epochs=1, mixing="orthogonal")
    assert figures["test/lattice_found"] == figures["test/stationary_found"] == 1.0
    assert figures["test/generator_cosine"] > 0.985
    assert figures["test/stencil_error"] < 0.7
    plain = HiddenImagesDataModule("bumps", 6, 7, scramble="none", **options)
    true = plain.split("test").x.view(-1, 1, 6, 7)
    hidden = data.split("test").x.clone()  # drawn within a trainer, it has no gradients
    images = model.as_layer()(hidden)
    assert torch.allclose(model.as_layer(trainable=True)(hidden), images, atol=1e-5)
    ways = torch.stack([true, true.flip(2), true.flip(3), true.flip(2, 3)])
    errors = (ways - images).square().mean((1, 2, 3, 4)) / true.var()
    assert errors.min() < 0.02
    model.trainer.save_checkpoint(tmp_path / "last.ckpt")
    loaded = symmetry_pl.load(tmp_path / "last.ckpt")
    cells = loaded.transform(hidden.numpy())
    assert loaded.inverse_transform(cells) == pytest.approx(hidden.double().numpy(), abs=1e-5)
    assert loaded.module.found().verdict == model.found().verdict


def test_a_permutation_is_a_rotation_too():
    data = HiddenImagesDataModule(
        "bumps", 5, 6, samples=20_000, eval_samples=50, batch_size=500, noise=0.05
    )
    _, figures = fitted(data, epochs=1, mixing="orthogonal")
    assert figures["test/generator_cosine"] > 0.98

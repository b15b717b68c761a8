"""SGM on clouds of points: equivariant frames, the mixture on the group, the group found."""

import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything

from symmetry_pl import SGM
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import ArrowDataModule, RandomShapesDataModule, TetrahedronDataModule
from symmetry_pl.fitted import fitted_model
from symmetry_pl.groups import build_cloud_group, octahedral
from symmetry_pl.groups.rotations import random_rotations, rotation_of
from symmetry_pl.sgm.kernel_mixture import KernelMixture
from symmetry_pl.sgm.ordered_frame import OrderedFrame
from symmetry_pl.sgm.self_supervision import self_supervision

COLOR = {"bounds": [0.5, 0.0, 0.0]}
CLOUDS = DataDescription("cloud", (5, 3))
FLOW = {"flow": {"lr": 0.3, "weight_decay": 0, "warmup": "5 %"}}


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def fitted(data, group="so3", epochs=4, **options):
    seed_everything(0, verbose=False)
    model = SGM(
        **{
            "group": group,
            "inference": "ordered",
            "copies": 1,
            "spread": None,
            "invertibility": 0,
            "phases": {"ssl": "0 %"},
            "players": FLOW,
            "orbit_images": 16,
            "orbit_size": 3,
            **options,
        }
    )
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    return model, {k.split("/")[1]: float(v) for k, v in trainer.callback_metrics.items()}


@pytest.mark.parametrize("name", ["so2", "so3", "o2", "o3", "se2", "se3", "gl2"])
def test_the_frame_of_ordered_points_is_equivariant(name):
    group = build_cloud_group(name)
    x = torch.randn(20, 7, group.points, generator=draws(), dtype=torch.float64)
    x[:, 2] = torch.nan
    frame = OrderedFrame(group, (7, group.points)).double()
    moved = group.sample(20, generator=draws(1), dtype=torch.float64)
    one, other = frame(x), frame(group.apply(moved, x))
    torch.testing.assert_close(other, group.compose(one, moved), atol=1e-8, rtol=1e-8)
    loss = self_supervision(group, frame, x, moved)
    assert loss.mse < 1e-12


def test_missing_points_that_change_are_said():
    frame = OrderedFrame(build_cloud_group("so3"), (5, 3))
    x = torch.randn(4, 5, 3, generator=draws())
    assert frame.adopt(x) is None
    x[1, 2] = torch.nan
    assert "model.inference unordered" in frame.adopt(x)


def mixture(name="so3", jitter=0.1, count=600, **options):
    """One that has seen the octahedral group, or that of quarters, with a jitter."""
    group = build_cloud_group(name)
    noise = jitter * torch.randn(count, 1 if group.points == 2 else 3, generator=draws())
    if group.points == 2:
        turns = torch.randint(4, (count, 1), generator=draws(1)) * math.pi / 2
        element = rotation_of(noise + turns)
    else:
        element = rotation_of(noise) @ octahedral().sample(count, generator=draws(1))
    x = torch.randn(1, 6, group.points, generator=draws(2)).expand(count, -1, -1)
    made = KernelMixture(group, (6, group.points), **options)
    eta = group.coordinates(element).float()
    made.remember(eta, x, torch.arange(count))
    return made, eta, x


@pytest.mark.parametrize(("name", "volume"), [("so2", 2 * math.pi), ("so3", 8 * math.pi**2)])
def test_the_density_integrates_to_one(name, volume):
    made, _, x = mixture(name)
    group, count = made.group, 8000
    with torch.no_grad():
        made.log_concentration.fill_(math.log(60.0))
        made.log_shared.fill_(math.log(40.0))
        for shares in ([0.0, -20.0, -20.0], [-20.0, 0.0, -20.0], [0.0, 0.0, 0.0]):
            made.share_logits.copy_(torch.tensor(shares))
            uniform = random_rotations(count, group.points, draws(5))
            eta = group.coordinates(uniform)
            values = made.log_prob(eta, x[:1].expand(count, -1, -1)).exp() * volume
            error = float(values.std() / count**0.5)
            assert float(values.mean()) == pytest.approx(1, abs=max(0.01, 4 * error))


def test_samples_have_the_density_they_are_scored_by():
    """E_p of 1 / p over a region is its volume, whatever p."""
    made, _, x = mixture()
    count = 8000
    with torch.no_grad():
        made.log_concentration.fill_(math.log(30.0))
        made.log_shared.fill_(math.log(20.0))
        made.share_logits.copy_(torch.tensor([0.0, 1.0, 0.5]))  # 1 / p has a bound
        noise = torch.randn(count, made.noise_dim, generator=draws(7))
        eta = made.sample(noise, x[:1])
        values = made.log_prob(eta, x[:1].expand(count, -1, -1))
    angle = eta.norm(dim=1)
    for low, high in ((0.2, 1.0), (1.0, 2.0), (2.0, 3.0)):
        inside = (angle > low) & (angle < high)
        volumes = 1 / values.exp()[inside]
        found = float(volumes.sum() / count)
        error = float(volumes.std()) * len(volumes) ** 0.5 / count
        # the volume of a shell of angles: 8π (θ − sin θ)
        wanted = 8 * math.pi * (high - low - (math.sin(high) - math.sin(low)))
        assert found == pytest.approx(wanted, abs=4 * error)
        assert error < 0.06 * wanted


def test_what_is_remembered_does_not_know_itself():
    """A cloud with an element of its own is likely by the whole memory, and not by the others."""
    made, eta, x = mixture(jitter=0.0, count=40)
    eta = eta.clone()
    eta[0] = torch.tensor([0.3, -0.4, 0.2])
    rows = 10 + torch.arange(40)
    made.remember(eta, x, rows)
    with torch.no_grad():
        made.log_concentration.fill_(math.log(1e4))
        made.share_logits.copy_(torch.tensor([0.0, -20.0, -20.0]))
        whole, others = made.log_prob(eta, x), made.training_log_prob(eta, x, rows)
    assert whole[0] > others[0] + 10
    again = ((eta[:, None] - eta).abs().amax(2) < 1e-4).sum(1) > 1
    assert others[again].min() > others[0] + 10


def test_prototypes_tell_objects_apart():
    """Two objects with elements of their own: each density is high at its own alone."""
    group = build_cloud_group("so3")
    made = KernelMixture(group, (6, 3))
    one, other = torch.randn(2, 6, 3, generator=draws())
    eta = torch.tensor([[0.0, 0.0, 0.5], [1.5, 0.0, 0.0]]).repeat_interleave(50, 0)
    x = torch.stack([one, other]).repeat_interleave(50, 0)
    made.remember(eta, x, torch.arange(100))
    with torch.no_grad():
        made.log_concentration.fill_(math.log(1000.0))
        made.share_logits.copy_(torch.tensor([0.0, -9.0, -9.0]))
        found = made.log_prob(eta[[0, 50]].repeat(2, 1), x[[0, 0, 50, 50]]).view(2, 2)
    assert (found.diag() - found.fliplr().diag()).min() > 5
    shuffled = made(x[:1, torch.randperm(6, generator=draws(1))])
    torch.testing.assert_close(shuffled, made(x[:1]))


def on_arrays(model, data):
    """What a trained model says of arrays is what it says of batches."""
    x = data.split("test").x[:20]
    wrapped = fitted_model(model)
    prototypes, elements = wrapped.transform(x.numpy()), wrapped.elements(x.numpy())
    torch.testing.assert_close(torch.from_numpy(prototypes), model.canonicalise(x)[0])
    again = wrapped.inverse_transform(prototypes, elements)
    torch.testing.assert_close(torch.from_numpy(again), x, atol=1e-5, rtol=0)
    assert wrapped.resample(x.numpy()).shape == x.shape
    assert wrapped.log_prob(x.numpy()).shape == (20,)
    with pytest.raises(ValueError, match=r"x must be clouds \(N, 4, 3\)"):
        wrapped.transform(x.numpy()[:, :3])
    with pytest.raises(ValueError, match="row 1 has infinite coordinates"):
        wrapped.transform(x.index_fill(0, torch.tensor([1]), torch.inf).numpy())


@pytest.mark.parametrize(("hidden", "epochs"), [("T", 3), ("SO(2)", 3)])
def test_the_group_of_the_tetrahedron_is_found(hidden, epochs):
    data = TetrahedronDataModule(group=hidden, samples=2000, eval_samples=500, batch_size=500)
    model, found = fitted(data, epochs=epochs)
    on_arrays(model, data)
    assert found["group_right"] == 1
    assert found["transport"] < 1.6 * found["transport_floor"]  # 500 elements: chance
    assert found["elements_off"] < 0.01
    assert found["prototype_spread"] < 1e-6
    assert "elements are of" in model.verdict({})


def test_a_network_without_a_frame_learns_how_clouds_are_turned():
    data = ArrowDataModule(samples=1000, eval_samples=60, batch_size=250, missing=1)
    _, found = fitted(
        data, "so2", 30, inference="mlp", inference_options={"widths": [64, 64]}, copies=2,
        phases={"ssl": "90 %"}, players={**FLOW, "inference": {"lr": 3e-3}},
    )  # fmt: skip
    assert found["prototype_spread"] < 0.3  # 1 for a network that says nothing


def test_a_likelihood_is_above_uniform_as_the_jitter_allows():
    jitter = 0.05
    data = RandomShapesDataModule(
        group="O", jitter=jitter, shapes=2, cloud_size=10, samples=3000, eval_samples=300,
        batch_size=500,
    )  # fmt: skip
    model, found = fitted(data, epochs=3)
    entropy = math.log(24) + 1.5 * math.log(2 * math.pi * math.e * jitter**2)
    best = model.group.log_volume - entropy
    assert best - 0.5 < found["likelihood_gain"] < best + 0.2


def test_the_group_of_the_arrow_is_found_among_linear_maps():
    data = ArrowDataModule(samples=2000, eval_samples=400, batch_size=500)
    _, found = fitted(data, "gl2", 3, group_options={"measure": "factors"})
    assert found["group_right"] == 1
    assert found["transport"] < 2 * found["transport_floor"]  # 400 elements: chance
    assert found["transport_random"] > 5 * found["transport_floor"]
    assert "likelihood_gain" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"inference": "frame"},
            "acts on clouds, and inference 'frame' is for images: take mlp or ordered or principal",
        ),
        ({"generative": "flow"}, "acts on clouds, and generative 'flow' is for images: take kern"),
        (
            {"group": "color", "group_options": COLOR},
            "acts on images, and inference 'ordered' is for clouds: take frame",
        ),
        ({"group": "sim3"}, "no frame of ordered clouds for a Similarity"),
        ({"orbit_bounds": [1.0]}, "model.orbit_bounds are for images"),
        ({"group": "se3"}, "no concentrated law for a SpecialEuclidean"),
        ({"blur": 1.0}, "model.blur is for images"),
    ],
)
def test_what_does_not_fit_clouds_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        SGM(**{"group": "so3", "inference": "ordered", **options}).describe_data(CLOUDS)


def test_images_are_refused_by_a_group_of_clouds():
    model = SGM(group="so3", inference="ordered")
    with pytest.raises(ValueError, match=r"the data are image .* is for clouds"):
        model.describe_data(DataDescription("image", (1, 8, 8)))
    with pytest.raises(ValueError, match=r"must have the shape \(n, 3\), got \(5, 2\)"):
        model.describe_data(DataDescription("cloud", (5, 2)))

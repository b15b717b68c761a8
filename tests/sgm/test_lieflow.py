"""LieFlow: paths on groups, exact velocities, and the group that a short training finds."""

import math

import pytest
import torch
from pytorch_lightning import Trainer, seed_everything
from torch import nn

from symmetry_pl import LieFlow
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import ArrowDataModule
from symmetry_pl.groups import build_cloud_group, rigid_frame
from symmetry_pl.groups.algebra_chart import algebra_chart
from symmetry_pl.groups.rotations import rotation_angle, rotation_vector
from symmetry_pl.nn.time_mlp import TimeMLP
from symmetry_pl.sgm.elements.random_elements import elements_at

COLOR = {"group": "color", "group_options": {"bounds": [0.5, 0.0, 0.0]}}
CLOUDS = DataDescription("cloud", (4, 3))


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["so2", "so3", "se2", "se3", "sim2", "sim3"])
def test_paths_lead_from_the_identity_to_the_element(name):
    group = build_cloud_group(name)
    chart = algebra_chart(group)
    element = group.sample(30, generator=draws(), dtype=torch.float64)
    omega = chart.logarithm(element)
    assert omega.shape == (30, chart.dim)
    torch.testing.assert_close(chart.exponential(omega), element)
    half = chart.exponential(omega / 2)
    torch.testing.assert_close(group.compose(half, half), element)
    assert omega.abs().max() <= chart.limit + 1e-9


@pytest.mark.parametrize("measure", ["algebra", "factors"])
def test_linear_maps_have_the_real_part_of_the_complex_logarithm(measure):
    group = build_cloud_group("gl2", measure=measure)
    chart = algebra_chart(group)
    element = group.sample(300, generator=draws(), dtype=torch.float64)
    values, vectors = torch.linalg.eig(element)
    true = (vectors * values.log()[:, None] @ torch.linalg.inv(vectors)).real
    found = chart.logarithm(element)
    torch.testing.assert_close(found, true.flatten(1), atol=1e-6, rtol=1e-6)
    without = (values.real < 0) & (values.imag == 0)
    sign = torch.where(without.all(1), -1.0, 1.0)[:, None, None]
    torch.testing.assert_close(chart.exponential(found), sign * element)
    assert bool(without.any()) == (measure == "factors")


def test_mirror_images_are_on_no_path():
    with pytest.raises(ValueError, match="no path from the identity to each element of a Orth"):
        LieFlow(group="o3")


def test_random_elements_belong_to_their_places():
    group = build_cloud_group("so3")
    whole = elements_at(group, torch.arange(4500), 1)
    some = torch.tensor([4100, 3, 2047, 2048])
    assert torch.equal(elements_at(group, some, 1), whole[some])
    assert not torch.equal(elements_at(group, some, 2), whole[some])
    assert whole.mean(0).abs().max() < 0.04
    assert len(whole.flatten(1).unique(dim=0)) == 4500


def test_the_network_sees_time_by_its_waves():
    made = TimeMLP(2, 1, width=8)
    torch.testing.assert_close(made.frequencies, 10.0 ** -(4 * torch.arange(4.0) / 3))
    x = torch.randn(1, 2, generator=draws()).expand(5, 2)
    assert made(x, torch.linspace(0, 1, 5)).std() > 0
    with pytest.raises(ValueError, match="width must be even and at least 4, got 5"):
        TimeMLP(2, 1, width=5)


class Exact(nn.Module):
    """The velocity of data that are one cloud, whose path from x_t is its frame's."""

    def __init__(self, cloud):
        super().__init__()
        self.cloud = cloud

    def forward(self, x, t):
        frame = rigid_frame(x.view(-1, *self.cloud.shape), self.cloud)
        return -rotation_vector(frame) / (1 - t)[:, None]


@pytest.mark.parametrize("skewness", [1.0, 5.0])
def test_an_exact_velocity_has_no_loss_and_leads_home(skewness):
    cloud = torch.randn(4, 3, generator=draws(), dtype=torch.float64)
    model = LieFlow(group="so3", skewness=skewness, steps=7)
    model.describe_data(CLOUDS)
    model.velocity = Exact(cloud)
    x, places = cloud.expand(50, 4, 3), torch.arange(50)
    assert model.evaluation_loss(x, places)["velocity_mse"] < 1e-18
    element = model.drawn(x, places, 0)
    assert rotation_angle(element, torch.eye(3, dtype=torch.float64)).max() < 1e-6


def test_a_velocity_at_rest_leaves_the_law_of_the_group():
    model = LieFlow(group="so3", width=8, depth=1)
    model.describe_data(CLOUDS)
    for parameter in model.velocity.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(20, 4, 3, generator=draws())
    start = model.prior_at(x, torch.arange(20), 1)
    torch.testing.assert_close(model.drawn(x, torch.arange(20), 1), start)
    loss = model.evaluation_loss(x, torch.arange(20))["velocity_mse"]
    omega = rotation_vector(model.prior_at(x, torch.arange(20), 19))
    torch.testing.assert_close(loss.double(), omega.square().mean(), atol=1e-5, rtol=1e-5)


def test_late_times_are_drawn_by_the_power_law():
    """u^{1/s} has the mean s / (s + 1)."""
    model = LieFlow(group="so2", skewness=5.0, width=8, depth=1)
    model.describe_data(DataDescription("cloud", (4, 2)))
    seen = []
    model.velocity = Watch(seen)
    x = torch.randn(4000, 4, 2, generator=draws())
    model.evaluation_loss(x, torch.arange(4000))
    assert float(seen[0].mean()) == pytest.approx(5 / 6, abs=0.01)


class Watch(nn.Module):
    """Keeps the times that it is asked for."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def forward(self, x, t):
        self.seen.append(t)
        return x.new_zeros(len(x), 1)


def test_the_rotations_of_the_arrow_are_found():
    seed_everything(0, verbose=False)
    data = ArrowDataModule(samples=4000, eval_samples=500, batch_size=500, missing=1)
    player = {"velocity": {"lr": 5e-3, "schedule": "cosine", "end": 0.01}}
    model = LieFlow(group="so2", width=64, depth=3, steps=50, players=player)
    trainer = Trainer(
        max_epochs=40,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        check_val_every_n_epoch=40,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    found = {k.split("/")[1]: float(v) for k, v in trainer.callback_metrics.items()}
    assert found["transport"] < 0.4 * found["transport_random"]
    assert found["velocity_mse"] < 0.4 * math.pi**2 / 3  # that of no velocity
    assert found["objective"] == found["velocity_mse"]
    assert "elements are of" in model.verdict({})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skewness": 0.0}, "model.skewness must be positive, got 0.0"),
        ({"steps": 0}, "model.steps must be at least 1, got 0"),
        (COLOR, "'color' acts on images, and LieFlow is for clouds: take so2, so3 or gl2"),
    ],
)
def test_what_makes_no_flow_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        LieFlow(**options)


def test_other_data_are_refused():
    with pytest.raises(ValueError, match=r"the data are vector .* LieFlow is for clouds"):
        LieFlow().describe_data(DataDescription("vector", (5,)))
    with pytest.raises(ValueError, match=r"must have the shape \(n, 3\), got \(5, 2\)"):
        LieFlow().describe_data(DataDescription("cloud", (5, 2)))

"""GenerativeNetwork: the published size, units, options, precision."""

from __future__ import annotations

import math

import pytest
import torch

from symmetry_pl.groups import build_group
from symmetry_pl.sgm.generative import GenerativeNetwork

FIVE = [0.25, 0.25, math.pi, 0.25, 0.25]
TINY = {"widths": [16, 8], "layers": 2, "hidden": [8], "base_hidden": [], "dropout": 0.0}


def affine(bounds=FIVE, chart="exponential"):
    return build_group("affine", bounds=bounds, chart=chart)


def build(group=None, shape=(1, 8, 8), **options):
    torch.manual_seed(0)
    return GenerativeNetwork(group or affine(), shape, **{**TINY, **options})


def draws(net, count=32, shape=(1, 8, 8)):
    torch.manual_seed(1)
    return torch.randn(count, net.flow.dim), torch.rand(count, *shape) * 2 - 1


def test_published_size_but_for_weights_that_do_nothing():
    net = GenerativeNetwork(affine(), (1, 28, 28), edge_slopes=True)
    # The published conditioners see all 5 coordinates, masked, and predict splines for all 5.
    surplus = 0
    for coupling in net.flow.couplings._transforms:
        moved = len(coupling.transform_features)
        surplus += 256 * moved + (256 + 1) * 19 * (5 - moved)
    assert sum(p.numel() for p in net.parameters()) == 2_066_756 - surplus
    assert surplus == 77_085


@pytest.mark.parametrize("encoder", ["mlp", "conv"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14)])
def test_samples_and_densities_of_a_batch(encoder, shape):
    net = build(shape=shape, encoder=encoder).eval()
    noise, prototypes = draws(net, shape=shape)
    eta = net.sample(noise, prototypes)
    assert eta.shape == (32, 5)
    log_prob = net.log_prob(eta, prototypes)
    assert log_prob.shape == (32,)
    torch.testing.assert_close(
        log_prob, net.flow.log_prob(eta, net(prototypes)), atol=1e-5, rtol=1e-5
    )
    log_prob.mean().backward()
    for name, parameter in net.named_parameters():
        if "transform_net.features" not in name:  # at the start the conditioners' heads are 0
            assert parameter.grad.abs().sum() > 0, name


def test_density_is_in_units_of_eta():
    """u is the same for all bounds, so that log p falls by the log of each bound's factor."""
    wide = build(affine([2 * b for b in FIVE]))
    narrow = build(affine())
    eta, prototypes = draws(wide)
    torch.testing.assert_close(
        wide.log_prob(2 * eta, prototypes),
        narrow.log_prob(eta, prototypes) - 5 * math.log(2),
        atol=1e-3,
        rtol=1e-4,
    )


def test_polar_rotation_is_circular_and_starts_uniform():
    net = build(affine([*FIVE, 0.25], "polar")).eval()
    eta, prototypes = draws(net)
    turned = eta + torch.tensor([0, 0, 2 * math.pi, 0, 0, 0])
    torch.testing.assert_close(
        net.log_prob(turned, prototypes), net.log_prob(eta, prototypes), atol=1e-4, rtol=1e-5
    )
    angle = net.sample(*draws(net, 4000))[:, 2]
    assert angle.abs().max() <= math.pi + 1e-5
    assert torch.histc(angle, 8, -math.pi, math.pi).min() > 400
    assert build(affine([*FIVE, 0.25], "polar"), circular=False).flow.circular == []


def test_hue_is_circular_about_its_offset():
    net = build(build_group("color", bounds=[0.5, 2.301, 0.51]), (3, 8, 8), squash=True).eval()
    eta = net.sample(*draws(net, 2000, (3, 8, 8)))
    assert net.flow.circular == [0]
    assert eta[:, 0].min() >= 0
    assert eta[:, 0].max() <= 1
    assert eta[:, 1].abs().max() <= 2.302
    assert eta[:, 2].abs().max() <= 0.511


def test_scale_from_data_has_a_floor():
    net = build(scale="data").eval()
    assert net.wants_statistics
    assert not build().wants_statistics
    net.standardise(torch.full((5,), 0.5).double(), torch.tensor([0.0, 1, 1, 1, 1]).double())
    torch.testing.assert_close(net.flow.scale, torch.tensor([0.25e-3, 1, 1, 1, 1]))
    eta, prototypes = draws(net)
    assert net.log_prob(eta, prototypes).isfinite().all()


def test_coordinates_that_are_never_drawn_have_a_scale():
    net = build(affine([0.0, 0.0, 1.0, 0.0, 0.0])).eval()
    eta, prototypes = draws(net)
    assert net.log_prob(eta, prototypes).isfinite().all()
    assert net.flow.scale[0] == 1


@pytest.mark.parametrize("encoder", ["mlp", "conv"])
def test_encoder_takes_autocast_and_the_flow_does_not(encoder):
    net = build(encoder=encoder)
    eta, prototypes = draws(net)
    expected = net.log_prob(eta, prototypes)
    with torch.autocast("cpu", torch.bfloat16):
        found = net.log_prob(eta, prototypes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.2, rtol=0.05)
    found.mean().backward()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "vit"}, r"\['conv', 'mlp'\], got 'vit'"),
        ({"scale": "auto"}, r"\['bounds', 'data'\], got 'auto'"),
        ({"scale": "data", "squash": True}, "needs scale: bounds"),
        ({"widths": []}, "widths"),
        ({"hidden": []}, "hidden"),
        ({"bins": 1}, "bins=1"),
    ],
)
def test_odd_settings_are_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)

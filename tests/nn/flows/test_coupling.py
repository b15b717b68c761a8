"""Coupling against those of nflows and against autograd, with a context and without."""

from __future__ import annotations

import io
import math
import warnings

import pytest
import torch
from nflows.transforms import AffineCouplingTransform, PiecewiseRationalQuadraticCouplingTransform
from torch import nn

from symmetry_pl.nn.flows.conditioner import Conditioner
from symmetry_pl.nn.flows.coupling import Coupling
from symmetry_pl.nn.flows.elementwise import MAX_LOG_SCALE, Affine, Splines, wrap
from symmetry_pl.nn.flows.rational_quadratic import MIN_SLOPE

MOVED, KEPT = [4, 0, 2], [3, 1]  # nflows takes them in ascending order
ROWS = 100
MAPS = {
    "affine": Affine(3),
    "splines": Splines([False] * 3, 6, 3.0),
    "edge slopes": Splines([False] * 3, 6, 3.0, edge_slopes=True),
    "angles": Splines([True] * 3, 6, 3.0),
    "lines and an angle": Splines([False, True, False], 6, 3.0),
}


def build(maps, context=None, angles=()) -> Coupling:
    """Away from its start at the identity, in double precision."""
    torch.manual_seed(0)
    features = nn.Sequential(nn.Linear(2 + len(angles) + (context or 0), 16), nn.Tanh())
    net = Conditioner(features, nn.Linear(16, maps.parameters), angles)
    coupling = Coupling(MOVED, KEPT, net, maps).double()
    with torch.no_grad():
        net.head.weight.normal_(0, 0.3)
        net.head.bias.normal_()
    return coupling


def points(context=None):
    torch.manual_seed(1)
    x = torch.rand(ROWS, 5).double() * 2 - 1
    return x, None if context is None else torch.randn(ROWS, context).double()


def assert_agree(ours, theirs, x, h):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nflows wants to know the width of the conditioner
        for direction in ("forward", "inverse"):
            expected = getattr(theirs, direction)(x, h)
            found = getattr(ours, direction)(x, h)
            torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-8)


class SameParameters(nn.Module):
    """Parameters of one of our conditioners, in the order in which nflows takes them."""

    def __init__(self, coupling, arrange):
        super().__init__()
        self.coupling, self.arrange = coupling, arrange

    def forward(self, kept, h):
        params = self.coupling.transform_net(kept[:, [1, 0]], h).unflatten(1, (-1, 3))
        return self.arrange(params[..., [1, 2, 0]])


@pytest.mark.parametrize("context", [None, 4])
def test_splines_agree_with_those_of_nflows(context):
    bins = 6
    ours = build(Splines([False] * 3, bins, 3.0), context)
    offset = torch.zeros(3 * bins - 1, 1).double()
    offset[2 * bins :] = math.log(math.expm1(1 - MIN_SLOPE))  # ours has slope 1 at zero
    theirs = PiecewiseRationalQuadraticCouplingTransform(
        [int(i in MOVED) for i in range(5)],
        lambda *_: SameParameters(ours, lambda p: (p + offset).transpose(1, 2).flatten(1)),
        num_bins=bins,
        tails="linear",
        tail_bound=3.0,
    )
    x, h = points(context)
    assert_agree(ours, theirs, 4 * x, h)


@pytest.mark.parametrize("context", [None, 4])
def test_affine_maps_agree_with_those_of_nflows(context):
    ours = build(Affine(3), context)

    class SameScale(AffineCouplingTransform):
        def _scale_and_shift(self, params):
            shift, raw = params.chunk(2, 1)
            return (MAX_LOG_SCALE * torch.tanh(raw / MAX_LOG_SCALE)).exp(), shift

    theirs = SameScale(
        [int(i in MOVED) for i in range(5)],
        lambda *_: SameParameters(ours, lambda p: p.flip(1).flatten(1)),  # theirs: shift first
    )
    assert_agree(ours, theirs, *points(context))


@pytest.mark.parametrize("context", [None, 4])
@pytest.mark.parametrize("maps", MAPS.values(), ids=MAPS.keys())
def test_log_determinant_is_that_of_the_autograd_jacobian(maps, context):
    coupling = build(maps, context, angles=[1])
    x, h = points(context)
    for direction in (coupling.forward, coupling.inverse):
        log_abs_det = direction(x, h)[1]
        for row in range(5):
            given = None if h is None else h[row : row + 1]
            jacobian = torch.autograd.functional.jacobian(
                lambda r, given=given: direction(r[None], given)[0][0],  # noqa: B023
                x[row],
            )
            torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_abs_det[row])


@pytest.mark.parametrize("context", [None, 4])
@pytest.mark.parametrize("maps", MAPS.values(), ids=MAPS.keys())
def test_inverse_undoes_forward_and_kept_coordinates_stay(maps, context):
    coupling = build(maps, context)
    x, h = points(context)
    y, forward = coupling(x, h)
    again, backward = coupling.inverse(y, h)
    assert torch.equal(y[:, KEPT], x[:, KEPT])
    assert (y - x)[:, MOVED].abs().amax(0).min() > 0.01
    torch.testing.assert_close(again, x, atol=1e-9, rtol=0)
    torch.testing.assert_close(backward, -forward, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("maps", MAPS.values(), ids=MAPS.keys())
def test_zero_parameters_are_the_identity(maps):
    x, _ = points()
    image, log_slope = maps(x[:, MOVED], torch.zeros(ROWS, maps.parameters).double(), inverse=False)
    torch.testing.assert_close(image, x[:, MOVED], atol=1e-12, rtol=0)
    torch.testing.assert_close(log_slope, torch.zeros(ROWS).double(), atol=1e-12, rtol=0)


def test_a_kept_angle_is_seen_without_its_seam():
    coupling = build(Splines([False] * 3, 6, 3.0), angles=[1])  # KEPT[1] is coordinate 1
    x, _ = points()
    turned = x.clone()
    turned[:, 1] += 2
    torch.testing.assert_close(coupling(turned)[0][:, MOVED], coupling(x)[0][:, MOVED])


def test_a_checkpoint_restores_which_coordinates_move():
    maps = Affine(3)
    saved = build(maps)
    file = io.BytesIO()
    torch.save(saved.state_dict(), file)
    file.seek(0)
    net = Conditioner(nn.Sequential(nn.Linear(2, 16), nn.Tanh()), nn.Linear(16, maps.parameters))
    other = Coupling([0, 1, 2], [3, 4], net, maps).double()
    other.load_state_dict(torch.load(file, weights_only=True))
    x, _ = points()
    assert torch.equal(other(x)[0], saved(x)[0])


def test_wrap():
    u = torch.linspace(-7, 7, 1001, dtype=torch.float64)
    assert (wrap(u) >= -1).all()
    assert (wrap(u) < 1).all()
    torch.testing.assert_close(torch.cos(math.pi * wrap(u)), torch.cos(math.pi * u))
    torch.testing.assert_close(torch.sin(math.pi * wrap(u)), torch.sin(math.pi * u))

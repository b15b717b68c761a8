"""ConditionalCoupling against that of nflows, and angles brought to one turn."""

from __future__ import annotations

import math
import warnings

import torch
from nflows.transforms import PiecewiseRationalQuadraticCouplingTransform
from torch import nn

from symmetry_pl.nn.flows.conditional_coupling import ConditionalCoupling, wrap
from symmetry_pl.nn.flows.rational_quadratic import MIN_SLOPE


def test_coupling_agrees_with_that_of_nflows():
    bins, dim, count = 6, 5, 200
    torch.manual_seed(0)
    moved = [True, False, True, False, True]
    ours = ConditionalCoupling(moved, [False] * dim, 4, bins, 3.0, False, [16], 0.0).double()
    with torch.no_grad():
        ours.transform_net.head.weight.normal_(0, 0.3)
        ours.transform_net.head.bias.normal_()
    offset = torch.zeros(3 * bins - 1, 1).double()
    offset[2 * bins :] = math.log(math.expm1(1 - MIN_SLOPE))  # ours has slope 1 at zero

    class SameParameters(nn.Module):
        def forward(self, kept, h):
            params = ours.transform_net(kept, h).unflatten(1, (3 * bins - 1, -1)) + offset
            return params.transpose(1, 2).flatten(1)

    theirs = PiecewiseRationalQuadraticCouplingTransform(
        [int(moves) for moves in moved],
        lambda *_: SameParameters(),
        num_bins=bins,
        tails="linear",
        tail_bound=3.0,
    )
    x, h = 2 * torch.randn(count, dim).double(), torch.randn(count, 4).double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nflows wants to know the width of the conditioner
        for direction in ("forward", "inverse"):
            expected = getattr(theirs, direction)(x, h)
            found = getattr(ours, direction)(x, h)
            torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-8)


def test_wrap():
    u = torch.linspace(-7, 7, 1001, dtype=torch.float64)
    assert (wrap(u) >= -1).all()
    assert (wrap(u) < 1).all()
    torch.testing.assert_close(torch.cos(math.pi * wrap(u)), torch.cos(math.pi * u))
    torch.testing.assert_close(torch.sin(math.pi * wrap(u)), torch.sin(math.pi * u))

"""The spline's three kinds of ends, and extreme parameters."""

from __future__ import annotations

import math

import pytest
import torch
from nflows.transforms.splines.rational_quadratic import rational_quadratic_spline

from symmetry_pl.nn.flows.rational_quadratic import MIN_SLOPE, rational_quadratic

BINS = 5
COUNTS = {"slope 1": 3 * BINS - 1, "shared slope": 3 * BINS, "own slopes": 3 * BINS + 1}


@pytest.fixture(params=COUNTS.values(), ids=COUNTS.keys())
def params(request):
    torch.manual_seed(1)
    return torch.randn(request.param, 1, dtype=torch.float64)


def spline(x, params, inverse=False):
    return rational_quadratic(x, params.expand(-1, len(x)), 2.0, inverse)


def test_inverse_undoes_it_inside_and_in_the_tails(params):
    x = torch.linspace(-5, 5, 401, dtype=torch.float64)
    y, log_slope = spline(x, params)
    back, log_back = spline(y, params, inverse=True)
    torch.testing.assert_close(back, x, atol=1e-11, rtol=0)
    torch.testing.assert_close(log_back, -log_slope, atol=1e-9, rtol=0)


def test_log_slope_is_that_of_autograd(params):
    x = torch.linspace(-5, 5, 100, dtype=torch.float64, requires_grad=True)
    y, log_slope = spline(x, params)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope.log(), log_slope)


def test_map_and_slope_are_continuous_at_the_ends(params):
    ends = torch.tensor([-2.0, 2.0], dtype=torch.float64)
    before, after = (spline(ends * (1 + shift), params) for shift in (-1e-10, 1e-10))
    torch.testing.assert_close(before[0], ends, atol=1e-8, rtol=0)
    torch.testing.assert_close(after[0], ends, atol=1e-8, rtol=0)
    torch.testing.assert_close(before[1], after[1], atol=1e-7, rtol=0)


def test_kinds_of_ends():
    torch.manual_seed(1)
    slopes = {}
    for name, count in COUNTS.items():
        params = torch.randn(count, 1, dtype=torch.float64)
        slopes[name] = spline(torch.tensor([-2.5, 2.5]).double(), params)[1].exp()
    assert slopes["slope 1"].tolist() == [1, 1]
    assert slopes["shared slope"][0] == pytest.approx(slopes["shared slope"][1].item())
    assert abs(slopes["shared slope"][0] - 1) > 0.05
    assert abs(slopes["own slopes"].diff()) > 0.05


def test_zeros_are_the_identity():
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    for count in COUNTS.values():
        y, log_slope = spline(x, torch.zeros(count, 1, dtype=torch.float64))
        torch.testing.assert_close(y, x, atol=1e-14, rtol=0)
        torch.testing.assert_close(log_slope, torch.zeros_like(x), atol=1e-14, rtol=0)


@pytest.mark.parametrize("inverse", [False, True])
def test_own_slopes_agree_with_nflows(inverse):
    torch.manual_seed(0)
    x = (torch.rand(300) * 4 - 2).double()
    params = torch.randn(3 * BINS + 1, 300).double()
    widths, heights, slopes = params.T.split([BINS, BINS, BINS + 1], -1)
    expected = rational_quadratic_spline(
        x,
        widths,
        heights,
        slopes + math.log(math.expm1(1 - MIN_SLOPE)),  # ours has slope 1 at zero
        inverse=inverse,
        left=-2.0,
        right=2.0,
        bottom=-2.0,
        top=2.0,
    )
    found = rational_quadratic(x, params, 2.0, inverse)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("size", [10.0, 100.0, 1e4])
@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS.keys())
def test_extreme_parameters_invert_in_single_precision(size, count):
    """The other form of the root alone is off by up to the whole interval here."""
    torch.manual_seed(0)
    params = size * torch.randn(count, 20_000)
    y = 5 * torch.rand(20_000) - 2.5
    x, log_slope = rational_quadratic(y, params, 2.0, inverse=True)
    assert x.isfinite().all()
    assert log_slope.isfinite().all()
    again, _ = rational_quadratic(x.double(), params.double(), 2.0)
    # A knot's slope may be 1e4: as much does the rounding of x grow.
    error = (again - y).abs() / (-log_slope).exp().clamp_min(1)
    assert error.median() < 1e-6
    assert error[y.abs() < 2].max() < 1e-3


def test_gradient_is_finite_at_the_ends_of_bins():
    params = torch.zeros(3 * BINS + 1, 8, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([-2.0, -1.2, -0.4, 0.4, 1.2, 2.0, 3.0, -3.0], dtype=torch.float64)
    for inverse in (False, True):
        image, log_slope = rational_quadratic(y, params, 2.0, inverse)
        (grad,) = torch.autograd.grad((image + log_slope).sum(), params)
        assert grad.isfinite().all()

"""FastSoftplus against PyTorch's softplus, closed forms and numerical derivatives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from symmetry_pl.nn.softplus import FastSoftplus


def test_forward_agrees_with_torch_in_float32() -> None:
    x = torch.linspace(-120.0, 120.0, 100_001)
    assert (FastSoftplus()(x) - F.softplus(x)).abs().max() <= 1e-6


def test_left_tail_keeps_relative_precision() -> None:
    x = torch.tensor([-60.0, -30.0, -15.0])
    torch.testing.assert_close(FastSoftplus()(x), torch.exp(x), rtol=1e-6, atol=0.0)


def test_known_values_and_limits() -> None:
    x = torch.tensor([0.0, math.inf, -math.inf, math.nan], dtype=torch.float64)
    out = FastSoftplus()(x)
    assert out[0].item() == pytest.approx(math.log(2.0), abs=1e-15)
    assert out[1] == math.inf
    assert out[2] == 0.0
    assert out[3].isnan()


def test_first_and_second_derivative_match_finite_differences() -> None:
    x = torch.linspace(-30.0, 30.0, 24, dtype=torch.float64).reshape(4, 6).requires_grad_()
    assert torch.autograd.gradcheck(FastSoftplus(), (x,))
    assert torch.autograd.gradgradcheck(FastSoftplus(), (x,))


def test_gradient_is_the_logistic_function_and_stays_finite_far_out() -> None:
    x = torch.tensor([-1e4, -1.5, 0.0, 2.0, 1e4], requires_grad=True)
    FastSoftplus()(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.sigmoid(x.detach()))


def test_input_is_not_modified_and_layout_may_be_strided() -> None:
    x = torch.randn(5, 7, dtype=torch.float64).t()
    kept = x.clone()
    torch.testing.assert_close(FastSoftplus()(x), F.softplus(x, threshold=100.0))
    assert torch.equal(x, kept)


def test_vmap_of_grad_agrees_with_autograd() -> None:
    x = torch.linspace(-3.0, 3.0, 7, dtype=torch.float64)
    slope = torch.func.vmap(torch.func.grad(FastSoftplus()))(x)
    torch.testing.assert_close(slope, torch.sigmoid(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_goes_to_the_kernel_of_torch(dtype: torch.dtype) -> None:
    x = torch.linspace(-8.0, 8.0, 33).to(dtype)
    assert torch.equal(FastSoftplus()(x), F.softplus(x))


def test_other_devices_go_to_the_kernel_of_torch() -> None:
    out = FastSoftplus()(torch.empty(2, 3, device="meta"))
    assert out.device.type == "meta"
    assert out.shape == (2, 3)


def test_a_network_trains_to_the_same_gradients() -> None:
    torch.manual_seed(0)
    fast = nn.Sequential(nn.Linear(3, 8), FastSoftplus(), nn.Linear(8, 1)).double()
    slow = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1)).double()
    slow.load_state_dict(fast.state_dict())
    x = torch.randn(16, 3, dtype=torch.float64)
    for net in (fast, slow):
        net(x).square().mean().backward()
    for p, q in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)

"""Gaussian information: closed forms, gradients, invariances, numerical corners."""

import math

import numpy as np
import pytest
import torch

from symmetry_pl.information import (
    Moments,
    gaussian_information,
    gaussian_information_from_moments,
    moments,
    standardise,
)


def batch(n, p, q, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, p, dtype=dtype, generator=generator)
    noise = torch.randn(n, q, dtype=dtype, generator=generator)
    mixing = torch.randn(p, q, dtype=dtype, generator=generator)
    return z, z @ mixing + noise


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.9, 0.999])
@pytest.mark.parametrize("dims", [1, 2, 5])
def test_exact_moments_give_the_closed_form(rho, dims):
    eye = torch.eye(dims, dtype=torch.float64)
    covariance = torch.cat([torch.cat([eye, rho * eye], 1), torch.cat([rho * eye, eye], 1)])
    exact = Moments(torch.tensor(101.0), torch.zeros(2 * dims), 100 * covariance)
    information = gaussian_information_from_moments(exact, dims, ridge=0, eps=0)
    assert information.item() == pytest.approx(-dims / 2 * math.log(1 - rho**2), abs=1e-12)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (2, 2), (4, 2), (14, 3)])
def test_agrees_with_numpy_log_determinants(p, q):
    z, y = batch(200, p, q)
    ridge = 1e-3
    correlation = np.corrcoef(torch.cat([z, y], 1).T.numpy()) + ridge * np.eye(p + q)
    parts = correlation[:p, :p], correlation[p:, p:], correlation
    log_z, log_y, log_zy = (np.linalg.slogdet(part)[1] for part in parts)
    value = gaussian_information(z, y, ridge=ridge, eps=0).item()
    assert value == pytest.approx((log_z + log_y - log_zy) / 2, abs=1e-10)


def test_large_sample_approaches_the_truth(gaussian_pair):
    z, y, truth = gaussian_pair(20_000, 2, 0.9)
    value = gaussian_information(torch.from_numpy(z), torch.from_numpy(y))
    assert value.item() == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize("ridge", [0.0, 1e-4])
def test_gradient_and_second_derivative_match_finite_differences(ridge):
    z, y = batch(12, 2, 2)
    z.requires_grad_(True)
    y.requires_grad_(True)
    function = lambda a, b: gaussian_information(a, b, ridge)  # noqa: E731
    assert torch.autograd.gradcheck(function, (z, y))
    assert torch.autograd.gradgradcheck(function, (z, y))


def test_gradcheck_of_standardise():
    z, _ = batch(6, 2, 1)
    assert torch.autograd.gradcheck(standardise, (z.requires_grad_(True),))


def test_unchanged_by_scale_shift_and_sign():
    z, y = batch(100, 3, 2)
    value = gaussian_information(z, y, eps=0)
    moved = gaussian_information(z * torch.tensor([1e-5, -3.0, 1e4]) + 7, -2 * y - 1, eps=0)
    torch.testing.assert_close(moved, value, rtol=1e-9, atol=0)


def test_unchanged_by_linear_maps_without_ridge():
    z, y = batch(100, 3, 2)
    value = gaussian_information(z, y, ridge=0, eps=0)
    turned = gaussian_information(z @ batch(3, 3, 1, seed=5)[0], y, ridge=0, eps=0)
    torch.testing.assert_close(turned, value, rtol=1e-9, atol=0)


def test_symmetric_and_never_negative():
    for seed in range(20):
        z, y = batch(30, 3, 2, seed)
        value = gaussian_information(z, torch.roll(y, 1, 0))
        assert value >= 0
        torch.testing.assert_close(gaussian_information(torch.roll(y, 1, 0), z), value)


def test_a_large_offset_costs_no_precision_in_float32():
    z, y = batch(100, 2, 2, dtype=torch.float64)
    shifted = gaussian_information((z + 1000).float(), (y - 1000).float())
    assert shifted.dtype == torch.float32
    assert shifted.item() == pytest.approx(gaussian_information(z, y).item(), rel=1e-3)


def test_half_precision_and_autocast_are_computed_in_float32():
    z, y = batch(64, 2, 2, dtype=torch.float32)
    expected = gaussian_information(z.bfloat16().float(), y.bfloat16().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = gaussian_information(z.bfloat16(), y.bfloat16())
        scaled = standardise(z)
    assert value.dtype == scaled.dtype == torch.float32
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("ridge", [0.0, 1e-4])
def test_a_constant_column_tells_nothing_and_has_finite_gradients(ridge):
    z, y = batch(50, 2, 2)
    padded = torch.cat([z, torch.full((50, 1), 3.0, dtype=z.dtype)], 1).requires_grad_(True)
    value = gaussian_information(padded, y, ridge)
    torch.testing.assert_close(value, gaussian_information(z, y, ridge), rtol=1e-6, atol=0)
    value.backward()
    assert torch.isfinite(padded.grad).all()
    assert (standardise(padded.detach())[:, 2] == 0).all()


def test_a_duplicate_column_needs_the_ridge():
    z, y = batch(50, 1, 1)
    twice = torch.cat([z, z], 1)
    assert torch.isfinite(gaussian_information(twice, y))
    with pytest.raises(ValueError, match="singular"):
        gaussian_information(twice, y, ridge=0, eps=0)


def test_standardise_gives_mean_zero_variance_one():
    z, _ = batch(40, 3, 1)
    result = standardise(z * 5 + 100)
    torch.testing.assert_close(result.mean(0), torch.zeros(3, dtype=z.dtype), atol=1e-12, rtol=0)
    torch.testing.assert_close(result.var(0), torch.ones(3, dtype=z.dtype), atol=1e-8, rtol=0)


def test_moments_are_those_of_the_concatenated_vector():
    z, y = batch(40, 2, 3)
    result = moments(z, y)
    joint = torch.cat([z, y], 1)
    assert result.count == 40
    torch.testing.assert_close(result.mean, joint.mean(0))
    torch.testing.assert_close(result.scatter / 39, torch.cov(joint.T))


@pytest.mark.parametrize(
    ("z", "y", "sentence"),
    [
        (torch.zeros(1, 2), torch.zeros(1, 2), "at least 2 samples"),
        (torch.zeros(3, 2), torch.zeros(4, 2), "same batch size, got 3 and 4"),
        (torch.zeros(3), torch.zeros(3, 2), r"x must have shape \(B, d\)"),
        (torch.zeros(3, 2), torch.zeros(3, 2, 1), r"y must have shape \(B, d\)"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(z, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        gaussian_information(z, y)


def test_bad_options_are_refused_in_a_sentence():
    z, y = batch(10, 2, 2)
    with pytest.raises(ValueError, match="dim_z must lie between 1 and 3, got 4"):
        gaussian_information_from_moments(moments(z, y), 4)
    with pytest.raises(ValueError, match="ridge must not be negative"):
        gaussian_information(z, y, ridge=-1)

"""Summed and per-column absolute errors."""

import math

import pytest
import torch

from symmetry_pl.metrics import ColumnAbsoluteError, SummedAbsoluteError


def pairs(n=10, dim=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, n, dim, generator=generator)


def test_summed_error_is_the_mean_over_samples_of_the_sum_over_coordinates():
    a, b = pairs()
    metric = SummedAbsoluteError()
    metric.update(a[:7], b[:7])
    metric.update(a[7:], b[7:])  # a shorter last batch must not weigh more
    torch.testing.assert_close(metric.compute(), (a - b).abs().sum(1).mean())
    torch.testing.assert_close(metric.compute(), 3 * (a - b).abs().mean())


def test_column_error_is_per_column_in_the_unit_of_the_scale():
    a, b = pairs()
    metric = ColumnAbsoluteError(scale=[1, 2.0, 27.2])
    metric.update(a[:7], b[:7])
    metric.update(a[7:], b[7:])
    expected = (a - b).abs().mean(0) * torch.tensor([1, 2.0, 27.2])
    torch.testing.assert_close(metric.compute(), expected)


def test_reset_forgets():
    a, b = pairs()
    for metric in (SummedAbsoluteError(), ColumnAbsoluteError([1.0] * 3)):
        metric.update(a + 100, b)
        metric.reset()
        metric.update(a, a)
        assert (metric.compute() == 0).all()


def test_half_precision_is_summed_in_float32():
    a = torch.full((4096, 1), 1.0, dtype=torch.bfloat16)
    metric = SummedAbsoluteError()
    metric.update(a, torch.zeros_like(a))
    assert metric.compute() == 1
    assert metric.compute().dtype == torch.float32


def test_without_samples_the_error_is_nan():
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert math.isnan(SummedAbsoluteError().compute())


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"same shape \(B, d\), got \(3, 2\) and \(3,\)"):
        SummedAbsoluteError().update(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(ValueError, match="scale has 2 columns, the predictions 3"):
        ColumnAbsoluteError([1.0, 1.0]).update(*pairs())
    for scale in ([], [0.0], [-1.0], [math.nan]):
        with pytest.raises(ValueError, match="scale must hold positive numbers"):
            ColumnAbsoluteError(scale)

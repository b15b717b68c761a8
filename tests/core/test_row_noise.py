"""Noise of a row depends on that row alone."""

import pytest
import torch

from symmetry_pl.core.row_noise import row_normal


def test_noise_does_not_depend_on_the_batch():
    x = torch.randn(2000, 4)
    noise = row_normal(x)
    assert torch.equal(row_normal(x[7:9]), noise[7:9])
    assert torch.allclose(row_normal(x.double()).float(), noise)
    assert torch.equal(row_normal(-torch.zeros(1, 4)), row_normal(torch.zeros(1, 4)))
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    assert float(torch.corrcoef(noise.T).fill_diagonal_(0).abs().max()) < 0.08
    assert bool(row_normal(torch.randn(3, 200)).isfinite().all())

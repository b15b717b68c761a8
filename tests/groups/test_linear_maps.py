"""The two measures of LieFlow on GL(2)+."""

import math

import pytest
import torch
from scipy import stats

from symmetry_pl.groups import build_cloud_group


def drawn(measure, count=4000):
    group = build_cloud_group("gl2", measure=measure)
    return group.sample(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_measure_of_the_algebra_is_what_rejection_gives():
    found = drawn("algebra")
    dets = torch.linalg.det(found)
    assert dets.min() > 0.5
    assert dets.max() < 2
    draws = torch.Generator().manual_seed(1)
    a = math.pi * (2 * torch.rand(30_000, 2, 2, generator=draws, dtype=torch.float64) - 1)
    kept = a[(a[:, 0, 0] + a[:, 1, 1]).abs() < math.log(2)]
    wanted = torch.linalg.matrix_exp(kept)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        assert stats.ks_2samp(found[:, i, j], wanted[:, i, j]).pvalue > 1e-3


def test_the_measure_of_factors_has_their_ranges():
    found = drawn("factors")
    q, r = torch.linalg.qr(found)
    sizes = r.diagonal(dim1=1, dim2=2).abs()
    assert sizes.min() >= 0.5 - 1e-9
    assert sizes.max() <= 2 + 1e-9
    shear = r[:, 0, 1] / r[:, 0, 0]
    assert stats.kstest(shear, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert torch.linalg.det(found).min() > 0
    assert q.abs().max() <= 1 + 1e-9


def test_another_measure_is_refused():
    with pytest.raises(ValueError, match="measure must be polar, algebra or factors"):
        build_cloud_group("gl2", measure="haar")

"""Densities of Gaussian mixtures and their derivatives."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from symmetry_pl.lens.densities.mixture import LIMIT, Mixture

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def draw(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_mixture_density_is_that_of_scipy():
    y, heads = draw(6, 3), draw(3, 6, 4, 3, seed=1)
    a, mu, v = heads.numpy()
    weights = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    components = weights * norm.pdf(y.numpy()[:, None], mu, np.exp(v / 2))
    for floor in (1e-7, 0.3):
        value = Mixture(*heads).log_density(y, floor)
        np.testing.assert_allclose(value, np.log(components.sum(1) + floor), rtol=1e-12)
        # a floor under every component is one under the mixture
        each = (components + weights * floor).sum(1)
        np.testing.assert_allclose(value, np.log(each), rtol=1e-12)


@pytest.mark.parametrize("components", [1, 4])
@pytest.mark.parametrize("rows", [1, 6])
def test_closed_derivatives_are_those_of_autograd(components, rows):
    y = draw(6, 3).requires_grad_(True)
    heads = [h.requires_grad_(True) for h in draw(3, rows, components, 3, seed=1).unbind()]
    value = Mixture(*heads).log_density(y, 0.01)
    with torch.no_grad():
        found = Mixture(*heads).scores(y, 0.01)
    torch.testing.assert_close(found.log_density, value, **CLOSE)
    assert torch.autograd.gradcheck(lambda y, *m: Mixture(*m).log_density(y, 0.01), (y, *heads))
    expected = torch.autograd.grad(value.sum(), [y, *heads])
    torch.testing.assert_close(found.score, expected[0], **CLOSE)
    for mine, theirs in zip(found[2:], expected[1:], strict=True):
        torch.testing.assert_close(mine.sum(0) if rows == 1 else mine, theirs.squeeze(0), **CLOSE)


def test_far_samples_fall_to_the_floor_with_finite_derivatives():
    y = torch.tensor([[1e4], [-1e4], [30.0]])
    found = Mixture(*torch.zeros(3, 1, 4, 1)).scores(y, 1e-7)
    torch.testing.assert_close(found.log_density, torch.full((3, 1), math.log(1e-7)))
    assert all((part.abs() < 1e-6).all() for part in found[1:])


def test_one_mixture_serves_all_samples_as_well_as_each():
    y, heads = draw(6, 3), draw(3, 4, 3, seed=1)
    one, each = Mixture(*heads), Mixture(*heads[:, None].expand(3, 6, 4, 3))
    torch.testing.assert_close(one.log_density(y, 1e-7), each.log_density(y, 1e-7), **CLOSE)
    for a, b in zip(one.scores(y, 1e-7), each.scores(y, 1e-7), strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    torch.testing.assert_close(one.joint(y).logsumexp(1), one.log_density(y), **CLOSE)
    torch.testing.assert_close(one.weights.sum(0), torch.ones(3).double(), **CLOSE)


def test_the_clip_leaves_means_alone():
    clipped = Mixture(*draw(3, 4, 3, scale=20.0)).clipped()
    assert clipped.logits.abs().max() == clipped.log_variances.abs().max() == LIMIT
    assert clipped.means.abs().max() > LIMIT

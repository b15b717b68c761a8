"""Loss terms against closed forms, numpy and plain loops."""

import math

import numpy as np
import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.losses import (
    alignment,
    axes_of,
    covariance,
    joint_entropy,
    marginal_entropy,
    shift_divergence,
    standardise_whole,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mixed(n=50, d=4):
    return draw(n, d) @ draw(d, d, seed=1) + 3


def test_covariance_is_that_of_numpy():
    y = mixed()
    expected = torch.from_numpy(np.cov(y.numpy().T, bias=True))
    torch.testing.assert_close(covariance(y), expected, rtol=1e-12, atol=0)


def test_covariance_of_a_linear_map_needs_only_that_of_the_data():
    x, lift = mixed(), draw(4, 4, seed=2)
    torch.testing.assert_close(covariance(x @ lift.T), lift @ covariance(x) @ lift.T)


@pytest.mark.parametrize("ring", [False, True])
def test_alignment_is_minus_the_mean_correlation_of_neighbours(ring):
    y = mixed()
    r = np.corrcoef(y.numpy().T)
    pairs = [r[0, 1], r[1, 2], r[2, 3]] + ([r[3, 0]] if ring else [])
    value = alignment(covariance(y), ring)
    assert value.item() == pytest.approx(-np.mean(pairs), abs=1e-11)
    # units of a pixel do not matter, signs do
    scaled = y * torch.tensor([2.0, 0.5, 7.0, 1.0])
    torch.testing.assert_close(alignment(covariance(scaled), ring), value, rtol=0, atol=1e-10)
    flipped = y * torch.tensor([1.0, -1.0, 1.0, -1.0])
    torch.testing.assert_close(alignment(covariance(flipped), ring), -value, rtol=0, atol=1e-10)


def test_a_constant_pixel_has_finite_gradients():
    y = torch.cat([mixed(), torch.ones(50, 1)], 1).double().requires_grad_(True)
    c = covariance(y)
    (alignment(c) + joint_entropy(c, 1.0)).backward()
    assert torch.isfinite(y.grad).all()


def test_joint_entropy_over_all_modes_is_the_gaussian_one():
    """With all weights alike it is log det(2πe C) / 2d."""
    c = covariance(mixed())
    expected = 0.5 * torch.linalg.slogdet(2 * math.pi * math.e * c)[1] / len(c)
    value = joint_entropy(c, 1.0, sharpness=0.0, eps=0.0)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("rank", [0.0, 0.37, 1.0])
def test_joint_entropy_weighs_modes_as_published(rank):
    c = covariance(mixed(d=6))
    modes = np.linalg.svd(c.numpy(), compute_uv=False)
    weights = 1 / (1 + np.exp(np.clip(50 * (np.linspace(0, 1, 6) - rank), -50, 50)))
    terms = 0.5 * (np.log(2 * np.pi * modes + 1e-7) + 1)
    expected = (weights * terms).sum() / weights.sum()
    assert joint_entropy(c, rank).item() == pytest.approx(expected, rel=1e-12)


def test_joint_entropy_at_rank_0_is_that_of_the_leading_mode():
    c = torch.diag(torch.tensor([9.0, 1.0, 1e-3], dtype=torch.float64))
    expected = 0.5 * math.log(2 * math.pi * math.e * 9)
    assert joint_entropy(c, 0.0).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "matrix",
    [
        torch.eye(4, dtype=torch.float64),
        torch.ones(4, 4, dtype=torch.float64),
        covariance(mixed()),
        torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0 + 1e-12], dtype=torch.float64)),
    ],
    ids=["equal", "singular", "generic", "nearly equal"],
)
def test_joint_entropy_has_finite_gradients_on_any_spectrum(matrix):
    c = matrix.clone().requires_grad_(True)
    joint_entropy(c, 0.5).backward()
    assert torch.isfinite(c.grad).all()


def test_gradcheck_of_moment_terms():
    y = mixed(n=9, d=3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda y: alignment(covariance(y), ring=True), (y,))
    assert torch.autograd.gradcheck(lambda y: joint_entropy(covariance(y), 0.4), (y,))
    # equal eigenvalues, where the weights are equal too
    eye = torch.eye(3, dtype=torch.float64, requires_grad=True)
    symmetric = lambda c: joint_entropy((c + c.T) / 2, 0.4, sharpness=0.0)  # noqa: E731
    assert torch.autograd.gradcheck(symmetric, (eye,))


def by_loops(own, below, above, ring):
    """Eq. 12 with 28 or 29, pair by pair."""
    d, means = len(own), []
    inside = lambda *at: ring or all(0 <= k < d for k in at)  # noqa: E731
    indices = [(i,) for i in range(d)] if own.ndim == 1 else np.ndindex(d, d)
    for at in indices:
        if own.ndim == 2 and at[0] == at[1]:
            continue
        found = []
        if inside(*(k - 1 for k in at)):
            found.append(max(0.0, (own[at] - below[at]).item()))
        if inside(*(k + 1 for k in at)):
            found.append(max(0.0, (own[at] - above[at]).item()))
        if found:
            means.append(sum(found) / len(found))
    return sum(means) / len(means) if means else 0.0


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (2, 2), (3, 3), (6, 6)])
def test_shift_divergence_counts_the_directions_there_are(shape, ring):
    own, below, above = draw(3, *shape)
    value = shift_divergence(own, below, above, ring).item()
    assert value == pytest.approx(by_loops(own, below, above, ring), abs=1e-14)


def test_shift_divergence_is_clamped_pair_by_pair():
    own, zeros = torch.tensor([1.0, -1.0, 0.0]), torch.zeros(3)
    assert shift_divergence(own, zeros, zeros, ring=True).item() == pytest.approx(1 / 3)


def test_shift_divergence_ignores_what_no_pair_is():
    own, below, above = draw(3, 4, 4)
    value = shift_divergence(own, below, above)
    for other in (own, below, above):
        other.fill_diagonal_(1e30)
    torch.testing.assert_close(shift_divergence(own, below, above), value)


def test_marginal_entropy_is_the_mean_over_pixels():
    assert marginal_entropy(torch.tensor([-1.0, -2.0])).item() == 1.5


def test_standardise_whole_keeps_differences_between_pixels():
    x = mixed() * torch.tensor([1.0, 5.0, 1.0, 1.0])
    z = standardise_whole(x)
    assert z.mean().item() == pytest.approx(0, abs=1e-12)
    assert z.std(correction=0).item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(z.std(0) / z.std(0)[0], x.std(0) / x.std(0)[0])
    assert standardise_whole(x.float()).dtype == torch.float32


def test_axes_of_a_grid_are_those_of_its_images():
    """Alignment and divergences along each axis, by loops over rows and columns."""
    shape = (3, 4)
    y = draw(60, 12)
    axes = axes_of(Domain(tuple((n, "chain") for n in shape)))
    assert [(axis.stride, axis.length) for axis in axes] == [(4, 3), (1, 4)]
    c = covariance(y)
    cell = torch.arange(12).view(shape)
    own = draw(12, seed=1).abs()
    by = {
        step: torch.rand(12, generator=torch.Generator().manual_seed(5 + step)) for step in (0, 1)
    }
    for k, axis in enumerate(axes):
        pairs = [
            (int(a), int(b))
            for a, b in zip(
                cell.narrow(k, 0, shape[k] - 1).flatten(),
                cell.narrow(k, 1, shape[k] - 1).flatten(),
                strict=True,
            )
        ]
        expected = -sum(float(c[a, b] / (c[a, a] * c[b, b]).sqrt()) for a, b in pairs) / len(pairs)
        assert alignment(c, axis=axis).item() == pytest.approx(expected, abs=1e-9)
        gaps = []
        for pixel in range(12):
            ways = [by[0]] * any(b == pixel for _, b in pairs)
            ways += [by[1]] * any(a == pixel for a, _ in pairs)
            gaps.append(sum(max(0.0, float(own[pixel] - w[pixel])) for w in ways) / len(ways))
        found = shift_divergence(own, by[0], by[1], axis=axis)
        assert found.item() == pytest.approx(sum(gaps) / 12)
    with pytest.raises(ValueError, match="rings close"):
        axes_of(Domain(((3, "ring"), (4, "chain"))))

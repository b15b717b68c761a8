"""KSG against Gaussians, scikit-learn, published latents and the constants of the spiral."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.feature_selection import mutual_info_regression

from symmetry_pl.information import ksg, whiten


@pytest.mark.parametrize(
    ("dims", "rho", "tolerance"), [(1, 0.0, 0.03), (1, 0.9, 0.03), (2, 0.3, 0.04), (2, 0.9, 0.08)]
)
@pytest.mark.parametrize("variant", [1, 2])
def test_gaussians_have_their_closed_form(gaussian_pair, dims, rho, tolerance, variant):
    z, y, truth = gaussian_pair(4000, dims, rho)
    assert ksg(z, y, k=3, variant=variant) == pytest.approx(truth, abs=tolerance)


def test_the_two_variants_agree(gaussian_pair):
    z, y, _ = gaussian_pair(4000, 2, 0.7)
    assert ksg(z, y, k=5, variant=1) == pytest.approx(ksg(z, y, k=5, variant=2), abs=0.03)


def test_agrees_with_scikit_learn_in_one_dimension(gaussian_pair):
    z, y, _ = gaussian_pair(1000, 1, 0.8)
    # scikit-learn divides by the standard deviation first
    reference = mutual_info_regression(z, y[:, 0], n_neighbors=4, random_state=0)[0]
    assert ksg(z / z.std(), y / y.std(), k=4) == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("variant", [1, 2])
@pytest.mark.parametrize("dims", [(3, 2), (1, 1), (5, 4)])
def test_trees_and_brute_force_agree(monkeypatch, variant, dims):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, dims[0]))
    y = x[:, :1] + rng.standard_normal((1500, dims[1]))
    module = sys.modules[ksg.__module__]
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", 1_000_000)  # three chunks, the last one shorter
    values = []
    for limit in (0, 100):
        monkeypatch.setattr(module, "TREE_MAX_DIM", limit)
        values.append(ksg(x, y, k=4, variant=variant))
    assert values[0] == pytest.approx(values[1], abs=1e-9)


@pytest.mark.parametrize(
    ("latents", "nats"),
    [("z0_vae", 2.694), ("z0_stib_wo_reg", 2.209), ("z0_cvae", 1.782), ("z0_cvib", 1.695)],
)
def test_published_latents_have_their_published_information(latents, nats):
    path = Path(os.environ.get("SYMMETRY_DATA", "")) / "reference/stib_published_latents.npz"
    if not path.is_file():
        pytest.skip("needs $SYMMETRY_DATA/reference/stib_published_latents.npz")
    with np.load(path, allow_pickle=False) as data:
        assert ksg(data[latents], data["y"], k=20) == pytest.approx(nats, abs=0.01)


@pytest.mark.parametrize(
    ("code", "k", "nats", "tolerance"),
    [("x", 3, 2.81, 0.05), ("x", 20, 2.22, 0.04), ("u", 20, 0.195, 0.02), ("q", 20, 0, 0.015)],
)
def test_constants_of_the_spiral(spiral, code, k, nats, tolerance):
    assert ksg(getattr(spiral, code), spiral.y, k=k) == pytest.approx(nats, abs=tolerance)


def test_a_small_scale_fools_the_raw_estimate_and_not_the_whitened_one(spiral):
    hidden = np.hstack([spiral.q, 0.01 * spiral.t])
    assert ksg(hidden, spiral.y, k=20) < 0.02
    assert ksg(hidden, spiral.y, k=20, whiten=True) == pytest.approx(1.93, abs=0.04)


def test_tensors_of_any_dtype_and_mode_are_taken(gaussian_pair):
    z, y, _ = gaussian_pair(300, 2, 0.5)
    with torch.inference_mode():
        tensors = torch.from_numpy(z).clone(), torch.from_numpy(y).clone()
    assert ksg(*tensors) == ksg(z, y)
    singles = ksg(tensors[0].float().requires_grad_(True), tensors[1].float())
    assert singles == pytest.approx(ksg(z, y), abs=0.01)


def test_ties_are_broken_and_reproducibly():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (600, 1)).astype(float)
    y = x + 0.1 * rng.standard_normal((600, 1))
    assert ksg(x, y) == ksg(x, y)
    assert ksg(x, y) == pytest.approx(np.log(3), abs=0.1)


@pytest.mark.parametrize("options", [{}, {"variant": 2}, {"whiten": True}])
def test_a_constant_tells_exactly_nothing(options):
    y = np.random.default_rng(0).standard_normal((100, 2))
    for constant in (np.full((100, 2), 0.1), torch.full((100, 2), 0.1)):
        assert ksg(constant, y, **options) == 0
        assert ksg(y, constant, **options) == 0


def test_max_points_subsamples_only_when_asked(gaussian_pair):
    z, y, truth = gaussian_pair(3000, 1, 0.8)
    assert ksg(z, y, max_points=3000) == ksg(z, y)
    part = ksg(z, y, max_points=1000, seed=1)
    assert part != ksg(z, y)
    assert part == pytest.approx(truth, abs=0.1)


def test_whitening_gives_unit_covariance_and_turns_little():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 3)) * [1.0, 100.0, 0.01] + 5
    x[:, 1] += 50 * x[:, 0]
    white = whiten(x)
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=1e-10)
    assert all(np.corrcoef(white[:, j], x[:, j])[0, 1] > 0.9 for j in range(3))


def test_whitening_ignores_invertible_linear_maps_up_to_rotation():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    one, other = whiten(x), whiten(x @ rng.standard_normal((3, 3)) + 1)
    np.testing.assert_allclose(one @ one.T, other @ other.T, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_whitening_projects_out_null_directions_but_keeps_faint_ones(dtype):
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 300, 1, generator=generator, dtype=torch.float64)
    null = torch.cat([a, 3 * a, torch.ones_like(a)], 1).to(dtype)
    assert np.linalg.matrix_rank(whiten(null), tol=1e-3) == 1
    faint = torch.cat([a, a + 1e-5 * b], 1).to(dtype)
    np.testing.assert_allclose(np.cov(whiten(faint).T), np.eye(2), atol=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "options", "sentence"),
    [
        (np.zeros((3, 1)), np.zeros((3, 1)), {"k": 3}, "k must lie between 1 and N - 1 = 2, got 3"),
        (np.zeros((9, 1)), np.zeros((9, 1)), {"k": 0}, "k must lie between 1"),
        (np.zeros((9, 1)), np.zeros((8, 1)), {}, "same number of points, got 9 and 8"),
        (np.full((9, 1), np.nan), np.zeros((9, 1)), {}, "x holds NaN"),
        (np.zeros((9, 1)), np.full((9, 1), np.inf), {}, "y holds NaN or infinite"),
        (np.zeros(9), np.zeros((9, 1)), {}, r"x must have shape \(N, d\)"),
        (np.zeros((9, 1)), np.zeros((9, 1)), {"variant": 3}, "variant must be 1 or 2"),
        (np.eye(9)[:5], np.eye(5)[:, :1], {"whiten": True}, "needs more than 9 points, got 5"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(x, y, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        ksg(x, y, **options)

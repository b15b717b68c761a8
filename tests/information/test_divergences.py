"""Divergences against torch.distributions and double loops."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from symmetry_pl.information import kl_standard_normal, pairwise_kl


def gaussians(n=9, dim=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean, log_var = torch.randn(2, n, dim, dtype=torch.float64, generator=generator)
    return mean, log_var


def test_kl_to_the_standard_normal_matches_torch():
    mean, log_std = gaussians()
    q = Independent(Normal(mean, log_std.exp()), 1)
    p = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(kl_standard_normal(mean, log_std), kl_divergence(q, p))


def test_kl_takes_one_shared_deviation_vector():
    mean, log_std = gaussians()
    shared = kl_standard_normal(mean, log_std[0])
    torch.testing.assert_close(shared, kl_standard_normal(mean, log_std[:1].expand_as(mean)))
    assert kl_standard_normal(torch.zeros(4, 2), torch.zeros(2)).tolist() == [0.0] * 4


def test_pairwise_kl_is_the_mean_over_all_ordered_pairs():
    mean, log_var = gaussians()
    q = [Normal(m, (v / 2).exp()) for m, v in zip(mean, log_var, strict=True)]
    pairs = torch.stack([kl_divergence(a, b).sum() for a in q for b in q])
    torch.testing.assert_close(pairwise_kl(mean, log_var), pairs.mean(), rtol=1e-12, atol=0)


def test_pairwise_kl_of_three_gaussians_by_hand():
    # (μᵢ − μⱼ)² / sⱼ² of the pairs 12, 13, 21, 31 is 1/4, 1, 1, 1; the nine variance ratios sum to
    # (1 + 4 + 1)(1 + 1/4 + 1); each pair subtracts 1; the logarithms cancel.
    mean = torch.tensor([[0.0], [1.0], [1.0]], dtype=torch.float64)
    log_var = torch.tensor([[1.0], [4.0], [1.0]], dtype=torch.float64).log()
    expected = 0.5 * (13 / 4 + 6 * 9 / 4 - 9) / 9
    assert pairwise_kl(mean, log_var).item() == pytest.approx(expected, abs=1e-12)


def test_pairwise_kl_of_equal_gaussians_is_zero():
    mean = torch.full((5, 2), 3.0)
    assert pairwise_kl(mean, torch.full((5, 2), -1.0)).item() == pytest.approx(0, abs=1e-6)


def test_pairwise_kl_keeps_precision_far_from_the_origin():
    mean, log_var = gaussians()
    expected = pairwise_kl(mean, log_var).item()
    # 1e4 + mean is exact in float32 to 1e-3, its square is not
    assert pairwise_kl((mean + 1e4).float(), log_var.float()).item() == pytest.approx(
        expected, rel=2e-3
    )


def test_gradients_match_finite_differences():
    mean, log_var = (a.requires_grad_(True) for a in gaussians(5, 2))
    assert torch.autograd.gradcheck(pairwise_kl, (mean, log_var))
    assert torch.autograd.gradcheck(kl_standard_normal, (mean, log_var))


def test_half_precision_is_computed_in_float32():
    mean, log_var = (a.bfloat16() for a in gaussians())
    assert pairwise_kl(mean, log_var).dtype == torch.float32
    assert kl_standard_normal(mean, log_var).dtype == torch.float32


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"same shape \(B, d\)"):
        pairwise_kl(torch.zeros(3, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"mean must have shape \(B, d\)"):
        kl_standard_normal(torch.zeros(3), torch.zeros(3))
    with pytest.raises(ValueError, match="does not broadcast"):
        kl_standard_normal(torch.zeros(3, 2), torch.zeros(3))

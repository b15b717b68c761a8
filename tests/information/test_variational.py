"""The Donsker-Varadhan bound against closed forms."""

import pytest
import torch

from symmetry_pl.information.variational import donsker_varadhan


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def test_no_critic_tells_equal_laws_apart_beyond_sampling():
    p, q = normal(20_000, 1), normal(20_000, 1, seed=1)
    critics = torch.cat([torch.tanh(p), p.square().clamp(max=4)], 1)
    others = torch.cat([torch.tanh(q), q.square().clamp(max=4)], 1)
    bound = donsker_varadhan(critics, others)
    assert (bound < 0.03).all()  # E T - log E exp T <= 0 in expectation, by Jensen
    torch.testing.assert_close(donsker_varadhan(critics * 0, others * 0).abs().sum().item(), 0.0)


@pytest.mark.parametrize("shift", [0.3, 0.7, 1.0])
def test_the_right_critic_has_the_divergence_and_others_less(shift):
    """Of N(m, 1) and N(0, 1) it is m²/2, at T = m x."""
    p, q = normal(200_000, 1) + shift, normal(200_000, 1, seed=1)
    exact = shift**2 / 2
    assert donsker_varadhan(shift * p, shift * q).item() == pytest.approx(exact, abs=0.02)
    for wrong in (0.3, 1.6, -1.0):
        assert donsker_varadhan(wrong * shift * p, wrong * shift * q).item() < exact
    # what is added to a critic does not matter
    moved = donsker_varadhan(shift * p + 3, shift * q + 3)
    torch.testing.assert_close(moved, donsker_varadhan(shift * p, shift * q))


def test_sums_of_processes_make_the_bound_of_all():
    p, q = normal(30, 2), normal(50, 2, seed=1)
    torch.testing.assert_close(donsker_varadhan(p, q, lambda x: x), donsker_varadhan(p, q))
    assert torch.autograd.gradcheck(donsker_varadhan, (p.requires_grad_(), q.requires_grad_()))

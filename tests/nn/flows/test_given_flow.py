"""A flow whose informative coordinates are given: they pass, and the rest forgets them."""

import pytest
import torch
from torch.func import jacrev, vmap

from symmetry_pl.nn.flows.split_flow import CouplingFlow

FLOWS = [
    {"dim": 2},
    {"dim": 2, "halves": 1, "mixing": "lu"},
    {"dim": 5, "informative_dim": 2, "blocks": 2, "mixing": "lu", "coupling": "affine"},
    {"dim": 6, "informative_dim": 2, "blocks": 3, "halves": 1, "bins": 4},
]


def flow_of(options):
    torch.manual_seed(0)
    flow = CouplingFlow(**options, informative="given").double()
    for parameter in flow.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return flow


@pytest.mark.parametrize("options", FLOWS)
def test_what_is_given_passes_and_the_rest_is_inverted(options):
    flow = flow_of(options)
    x = torch.randn(50, flow.dim, dtype=torch.float64)
    flow.standardise(3 * x + x[:, :1] + 1, whiten=True)
    z, log_abs_det = flow(x)
    z1, z0 = flow.split(z)
    torch.testing.assert_close(z1, x[:, : flow.informative_dim], rtol=0, atol=1e-12)
    torch.testing.assert_close(flow.inverse(z), x, rtol=0, atol=1e-8)
    jacobian = vmap(jacrev(lambda row: flow(row[None])[0][0]))(x[:5])
    torch.testing.assert_close(log_abs_det[:5], torch.linalg.slogdet(jacobian).logabsdet)
    assert bool((jacobian[:, flow.informative_dim :, : flow.informative_dim] != 0).any())
    assert z0.shape == (50, flow.dim - flow.informative_dim)


@pytest.mark.parametrize("whiten", [True, False])
def test_standardisation_leaves_what_is_given(whiten):
    torch.manual_seed(0)
    data = torch.randn(400, 5).double() @ torch.randn(5, 5).double() + 3
    flow = CouplingFlow(5, 2, informative="given").double()
    flow.standardise(data, whiten)
    z, log_abs_det = flow(data)
    torch.testing.assert_close(z[:, :2], data[:, :2])
    torch.testing.assert_close(z[:, 2:].mean(0), torch.zeros(3).double(), rtol=0, atol=1e-10)
    covariance = torch.cov(z.T)
    expected = torch.eye(3).double() if whiten else torch.corrcoef(data.T)[2:, 2:]
    torch.testing.assert_close(covariance[2:, 2:], expected)
    if whiten:
        torch.testing.assert_close(covariance[:2, 2:], torch.zeros(2, 3).double())
    torch.testing.assert_close(log_abs_det[0], torch.linalg.slogdet(flow.weight).logabsdet)


def test_likelihood_takes_away_what_z1_tells():
    torch.manual_seed(0)
    u1 = torch.randn(2000, 1)
    noise = torch.randn(2000, 2)
    rest = torch.cat([u1**2 + 0.5 * noise[:, :1], noise[:, 1:] * (0.3 + u1.abs())], 1)
    x = torch.cat([u1, rest], 1)
    options = {"blocks": 2, "coupling": "affine", "mixing": "lu", "width": 32}
    flow = CouplingFlow(3, 1, **options, informative="given")
    flow.standardise(x, whiten=True)
    optimiser = torch.optim.Adam(flow.parameters(), lr=1e-2)

    def told():
        """Largest correlation of z0 and z0² with u1² and |u1|."""
        z0 = flow.split(flow(x)[0])[1]
        columns = torch.cat([z0, z0**2, u1**2, u1.abs()], 1)
        return torch.corrcoef(columns.T)[:4, 4:].abs().max().item()

    before = told()
    for _ in range(150):
        loss = -flow.log_prob(x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert before > 0.8
    assert told() < 0.15


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="informative must be 'learned' or 'given', got 'first'"):
        CouplingFlow(3, informative="first")

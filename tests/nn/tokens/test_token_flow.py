"""The arithmetic code of sequences: exact, Gaussian under its own model, and a sampler."""

import pytest
import torch
from scipy import stats

from symmetry_pl.nn.tokens.flow import TokenFlow, pseudo_random
from symmetry_pl.nn.tokens.gated import TokenModel

L, V, D = 9, 7, 4


@pytest.fixture
def flow():
    torch.manual_seed(0)
    flow = TokenFlow(TokenModel(L, V, 2, width=16, hidden=32, blocks=2), D)
    for parameter in flow.parameters():  # far from the uniform distribution
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return flow


def sequences(n):
    """Ids that end with padding, each length from none to all positions."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, V, (n, L), generator=generator)
    lengths = torch.randint(0, L + 1, (n, 1), generator=generator)
    return ids * (torch.arange(L) < lengths), torch.randn(n, 2, generator=generator)


def test_every_sequence_comes_back(flow):
    x, c = sequences(600)
    z0 = flow(x, c)
    assert z0.shape == (600, D)
    assert z0.dtype == torch.float64
    assert torch.equal(flow.inverse(z0, c), x)
    assert torch.equal(flow.inverse(z0.float(), c), x)
    torch.testing.assert_close(flow(x.to(torch.uint8), c), z0)


def test_another_order_of_symbols_is_another_code_of_the_same_sequences(flow):
    x, c = sequences(100)
    before = flow(x, c)
    flow.order.copy_(torch.tensor([3, 0, 6, 1, 5, 2, 4]))
    after = flow(x, c)
    assert not torch.allclose(before, after)
    assert torch.equal(flow.inverse(after, c), x)


def test_interval_of_one_symbol_by_hand():
    torch.manual_seed(0)
    flow = TokenFlow(TokenModel(1, 3, 1, width=8, hidden=8, blocks=1), 1).double()
    c = torch.zeros(3, 1, dtype=torch.float64)
    ids = torch.tensor([[0], [1], [2]])
    logits = flow.model(ids, c)[:, 0].detach()
    p = 0.9999 * logits.softmax(1) + 1e-4 / 3
    low = torch.tensor([0.0, p[0, 0], p[0, 0] + p[0, 1]])
    v = pseudo_random(ids, 1)[:, 0]
    expected = stats.norm.ppf((low + p.diagonal() * v).numpy())
    assert flow(ids, c)[:, 0].tolist() == pytest.approx(expected.tolist())


def test_draws_of_z0_are_draws_of_the_model(flow):
    n = 4000
    c = torch.tensor([[0.5, -1.0]]).expand(n, -1)
    drawn = flow.inverse(torch.randn(n, D, generator=torch.Generator().manual_seed(2)), c)
    counts = torch.bincount(drawn[:, 0], minlength=V)
    p = flow.model(drawn[:1], c[:1])[0, 0].detach().double().softmax(0)
    assert stats.chisquare(counts, n * p / p.sum()).pvalue > 0.001
    first = int(counts[1:].argmax()) + 1  # the second symbol after the most frequent first one
    following = drawn[drawn[:, 0] == first]
    p = flow.model(following[:1], c[:1])[0, 1].detach().double().softmax(0)
    counts = torch.bincount(following[:, 1], minlength=V)
    assert stats.chisquare(counts, len(following) * p / p.sum()).pvalue > 0.001


def test_codes_of_what_the_model_would_draw_are_gaussian_whatever_is_given(flow):
    n = 4000
    torch.manual_seed(3)
    flow.model.head.bias.data[0] -= 4.0  # long sequences: short ones would come often, and one
    c = torch.randn(n, 2)  # sequence has one code
    z0 = flow(_ancestral(flow.model, c), c)
    for column in z0.T:
        assert stats.kstest(column.numpy(), "norm").pvalue > 0.001
    for of in (z0, z0.square(), z0.abs()):
        correlation = torch.corrcoef(torch.cat([of, c.double(), c.double().square()], 1).T)
        off = correlation - torch.eye(len(correlation))
        assert off[:D].abs().max() < 0.07  # 4.4 standard errors


@torch.no_grad()
def _ancestral(model, c):
    """Sequences drawn symbol by symbol."""
    ids = torch.zeros(len(c), L, dtype=torch.int64)
    state, previous = model.start(c), ids[:, 0]
    going = torch.ones(len(c), dtype=torch.bool)
    for t in range(L):
        logits, state = model.step(state, previous)
        previous = torch.multinomial(logits.softmax(1), 1)[:, 0] * going
        ids[:, t] = previous
        going &= previous != 0
    return ids


def test_random_numbers_are_uniform_and_a_function_of_the_ids():
    ids = torch.cartesian_prod(*[torch.arange(5)] * 5)
    v = pseudo_random(ids, 3)
    assert torch.equal(v, pseudo_random(ids.to(torch.uint8), 3))
    assert stats.kstest(v.flatten().numpy(), "uniform").pvalue > 0.001
    assert torch.corrcoef(v.T).triu(1).abs().max() < 0.08
    assert len(v[:, 0].unique()) == len(ids)


def test_a_code_needs_a_coordinate(flow):
    with pytest.raises(ValueError, match="at least one coordinate, got 0"):
        TokenFlow(flow.model, 0)

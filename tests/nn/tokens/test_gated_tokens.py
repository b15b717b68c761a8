"""The autoregressive model of token sequences, and the autoencoder built on it."""

import pytest
import torch
from torch.nn import functional as F

from symmetry_pl.nn.tokens.autoencoder import GatedTokenAutoencoder
from symmetry_pl.nn.tokens.gated import TokenModel
from symmetry_pl.nn.tokens.packed import lengths_of

L, V = 7, 5


def sequences(rows=40):
    x = torch.randint(1, V, (rows, L))
    ends = torch.randint(0, L + 1, (rows, 1))
    return x * (torch.arange(L) < ends)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = TokenModel(L, V, dim=2, width=8, hidden=16, blocks=2, stem_blocks=1).double()
    for parameter in model.parameters():  # a new block is the identity, which hides mistakes
        torch.nn.init.normal_(parameter, std=0.4)
    return model


def test_steps_give_the_logits_of_the_whole(model):
    x, c = sequences(), torch.randn(40, 2, dtype=torch.float64)
    logits, state, previous = model(x, c), model.start(c), torch.zeros(40, dtype=torch.int64)
    for t in range(L):
        found, state = model.step(state, previous)
        there = t < lengths_of(x)
        torch.testing.assert_close(found[there], logits[there, t])
        previous = x[:, t]


def test_no_position_sees_itself_or_what_follows(model):
    x, c = sequences(1).clamp(min=1), torch.randn(1, 2, dtype=torch.float64)
    before = model(x, c)
    x[0, 3] = x[0, 3] % (V - 1) + 1
    after = model(x, c)
    assert torch.equal(before[0, :4], after[0, :4])
    assert (before[0, 4:] != after[0, 4:]).any(1).all()


def test_nll_is_that_of_the_symbols_and_the_end(model):
    x, c = sequences(), torch.randn(40, 2, dtype=torch.float64)
    losses = F.cross_entropy(model(x, c).transpose(1, 2), x, reduction="none")
    counted = torch.arange(L) < lengths_of(x)[:, None]
    torch.testing.assert_close(model.nll(x, c), (losses * counted).sum(1))


def test_probabilities_of_all_sequences_sum_to_one():
    torch.manual_seed(1)
    model = TokenModel(3, 3, dim=1, width=8, hidden=8, blocks=1).double()
    every = torch.cartesian_prod(*[torch.arange(3)] * 3)
    ends_once = torch.stack([(row[1:] * (row[:-1] == 0)).sum() == 0 for row in every])
    every = every[ends_once]  # padding follows padding
    total = model.nll(every, torch.randn(1, 1).double().expand(len(every), 1)).neg().exp().sum()
    assert total.item() == pytest.approx(1.0)


def test_a_wide_beam_finds_the_likeliest_sequences_of_all(model):
    c = torch.randn(3, 2, dtype=torch.float64)
    short = TokenModel(3, V, dim=2, width=8, hidden=16, blocks=2, stem_blocks=1).double()
    short.load_state_dict(model.state_dict())
    every = torch.cartesian_prod(*[torch.arange(V)] * 3)
    every = every[((every[:, 1:] == 0) | (every[:, :-1] != 0)).all(1)]
    found = short.candidates(c, len(every))
    for row, given in zip(found, c, strict=True):
        likely = short.nll(every, given.expand(len(every), -1)).argsort()
        assert torch.equal(row, every[likely])
    greedy = short.candidates(c, 1)[:, 0]
    assert torch.equal(greedy, short.most_likely(c))


def test_gradients_reach_all_parameters():
    torch.manual_seed(0)
    net = GatedTokenAutoencoder(3, 3, L, V, width=8, blocks=2, encoder_width=16, embedding=4)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    x = sequences()
    net.nll(net.encode(x), x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_it_learns_a_handful_of_sequences_and_the_search_proves_it():
    torch.manual_seed(0)
    net = GatedTokenAutoencoder(
        2, 2, L, V, width=16, blocks=1, encoder_width=32, embedding=8, candidates=4
    )
    x = sequences(12)
    steps = 300
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)  # or it never settles
    for _ in range(steps):
        loss = net.nll(net.encode(x), x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
    z = net.encode(x)
    assert torch.equal(net.decode(z), x)
    wrong = x.roll(1, 0)
    assert torch.equal(net.search(z, wrong), x)


def test_search_keeps_what_has_the_code_and_takes_the_nearest_else():
    torch.manual_seed(0)
    net = GatedTokenAutoencoder(2, 2, L, V, width=8, encoder_width=16, candidates=6)
    x = sequences(10)
    z = net.encode(x)
    assert torch.equal(net.search(z, x), x)  # although this decoder knows nothing of x
    found = net.search(z, torch.zeros_like(x))
    codes = net.encode(net.decoder.candidates(z, 6).flatten(0, 1)).view(10, 6, 2)
    nearest = (codes - z[:, None]).square().sum(2).amin(1)
    there = (x != 0).any(1)  # the empty sequence was right
    torch.testing.assert_close((net.encode(found) - z).square().sum(1)[there], nearest[there])


def test_candidates_must_be_positive():
    with pytest.raises(ValueError, match="candidates must be at least 1, got 0"):
        GatedTokenAutoencoder(2, 2, candidates=0)

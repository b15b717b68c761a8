"""The token networks against plain dense arithmetic, and their contracts."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from symmetry_pl.nn.tokens.residual import ResidualBlock, TokenDecoder, TokenEncoder, TripleCounts

B, L, V, D = 7, 5, 4, 3


@pytest.fixture
def tokens():
    return torch.randint(0, V, (B, L), generator=torch.Generator().manual_seed(0))


def encoder(**options):
    return TokenEncoder(L, V, D, **({"width": 8, "hidden": 16, "blocks": 1} | options))


def decoder(**options):
    return TokenDecoder(L, V, D, **({"width": 8, "hidden": 16, "blocks": 1} | options))


def test_first_layer_is_a_linear_map_of_the_flattened_one_hot_code(tokens):
    net = encoder(blocks=0).double()
    one_hot = F.one_hot(tokens, V).double().flatten(1)
    expected = net.head(net.norm(one_hot @ net.table))
    torch.testing.assert_close(net(tokens), expected, rtol=0, atol=1e-12)


def test_block_formula():
    block = ResidualBlock(4, 6).double()
    torch.nn.init.normal_(block.narrow.weight)
    h = torch.randn(3, 4, dtype=torch.float64)
    normed = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    inner = normed @ block.widen.weight.T + block.widen.bias
    gelu = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    torch.testing.assert_close(block(h), h + gelu @ block.narrow.weight.T)


def test_uint8_and_int64_ids_are_alike(tokens):
    net = encoder()
    assert torch.equal(net(tokens.to(torch.uint8)), net(tokens))


def test_position_matters(tokens):
    net = encoder()
    assert not torch.allclose(net(tokens), net(tokens.roll(1, dims=1)))


def test_triples_are_counted_up_to_the_end_wherever_they_stand():
    net = TripleCounts(2, 6, 3).double()
    e = torch.randn(V, 2, dtype=torch.float64)
    e[0] = 0  # the padding's vector
    ids = torch.tensor([[1, 2, 3, 0, 0], [3, 0, 0, 0, 0], [1, 1, 2, 2, 3]])
    expected = []
    for row, n in zip(ids, (4, 2, 5), strict=True):  # the end of a shorter row is counted too
        padded = torch.cat([e[:1], e[row], e[:1]])
        triples = torch.stack([padded[t : t + 3].flatten() for t in range(n)])
        expected.append(net.out(F.gelu(net.features(triples)).sum(0)))
    torch.testing.assert_close(net(ids, e[ids]), torch.stack(expected))


def test_counts_are_summed_with_the_flattened_symbols(tokens):
    net = encoder(blocks=0, embedding=6, counts=5).double()
    vectors = net.embedding(tokens)
    h = net.join(vectors.flatten(1)) + net.counts(tokens, vectors)
    torch.testing.assert_close(net(tokens), net.head(net.norm(h)))
    with pytest.raises(ValueError, match="set embedding too"):
        encoder(counts=5)


@pytest.mark.parametrize("options", [{}, {"embedding": 6, "counts": 5}])
def test_every_parameter_learns(tokens, options):
    net = torch.nn.ModuleList([encoder(**options), decoder()])
    for block in (*net[0].blocks, *net[1].blocks):
        torch.nn.init.normal_(block.narrow.weight)  # zero at the start: it blocks the gradient
    F.cross_entropy(net[1](net[0](tokens)).flatten(0, 1), tokens.flatten()).backward()
    dead = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_shapes_and_float32_under_bfloat16_autocast(tokens):
    with torch.autocast("cpu", torch.bfloat16):
        z = encoder()(tokens)
        logits = decoder()(z)
    assert (z.shape, logits.shape) == ((B, D), (B, L, V))
    assert z.dtype == logits.dtype == torch.float32


def test_double_precision_stays_double(tokens):
    assert decoder().double()(encoder().double()(tokens)).dtype == torch.float64


def test_wrong_length_is_one_sentence(tokens):
    with pytest.raises(ValueError, match=r"shape \(B, 5\), got \(7, 4\)"):
        encoder()(tokens[:, :4])


def test_weights_survive_a_checkpoint_of_plain_tensors(tokens, tmp_path):
    first = encoder()
    torch.save(first.state_dict(), tmp_path / "w.pt")
    second = encoder()
    second.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    assert torch.equal(first(tokens), second(tokens))


def test_learns_to_copy():
    torch.manual_seed(0)
    x = torch.randint(0, V, (64, L))
    net = torch.nn.Sequential(
        TokenEncoder(L, V, 8, 64, 64, 1),
        TokenDecoder(L, V, 8, 64, 64, 1),
    )
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    for _ in range(100):
        optimiser.zero_grad()
        F.cross_entropy(net(x).flatten(0, 1), x.flatten()).backward()
        optimiser.step()
    assert (net(x).argmax(-1) == x).all(1).float().mean() > 0.95

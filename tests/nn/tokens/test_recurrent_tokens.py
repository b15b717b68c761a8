"""The networks of STIB's appendix for QM9: sizes, and what sees what."""

import pytest
import torch
import yaml

from symmetry_pl import STIB
from symmetry_pl.core import DataDescription
from symmetry_pl.nn.by_name import AUTOENCODERS
from symmetry_pl.nn.tokens.recurrent import ConvolutionEncoder, RecurrentDecoder, RecurrentEncoder
from symmetry_pl.runs.folders import config_root


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_papers_networks_have_the_papers_sizes():
    config = yaml.safe_load((config_root() / "stib/paper/qm9.yaml").read_text())
    length, symbols, latent = 38, 33, 16
    names = ("", *map(str, range(1, symbols)))
    model = STIB(**config["model"]["init_args"])
    model.describe_data(DataDescription("tokens", (length,), ("gap", "alpha"), symbols=names))
    encoder, decoder = model.autoencoder.encoder, model.autoencoder.decoder
    convolutions = (3 * symbols + 1) * 12 + 2 * (3 * 12 + 1) * 12
    dense = ((length - 6) * 12 + 1) * 256 + (256 + 1) * latent
    assert count(encoder) == convolutions + dense
    first, further = 3 * 256 * (36 + 256 + 2), 3 * 256 * (256 + 256 + 2)
    assert count(decoder) == (latent + 1) * 36 + first + 2 * further + (256 + 1) * symbols
    properties = [layer.out_features for layer in model.predictor if hasattr(layer, "weight")]
    assert properties == [56, 256, 128, 2]
    assert count(model.predictor) == 3 * 56 + 57 * 256 + 257 * 128 + 129 * 2
    adversary = [layer.out_features for layer in model.adversary if hasattr(layer, "weight")]
    assert adversary == [56, 256, 128, 2]
    assert model.adversary[0].in_features == 14


def test_a_filter_sees_three_positions():
    torch.manual_seed(0)
    encoder = ConvolutionEncoder(length=12, symbols=4, dim=3, layers=1).double()
    x = torch.randint(4, (1, 12))
    other = x.clone()
    other[0, 5] = (x[0, 5] + 1) % 4

    def seen(tokens):
        one_hot = torch.nn.functional.one_hot(tokens, 4).transpose(1, 2).double()
        return encoder.convolutions[0](one_hot)[0]

    changed = (seen(x) != seen(other)).any(0).nonzero()[:, 0]
    assert changed.tolist() == [3, 4, 5]  # windows that begin there
    assert not torch.equal(encoder(x), encoder(other))


def test_the_decoder_sees_the_latent_alone_and_counts_positions():
    torch.manual_seed(0)
    decoder = RecurrentDecoder(length=6, symbols=5, dim=2, stem=4, width=8, layers=2).double()
    z = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    logits = decoder(z)
    assert logits.shape == (3, 6, 5)
    assert not torch.allclose(logits[:, 0], logits[:, 5])  # the same input, another state
    (gradient,) = torch.autograd.grad(logits[1].sum(), z)
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0
    manual = torch.nn.GRU(4, 8, 2, batch_first=True).double()
    manual.load_state_dict(decoder.recurrence.state_dict())
    stem = decoder.stem(z).relu()
    state, steps = None, []
    for _ in range(6):
        out, state = manual(stem[:, None], state)
        steps.append(decoder.head(out[:, 0]))
    torch.testing.assert_close(torch.stack(steps, 1), logits)


def test_they_learn_a_handful_of_sequences():
    torch.manual_seed(0)
    net = AUTOENCODERS["recurrent_tokens"](
        2, 2, length=8, symbols=4, filters=4, encoder_width=16, stem=8, width=24, layers=1
    )
    x = torch.randint(4, (6, 8))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(250):
        loss = net.nll(net.encode(x), x).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert torch.equal(net.decode(net.encode(x)), x)


def test_wrong_lengths_are_one_sentence():
    with pytest.raises(ValueError, match="need sequences of at least 7 symbols, got length=6"):
        ConvolutionEncoder(length=6, symbols=3, dim=2)
    with pytest.raises(ValueError, match=r"shape \(B, 9\), got \(2, 8\)"):
        ConvolutionEncoder(9, 3, 2)(torch.zeros(2, 8, dtype=torch.int64))


def test_the_gru_encoder_sees_every_position_in_order():
    torch.manual_seed(0)
    net = RecurrentEncoder(length=6, symbols=4, dim=3, units=5, widths=(7,)).double()
    assert [layer.in_features for layer in net.dense] == [6 * 5]
    x = torch.randint(4, (2, 6))
    code = net(x)
    for position in range(6):
        changed = x.clone()
        changed[:, position] = (x[:, position] + 1) % 4
        assert (net(changed) - code).abs().amax(1).min() > 1e-6
    assert (net(x.flip(1)) != code).any()


def test_networks_of_the_appendix_for_zinc_have_its_sizes():
    net = AUTOENCODERS["gru_tokens"](20, 20)
    assert net.encoder.recurrence.hidden_size == 12
    assert [layer.out_features for layer in net.encoder.dense] == [1356, 128]
    assert net.decoder.stem.out_features == 36
    assert (net.decoder.recurrence.hidden_size, net.decoder.recurrence.num_layers) == (501, 3)
    x = torch.randint(76, (2, 80))
    assert net.decode(net.encode(x)).shape == x.shape

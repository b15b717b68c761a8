"""Shared properties of the small networks, and networks by name."""

import pytest
import torch
from torch import nn

from symmetry_pl.core.registry import build_named
from symmetry_pl.nn.autoencoder import VectorAutoencoder
from symmetry_pl.nn.bijection import Bijection
from symmetry_pl.nn.by_name import AUTOENCODERS, ENCODERS
from symmetry_pl.nn.mlp import ACTIVATIONS, MLP
from symmetry_pl.nn.tokens.autoencoder import ResidualTokenAutoencoder


def assert_gradients_reach_all(module, loss):
    loss.backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_mlp_shapes_and_gradients(activation):
    net = MLP(3, 2, width=[8, 5], activation=activation)
    out = net(torch.randn(7, 3))
    assert out.shape == (7, 2)
    assert_gradients_reach_all(net, out.square().sum())


def test_mlp_starts_xavier_uniform_without_biases():
    torch.manual_seed(0)
    net = MLP(100, 100, width=300, depth=1)
    bound = (6 / 400) ** 0.5
    assert net[0].weight.abs().max() <= bound
    assert net[0].weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert net[0].bias.abs().max() == 0
    assert all(m.bias is None for m in MLP(2, 2, bias=False) if isinstance(m, nn.Linear))


def test_mlp_refuses_bad_sizes_and_names():
    with pytest.raises(ValueError, match="layer sizes must be positive"):
        MLP(0, 2)
    with pytest.raises(ValueError, match="activation must be one of"):
        MLP(1, 2, activation="sine")


def test_bijection_penalty_is_zero_for_an_inverse():
    pair = Bijection(2, 2, width=4, depth=0).double()
    weight = torch.tensor([[2.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    with torch.no_grad():
        pair.h[0].weight.copy_(weight)
        pair.h_inverse[0].weight.copy_(torch.linalg.inv(weight))
    y = torch.randn(9, 2, dtype=torch.float64)
    assert pair.penalty(y, pair(y)).item() == pytest.approx(0, abs=1e-20)
    with torch.no_grad():
        pair.h_inverse[0].bias += 1.0
    assert pair.penalty(y, pair(y)).item() == pytest.approx(2.0)


def test_vector_autoencoder_loss_is_the_squared_error():
    net = VectorAutoencoder(3, 3, x_dim=2, width=8)
    x = torch.randn(5, 2)
    z = net.encode(x)
    expected = ((net.decode(z) - x) ** 2).sum(1)
    torch.testing.assert_close(net.nll(z, x), expected)
    assert_gradients_reach_all(net, net.nll(z, x).sum())


def test_token_autoencoder_loss_is_the_cross_entropy():
    net = ResidualTokenAutoencoder(4, 4, length=5, symbols=6, width=16, hidden=16)
    x = torch.randint(0, 6, (3, 5))
    z = net.encode(x)
    logits = net.decoder(z)
    assert logits.shape == (3, 5, 6)
    chosen = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0]
    torch.testing.assert_close(net.nll(z, x), -chosen.sum(1))
    assert torch.equal(net.decode(z), logits.argmax(-1))


def test_no_part_of_a_token_code_determines_another():
    # a layer norm over the code would tie its sum and its length, and leak z1 into z0
    net = ResidualTokenAutoencoder(4, 4, length=5, symbols=6, width=16, hidden=16)
    code = net.encode(torch.randint(0, 6, (400, 5))).detach()
    centred = code - code.mean(0)
    assert torch.linalg.svdvals(centred)[-1] > 1e-2 * torch.linalg.svdvals(centred)[0]


def test_networks_by_name_check_their_options():
    net = build_named("autoencoder", AUTOENCODERS, "mlp", (3, 4), {"width": 7})
    assert net.encode(torch.zeros(1, 2)).shape == (1, 3)
    with pytest.raises(ValueError, match=r"no option 'widht'; autoencoder 'mlp' takes \['x_dim'"):
        build_named("autoencoder", AUTOENCODERS, "mlp", (3, 4), {"widht": 7})
    with pytest.raises(ValueError, match="autoencoder must be one of"):
        build_named("autoencoder", AUTOENCODERS, "gru", (3, 4), {})


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14)])
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_features_of_images(name, shape):
    net = build_named("encoder", ENCODERS, name, (shape, [16, 6], 0.5), {})
    features = net.eval()(torch.randn(5, *shape))
    assert features.shape == (5, 6)
    assert_gradients_reach_all(net, features.pow(3).sum())
    assert sum(isinstance(m, nn.Dropout) for m in net.modules()) == 2

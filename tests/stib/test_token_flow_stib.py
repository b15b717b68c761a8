"""FlowSTIB of token sequences: players, losses, exactness, and what it refuses."""

import pytest
import torch
from stand_in import attach, described

from symmetry_pl import TokenFlowSTIB
from symmetry_pl.core import DataDescription

SYMBOLS = ("", "b", "a", "d", "c")
L, V = 6, len(SYMBOLS)


def data(**options):
    defaults = {
        "kind": "tokens",
        "x_shape": (L,),
        "target_names": ("p",),
        "symbols": SYMBOLS,
        "representation": "selfies",
    }
    return DataDescription(**(defaults | options))


def attached(**options):
    """A small model at the start of its training, and the losses of its turns."""
    torch.manual_seed(0)
    model = TokenFlowSTIB(
        latent_dim=4, width=16, blocks=1,
        encoder_options={"width": 16, "hidden": 16, "blocks": 1, "embedding": 4, "counts": 4},
        **options,
    )  # fmt: skip
    described(model, data())
    for parameter in model.parameters():  # off the zeros that residual blocks start from
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return attach(model)


def batch(n=40):
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(1, V, (n, L), generator=generator)
    x *= torch.arange(L) < torch.randint(1, L + 1, (n, 1), generator=generator)
    return x, (x == 2).double().sum(1, keepdim=True)


def test_players_share_no_parameter_and_no_gradient():
    model, losses = attached()
    owned = [id(p) for player in model.players.values() for p in player.moved]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())
    model.training_step(batch(), 0)
    for player, loss in zip(("encoder", "model"), losses, strict=True):
        model.zero_grad()
        loss.backward()
        mine = {id(p) for p in model.players[player].moved}
        for name, p in model.named_parameters():
            touched = p.grad is not None and bool(p.grad.abs().sum() > 0)
            assert touched == (id(p) in mine), f"{player}: {name}"


def test_losses_are_the_formulas():
    model, losses = attached(condition_noise=0.3)
    x, y = batch()
    model.noise = lambda *shape, dtype=None: torch.ones(*shape, dtype=dtype)
    model.training_step((x, y), 0)
    z1 = model.encoder(x)
    assert losses[0].item() == pytest.approx((z1 - y).square().mean().item())
    logits = model.flow.model(x, z1 + 0.3)
    n = ((x != 0).sum(1) + 1).clamp(max=L)  # the end of a shorter sequence is written too
    log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0] * (torch.arange(L) < n[:, None])
    assert losses[1].item() == pytest.approx(-log_p.sum(1).mean().item())


def test_reconstruction_is_exact_without_training_and_predicts_from_z1():
    model, _ = attached()
    x, y = batch(500)
    found = model.evaluate(x, y)
    assert torch.equal(found.x_hat, x)
    assert torch.equal(found.y_hat, found.code.z1)
    torch.testing.assert_close(found.code.z1, model.encoder(x))
    single = model.float()
    assert torch.equal(single.evaluate(x, y).x_hat, x)
    assert single.encode(x).z0.dtype == torch.float32


def test_symbols_are_ordered_by_spelling_and_a_checkpoint_keeps_the_order():
    model, _ = attached()
    assert [SYMBOLS[i] for i in model.flow.order.tolist()] == ["", "a", "b", "c", "d"]
    again, _ = attached()
    again.load_state_dict(model.state_dict())
    x, _ = batch()
    torch.testing.assert_close(again.encode(x).z0, model.encode(x).z0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"kind": "vector", "symbols": ()}, "the data are vector, .* take FlowSTIB"),
        ({"target_names": ("p", "q", "r", "s")}, "leaves nothing to Z0: Z1 has the 4 targets"),
        ({"target_names": ()}, "the data have none"),
    ],
)
def test_other_data_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        TokenFlowSTIB(latent_dim=4).describe_data(data(**other))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition_noise": -0.1}, "condition_noise must not be negative"),
        ({"latent_dim": 1}, "leaves nothing to Z0"),
        ({"encoder_options": {"widht": 3}}, "widht"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        described(TokenFlowSTIB(**options), data())


def test_an_additive_term_is_measured_once_and_the_encoder_learns_what_it_leaves():
    model, losses = attached(additive=2)
    x, y = batch(200)
    loader = torch.utils.data.DataLoader(list(zip(x, y, strict=True)), batch_size=50)
    model.trainer.train_dataloader = loader
    model.on_train_start()
    additive = model.additive(x)
    assert (additive - y).abs().mean() < 0.05  # y counts a symbol
    model.training_step((x, y), 0)
    rest = y - additive - model.encoder(x)
    torch.testing.assert_close(losses[0], rest.square().mean().to(losses[0]))
    torch.testing.assert_close(model.encode(x).z1, model.encoder(x) + additive)
    model.batches_seen = 3
    weight = model.additive.weight.clone()
    model.trainer.train_dataloader = torch.utils.data.DataLoader([(x[0], y[0] + 5)] * 50)
    model.on_train_start()
    assert torch.equal(model.additive.weight, weight)


def test_an_evaluation_has_the_likelihood_given_what_is_predicted():
    model, _ = attached()
    x, y = batch(12)
    with torch.no_grad():
        found = model.evaluate(x, y)
        expected = model.flow.model.nll(x, model.encoder(x))
        evaluator = model.configure_evaluator("val")
        evaluator.add(x[:5], y[:5], model.evaluate(x[:5], y[:5]))
        evaluator.add(x[5:], y[5:], model.evaluate(x[5:], y[5:]))
    torch.testing.assert_close(found.nll, expected)
    torch.testing.assert_close(evaluator.likelihood.compute().to(expected), expected.mean())

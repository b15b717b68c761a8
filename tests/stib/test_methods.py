"""What each method optimises, and who owns what."""

import pytest
import torch
from stand_in import attach, described

from symmetry_pl import CVAE, CVIB, STIB, VAE, FlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.information import gaussian_information, kl_standard_normal, pairwise_kl
from symmetry_pl.stib.code import Code

SMALL = {"autoencoder_options": {"width": 8, "depth": 1}}
PREDICTOR = {"predictor_options": {"width": 8, "depth": 1}}
MODELS = {
    "stib": lambda: STIB(critic_width=8, **SMALL, **PREDICTOR),
    "no_adversary": lambda: STIB(mi_weight=0, **SMALL, **PREDICTOR),
    "vae": lambda: VAE(**SMALL, **PREDICTOR),
    "cvae": lambda: CVAE(**SMALL),
    "cvib": lambda: CVIB(**SMALL),
    "flow": lambda: FlowSTIB(flow_options={"bins": 4, "width": 8}),
}


def batch(n=50):
    generator = torch.Generator().manual_seed(1)
    x = 8 * torch.rand(n, 2, dtype=torch.float64, generator=generator) - 4
    t = 2 * x[:, 0] + x[:, 1]
    return x, 0.55 * t[:, None] * torch.stack([t.cos(), t.sin()], 1)


@pytest.mark.parametrize("name", MODELS)
def test_players_own_every_parameter_once(name):
    model = described(MODELS[name]())
    owned = [id(p) for player in model.configure_players().values() for p in player.moved]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_every_step_reaches_every_parameter_of_its_player(name):
    model, losses = attach(MODELS[name](), batches=50)
    torch.manual_seed(0)
    for parameter in model.parameters():  # off the zeros a flow's conditioners start from
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    players = list(model.players)
    model.training_step(batch(), 0)
    assert len(losses) == len(players)
    for player, loss in zip(players, losses, strict=True):
        model.zero_grad()
        loss.backward()
        for key, parameter in model.named_parameters():
            mine = any(parameter is p for p in model.players[player].moved)
            touched = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
            assert touched == mine, f"{player}: {key}"


def test_the_critic_belongs_to_the_adversary_alone():
    # the published code trains the critic's first layer to lower the information
    model = described(STIB(critic_width=8, **SMALL, **PREDICTOR))
    players = model.players
    first = model.adversary[0].weight
    assert any(p is first for p in players["adversary"].moved)
    assert not any(p is first for p in players["model"].moved)


def test_stib_losses_are_equations_6_and_7():
    model, losses = attach(
        STIB(
            critic_width=8,
            mi_weight=3.0,
            y_weight=2.0,
            lambda_start=5.0,
            critic="sampled",
            ridge=0.0,
            **SMALL,
            **PREDICTOR,
        )
    )
    x, y = batch()
    model.noise = lambda *shape, dtype=None: torch.zeros(shape, dtype=dtype)
    model.training_step((x, y), 0)
    mean = model.autoencoder.encoder(x)
    z0, z1 = mean[:, :2], mean[:, 2:]
    kl = kl_standard_normal(mean, model.log_std.expand_as(mean)).mean()
    loss_x = ((model.autoencoder.decoder(mean) - x) ** 2).sum(1).mean()
    loss_y = ((model.predictor(z1) - y) ** 2).sum(1).mean()
    proxy = model.bijection.h(y)
    joint = torch.cat([model.adversary(z0), proxy], 1)
    correlation = torch.corrcoef(joint.T)
    information = 0.5 * (
        torch.logdet(correlation[:2, :2])
        + torch.logdet(correlation[2:, 2:])
        - torch.logdet(correlation)
    )
    back = ((model.bijection.h_inverse(proxy) - y) ** 2).sum(1).mean()
    expected = kl / 5 + loss_x + 2 * loss_y + 3 * information
    # to 1e-4, as our correlations have 1e-8 in the variance
    assert losses[0].item() == pytest.approx(expected.item(), rel=1e-4)
    assert losses[1].item() == pytest.approx((0.005 * back - information).item(), rel=1e-4)


def test_baseline_losses_are_the_published_ones():
    x, y = batch()
    zero = lambda *shape, dtype=None: torch.zeros(shape, dtype=dtype)  # noqa: E731
    vae, losses = attach(VAE(**SMALL, **PREDICTOR))
    vae.noise = zero
    vae.training_step((x, y), 0)
    z = vae.autoencoder.encoder(x)
    kl = kl_standard_normal(z, vae.log_std.expand_as(z)).mean()
    loss_x = ((vae.autoencoder.decoder(z) - x) ** 2).sum(1).mean()
    loss_y = ((vae.predictor(z) - y) ** 2).sum(1).mean()
    assert losses[0].item() == pytest.approx((kl + loss_x + 3 * loss_y).item())

    cvib, losses = attach(CVIB(kl_weight=0.1, x_weight=2, pair_weight=1, **SMALL))
    cvib.noise = zero
    cvib.training_step((x, y), 0)
    mean, log_var = cvib.autoencoder.encoder(x).chunk(2, 1)
    kl = kl_standard_normal(mean, log_var / 2).mean()
    loss_x = ((cvib.autoencoder.decoder(torch.cat([mean, y], 1)) - x) ** 2).sum(1).mean()
    expected = 0.1 * kl + 2 * loss_x + pairwise_kl(mean, log_var)
    assert losses[0].item() == pytest.approx(expected.item())


def test_flow_loss_is_the_likelihood_and_the_regression():
    options = {"flow": "coupling", "flow_options": {"bins": 4}}
    model, losses = attach(FlowSTIB(y_weight=7.0, y_ramp="0 %", **options))
    x, y = batch()
    model.training_step((x, y), 0)
    z, _ = model.flow(x)
    nll = -model.flow.log_prob(x).mean()
    loss_y = ((model.predictor(z[:, :1]) - y) ** 2).sum(1).mean()
    assert losses[0].item() == pytest.approx((nll + 7 * loss_y).item())


def test_phases_hold_ramp_play_and_finetune():
    lengths = {"hold": "20 %", "ramp": "20 batches", "finetune": "10 %"}
    options = {"phases": lengths, "mi_weight": 4.0}
    model, losses = attach(STIB(critic_width=8, **options, **SMALL, **PREDICTOR))
    seen = {}
    for batches in (0, 19, 30, 50, 89, 90, 99):
        model.batches_seen = batches
        losses.clear()
        model.training_step(batch(), 0)
        seen[batches] = (model.phase, round(model.information_weight, 6), len(losses))
    assert seen[0] == ("hold", 0.0, 2)
    assert seen[19] == ("hold", 0.0, 2)
    assert seen[30] == ("ramp", 2.0, 2)
    assert seen[50] == ("play", 4.0, 2)
    assert seen[89] == ("play", 4.0, 2)
    assert seen[90][0] == "finetune"
    assert seen[90][2] == 1


def test_finetuning_leaves_the_encoder_alone():
    model, losses = attach(
        STIB(critic_width=8, phases={"finetune": "50 %"}, **SMALL, **PREDICTOR), batches=60
    )
    model.training_step(batch(), 0)
    losses[0].backward()
    assert all(p.grad is None for p in model.autoencoder.encoder.parameters())
    assert model.log_std.grad is None
    assert all(p.grad is not None for p in model.autoencoder.decoder.parameters())
    assert all(p.grad is not None for p in model.predictor.parameters())


def test_a_critic_of_means_is_blind_to_scale():
    # a dimension whose mean hardly moves hides information from a critic of samples
    model, _ = attach(STIB(critic_width=8, **SMALL, **PREDICTOR))
    mean = torch.randn(40, 3, dtype=torch.float64)
    shrunk = mean * torch.tensor([0.1, 10.0, 1.0], dtype=torch.float64)
    view = model.critic_view(mean, mean)
    torch.testing.assert_close(view, model.critic_view(shrunk, shrunk), rtol=1e-4, atol=1e-4)
    x, y = batch(40)
    del x
    assert gaussian_information(view, y).item() >= 0


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_is_deterministic_and_shaped(name):
    model = described(MODELS[name]()).double()
    x, y = batch()
    with torch.no_grad():
        first, second = model.evaluate(x, y), model.evaluate(x, y)
    assert torch.equal(first.code.z0, second.code.z0)
    assert first.x_hat.shape == x.shape
    assert first.y_hat is None or first.y_hat.shape == y.shape
    z0, z1, _ = first.code
    if z1 is not None:
        assert z0.shape[1] + z1.shape[1] == (2 if name == "flow" else 3)


def test_flow_reconstructs_exactly_in_two_and_sixteen_dimensions():
    torch.manual_seed(0)
    for dim, z1_dim, options in (
        (2, 1, {"bins": 8}),
        (16, 2, {"blocks": 3, "mixing": "lu", "coupling": "affine", "halves": 1}),
    ):
        data = DataDescription("vector", (dim,), ("u", "v"))
        model = FlowSTIB(z1_dim=z1_dim, flow="coupling", flow_options=options)
        model = described(model, data).double()
        x = torch.randn(20, dim, dtype=torch.float64)
        found = model.evaluate(x, torch.zeros(20, 2))
        torch.testing.assert_close(found.x_hat, x, rtol=0, atol=1e-9)
        assert found.code.z0.shape == (20, dim - z1_dim)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: STIB(z1_dim=3, latent_dim=3),
            r"leave dimensions to Z0: between 1 and latent_dim 3",
        ),
        (lambda: STIB(lambda_growth=-1.0), "lambda_growth must be positive"),
        (lambda: STIB(mi_weight=-1.0), "mi_weight must not be negative"),
        (lambda: STIB(phases={"hold": "2"}), "is a length such as"),
        (lambda: STIB(phases={"play": "20 %"}), "takes what the others leave"),
        (lambda: STIB(critic="median"), "critic must be"),
        (lambda: described(STIB(autoencoder_options={"widht": 8})), "no option 'widht'"),
        (lambda: described(STIB(predictor="forest")), "predictor must be one of"),
        (lambda: described(STIB(autoencoder="residual_tokens")), r"autoencoder to one of \['mlp'"),
        (lambda: VAE(players={"model": {"schedule": "linear"}}), "schedule must be one of"),
        (lambda: described(VAE(players={"adversary": {}})), "VAE has \\['model'\\]"),
        (lambda: CVIB(pair_weight=-1.0), "pair_weight must not be negative"),
        (lambda: VAE(posterior="none"), "posterior must be"),
        (lambda: VAE(latent_dim=0), "latent_dim must be at least 1"),
        (lambda: described(FlowSTIB(z1_dim=2)), "leaves nothing to Z0: x has 2 columns"),
        (lambda: FlowSTIB(y_ramp="200 %"), "more than all of it"),
        (lambda: FlowSTIB(y_weight=-1.0), "must not be negative"),
    ],
)
def test_bad_options_are_one_sentence(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_data_that_fit_no_network_are_refused():
    tokens = DataDescription("tokens", (3,), ("u",), symbols=("", "C"))
    for model in (STIB(**SMALL), FlowSTIB()):
        with pytest.raises(ValueError, match=r"tokens of shape \(3,\)"):
            model.check_data(tokens)
        with pytest.raises(ValueError, match="and the data have none"):
            model.check_data(DataDescription("vector", (3,)))


def test_networks_have_the_sizes_of_the_data():
    wide = DataDescription("vector", (5,), ("qed",))
    assert described(STIB(**SMALL), wide).autoencoder.x_shape == (5,)
    assert described(FlowSTIB(), wide).flow.dim == 5
    assert described(CVAE(**SMALL), wide).autoencoder.decoder_dim == 2 + 1


def test_a_weight_of_nothing_divides_nothing(monkeypatch):
    model, losses = attach(CVIB(kl_weight=0, **SMALL))
    logged = {}
    monkeypatch.setattr(CVIB, "log_now", True)
    model.log_training = lambda values, size: logged.update(values)
    model.training_step(batch(), 0)
    assert losses[0].isfinite()
    assert logged["kl"].item() > 0


def test_cvae_decodes_only_with_a_target():
    with pytest.raises(ValueError, match="decodes only with a target"):
        described(CVAE(**SMALL)).decode(Code(torch.zeros(1, 2)))

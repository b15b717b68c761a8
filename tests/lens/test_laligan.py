"""LaLiGAN: its step by hand, whose parameters move, what a Jacobian tells, what is conserved."""

import pytest
import torch
from pytorch_lightning import Trainer
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cosine_similarity, mse_loss

from symmetry_pl import LaLiGAN
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import GroupOrbitsDataModule
from symmetry_pl.lens.adversarial import apply_blocks
from symmetry_pl.lens.element_evaluation import element_scores

SMALL = {"autoencoder_widths": [16, 16], "autoencoder_activation": "silu", "widths": [16]}


def pairs(samples=64, batch_size=16):
    return GroupOrbitsDataModule(
        "lotka_volterra", samples=samples, eval_samples=300, batch_size=batch_size, dtype="float64"
    )


def trainer(epochs=1, **options):
    return Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        precision="64-true", **options,
    )  # fmt: skip


def described(model, dim=4, **extra):
    model.describe_data(DataDescription("vector", (dim,), extra=extra))
    return model.double()


def linear(model, inwards, shift):
    """Let the autoencoder be x ↦ P (x − shift) and back."""
    for layer, matrix, bias in (
        (model.encoder[0], inwards, -inwards @ shift),
        (model.decoder[0], inwards.inverse(), shift),
    ):
        layer.weight.data, layer.bias.data = matrix, bias
    model.standardised.variance.fill_(1 - 1e-5)
    model.data_mean.copy_(shift)
    return model.eval()


def test_a_step_is_the_published_one_but_for_the_shares_of_the_players(monkeypatch):
    torch.manual_seed(0)
    model = LaLiGAN(
        blocks=2, channels=2, regularisation=0.3, correlation=0.2, game_weight=0.5, **SMALL
    )
    lost = []
    monkeypatch.setattr(model, "minimise", lambda loss: lost.append(loss.detach()))
    drawn, noise = [], model.noise
    monkeypatch.setattr(
        model, "noise", lambda *shape, **kw: drawn.append(noise(*shape, **kw)) or drawn[-1]
    )
    seen = []
    step = model.training_step

    def recorded(batch, batch_idx):
        seen.append(batch)
        return step(batch, batch_idx)

    monkeypatch.setattr(model, "training_step", recorded)
    trainer(limit_train_batches=1, limit_val_batches=0).fit(model, pairs())

    x, y, _ = seen[0]
    raw = model.encoder(x.view(-1, 2))
    z = ((raw - raw.mean(0)) / (raw.var(0, unbiased=False) + 1e-5).sqrt()).view(-1, 4)
    g = torch.matrix_exp(torch.einsum("bc,cij->bij", drawn[0], model.algebra()))
    moved = torch.einsum("bij,bkj->bki", g, z.view(-1, 2, 2)).reshape(-1, 4)
    one, two = (part / (part.norm() / 2**0.5 + 1e-6) for part in model.algebra())
    away = cosine_similarity(moved.view(-1, 2, 2), z.view(-1, 2, 2), dim=2).mean().abs()
    logit = model.discriminator(torch.cat([moved, y], 1))
    ours = 0.5 * bce(logit, torch.ones_like(logit)) + 0.3 * away + 0.2 * (one * two).sum().abs()
    ours = ours + mse_loss(model.decoder(z.view(-1, 2)).view(-1, 4), x)
    real = model.discriminator(torch.cat([z, y], 1))
    judged = (bce(real, torch.ones_like(real)) + bce(logit, torch.zeros_like(logit))) / 2
    assert torch.stack(lost).tolist() == pytest.approx([float(ours), float(judged)], abs=1e-12)
    assert torch.allclose(model.standardised.mean, 0.1 * raw.mean(0))


def test_every_parameter_is_moved_by_its_player_alone():
    torch.manual_seed(0)
    model, data = LaLiGAN(blocks=2, channels=2, **SMALL), pairs()
    model.describe_data(data.description)
    turns = {}
    minimise = model.minimise

    def watched(loss):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        minimise(loss)
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
        turns.setdefault(model.turns.now, set()).update(moved)

    model.minimise = watched
    trainer(limit_val_batches=0).fit(model, data)
    names = {name for name, _ in model.named_parameters()}
    critic = {name for name in names if name.startswith("discriminator.")}
    assert turns == {("generator",): names - critic, ("discriminator",): critic}


def test_behind_a_linear_map_the_generators_are_those_of_the_samples():
    torch.manual_seed(0)
    model = described(LaLiGAN(latent_dim=3, autoencoder_widths=[], channels=2), dim=3)
    inwards, shift = torch.randn(3, 3).double(), torch.randn(3).double()
    linear(model, inwards, shift)
    conjugate = inwards.inverse() @ model.algebra() @ inwards
    assert torch.allclose(model.sample_algebra(), conjugate)
    assert torch.allclose(model.generators(), torch.matrix_exp(conjugate))
    with torch.inference_mode():
        assert torch.allclose(model.generators(), torch.matrix_exp(conjugate))
    x, z = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    g = torch.matrix_exp(torch.einsum("bc,cij->bij", z, conjugate))
    moved, _ = model.move((x, x[:, :0]), z)
    assert torch.allclose(moved, shift + torch.einsum("bij,bj->bi", g, x - shift))
    assert torch.allclose(model.still(x), x)


@pytest.mark.parametrize("latent_dim", [2, 3, 4])
def test_scores_are_of_samples_whatever_the_size_of_a_latent(latent_dim):
    torch.manual_seed(0)
    turn = torch.zeros(1, 3, 3).double()
    turn[0, 0, 1], turn[0, 1, 0] = -1, 1
    model = LaLiGAN(latent_dim=latent_dim, autoencoder_widths=[8])
    described(model, dim=3, algebra=turn.tolist(), form=[])
    model.data_mean.copy_(torch.tensor([0.3, -0.5, 0.8]))
    assert model.algebra().shape == (1, latent_dim, latent_dim)
    assert model.learned()["generators"].shape == (1, 3, 3)
    at = model.sample_algebra()[0]
    known = (at * turn[0]).sum() / (at.norm() * turn[0].norm())
    assert element_scores(model)["algebra_cosine"] == pytest.approx(float(known.abs()), abs=1e-9)


def test_latents_are_whole_vectors_of_one_encoder():
    model = described(LaLiGAN(blocks=2, latent_dim=3, **SMALL)).eval()
    x = torch.randn(5, 4).double()
    latents = model.encode(x)
    assert torch.allclose(latents[:, 3:], model.encode(x[:, [2, 3, 2, 3]])[:, :3])
    assert model.decode(latents).shape == (5, 4)
    g = torch.matrix_exp(model.algebra()[:1])
    told = model.predict_step((x, x[:, :0], torch.arange(5)), 0)["moved"]
    assert torch.allclose(told, model.decode(apply_blocks(g, latents)))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"reconstruction": 0.0}, "reconstruction"),
        ({"game_weight": 0.0}, "game_weight"),
        ({"moves_target": True}, "moves_target"),
        ({"mask": [[1]]}, "mask"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(options, word):
    with pytest.raises(ValueError, match=word):
        described(LaLiGAN(**options))


def test_reconstruction_falls():
    torch.manual_seed(0)
    options = {"lr": 5e-3, "schedule": "cosine", "end": 0.02}
    model = LaLiGAN(
        blocks=2, game_weight=0.01, regularisation=0.02,
        players={"generator": options, "discriminator": options}, **SMALL,
    )  # fmt: skip
    data = pairs(samples=2000, batch_size=100)
    model.describe_data(data.description)
    model.double()
    watched = trainer()
    before = watched.validate(model, data, verbose=False)[0]
    trainer(epochs=25, limit_val_batches=0).fit(model, data)
    after = watched.validate(model, data, verbose=False)[0]
    assert after["val/mae_x"] < 0.1 * before["val/mae_x"]
    assert after["val/invariant_change_floor"] < after["val/invariant_change_random"]


@pytest.mark.slow
def test_what_the_orbits_conserve_is_kept_better_than_by_chance():
    torch.manual_seed(0)
    options = {"lr": 2e-3, "schedule": "cosine", "end": 0.02}
    model = LaLiGAN(
        blocks=2, game_weight=0.01, regularisation=0.05, widths=[64, 64],
        autoencoder_widths=[64, 64, 64], autoencoder_activation="silu",
        players={"generator": options, "discriminator": options},
    )  # fmt: skip
    data = pairs(samples=20_000, batch_size=256)
    trainer(epochs=60, limit_val_batches=0).fit(model, data)
    found = trainer().validate(model, data, verbose=False)[0]
    assert found["val/invariant_change"] < 0.7 * found["val/invariant_change_random"]
    assert found["val/motion"] > 0.5

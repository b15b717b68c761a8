"""An autoencoder, then a flow of its latent: phases, losses, exactness."""

import pytest
import torch
from pytorch_lightning import Trainer
from stand_in import attach, described

from symmetry_pl import STIB, LatentFlowSTIB
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import SpiralDataModule
from symmetry_pl.information import kl_standard_normal

SMALL = {"autoencoder_options": {"width": 8, "depth": 1}}
DATA = DataDescription("vector", (3,), ("u", "v"))


def attached(batches=0, **options):
    """A small model at a batch of its training, and the losses of its turns."""
    torch.manual_seed(0)
    model = LatentFlowSTIB(
        latent_dim=4, z1_dim=1, phases={"autoencoder": "50 %"},
        predictor_options={"width": 8, "depth": 1},
        flow_options={"coupling": "affine", "mixing": "lu", "width": 8}, **SMALL, **options,
    )  # fmt: skip
    return attach(described(model, DATA), batches)


def batch(n=40):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 3, dtype=torch.float64, generator=generator)
    return x, x[:, :2] ** 2


def shaken(model):
    for parameter in model.flow.parameters():
        parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model


def test_each_phase_moves_its_own_player():
    model, losses = attached()
    shaken(model)
    owned = [id(p) for player in model.players.values() for p in player.moved]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())
    for batches, player in ((0, "model"), (49, "model"), (50, "flow"), (99, "flow")):
        model.batches_seen = batches
        losses.clear()
        model.zero_grad()
        model.training_step(batch(), 0)
        (loss,) = losses
        loss.backward()
        moved = {id(p) for p in model.players[player].moved}
        for name, p in model.named_parameters():
            touched = p.grad is not None and bool(p.grad.abs().sum() > 0)
            assert touched == (id(p) in moved), f"{batches}: {name}"


def test_losses_are_the_formulas():
    model, losses = attached(y_weight=3.0, lambda_start=5.0)
    x, y = batch()
    model.noise = lambda *shape, dtype=None: torch.zeros(*shape, dtype=dtype)
    model.training_step((x, y), 0)
    u = model.autoencoder.encoder(x)
    kl = kl_standard_normal(u, model.log_std.expand_as(u)).mean()
    loss_x = (model.autoencoder.decoder(u) - x).square().sum(1).mean()
    loss_y = (model.predictor(u[:, :1]) - y).square().sum(1).mean()
    assert losses[0].item() == pytest.approx((kl / 5 + loss_x + 3 * loss_y).item())
    model.batches_seen = 60
    model.training_step((x, y), 0)
    assert losses[1].item() == pytest.approx(-model.flow.log_prob(u).mean().item())


def test_the_first_batch_of_the_flow_whitens_the_latent_once():
    model, _ = attached(batches=50)
    x, y = batch()
    model.training_step((x, y), 0)
    z0 = model.encode(x).z0
    torch.testing.assert_close(torch.cov(z0.T), torch.eye(3).double())
    weight = model.flow.weight.clone()
    model.batches_seen = 51
    model.training_step((2 * x, y), 0)
    assert torch.equal(model.flow.weight, weight)


def test_batches_too_small_for_the_flow_are_refused_before_anything_is_trained(tmp_path):
    data = SpiralDataModule(batch_size=4, samples_per_epoch=40, eval_samples=50)
    model = LatentFlowSTIB(latent_dim=4, z1_dim=1, **SMALL)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=2, accelerator="cpu", default_root_dir=tmp_path, **quiet)
    with pytest.raises(ValueError, match=r"4 rows are too few for latent_dim 4; raise data.batch"):
        trainer.fit(model, data)
    assert model.batches_seen == 0


def test_the_flow_changes_neither_reconstruction_nor_prediction():
    model, _ = attached()
    x, y = batch()
    u = model.posterior(x)[0]
    plain = model.autoencoder.decoder(u), model.predictor(u[:, :1])
    shaken(model).flow.standardise(u.detach(), whiten=True)
    found = model.evaluate(x, y)
    torch.testing.assert_close(found.x_hat, plain[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(found.y_hat, plain[1], rtol=0, atol=1e-12)
    assert found.code.z0.shape == (40, 3)
    assert not torch.allclose(found.code.z0, u[:, 1:])


def test_input_noise_is_further_noise():
    model, losses = attached(batches=60, input_noise=0.5)
    x, y = batch()
    draws = []
    model.noise = lambda *shape, dtype=None: draws.append(shape) or torch.ones(*shape, dtype=dtype)
    model.training_step((x, y), 0)
    u = model.posterior(x)[0] + model.log_std.exp() + 0.5
    assert len(draws) == 2
    assert losses[0].item() == pytest.approx(-model.flow.log_prob(u).mean().item())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": {"flow": "50 %"}}, "takes what the others leave"),
        ({"y_weight": -1.0}, "must not be negative"),
        ({"z1_dim": 16}, "leave dimensions to Z0: between 1 and latent_dim 16"),
        ({"flow_options": {"informative": "learned"}}, "is 'given' in a latent flow"),
        ({"flow_options": {"block": 3}}, "no option 'block'"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        described(LatentFlowSTIB(**options, **SMALL))


def test_molecules_of_another_vocabulary_are_refused():
    model = STIB(autoencoder="residual_tokens", autoencoder_options={"width": 8, "hidden": 8})
    plain = {"target_names": ("a", "b"), "representation": "selfies"}
    model.describe_data(DataDescription("tokens", (5,), symbols=("", "C", "O"), **plain))
    other = DataDescription("tokens", (5,), symbols=("", "C", "S"), **plain)
    with pytest.raises(ValueError, match=r"on other data than .* \(with the symbols 'S'\)"):
        model.describe_data(other)
    longer = DataDescription("tokens", (7,), symbols=("", "C", "O"), **plain)
    with pytest.raises(ValueError, match=r"tokens of shape \(7,\).* instead of"):
        model.describe_data(longer)

"""Adversarial rivals: the published step by hand, parametrisations, and what they find."""

import math

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from scipy.linalg import expm
from torch import nn
from torch.nn.functional import cosine_similarity

from symmetry_pl import LieGAN, SymmetryGAN
from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules import GroupOrbitsDataModule
from symmetry_pl.lens.lie_algebra import LieAlgebra, channel_correlation, coefficients
from symmetry_pl.lens.liegan import away_from_identity
from symmetry_pl.lens.symmetry_gan import GroupElement


def fitted(model, data, epochs=1, **options):
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        precision="64-true", **options,
    )  # fmt: skip
    trainer.fit(model, data)
    return trainer


def orbits(law="plane", samples=64, batch_size=16, **options):
    return GroupOrbitsDataModule(
        law, samples=samples, eval_samples=200, batch_size=batch_size, dtype="float64", **options
    )


class Recorder:
    """Batches and normal numbers of a training, to do the same steps by hand."""

    def __init__(self, model, monkeypatch):
        self.batches, self.normals = [], []
        step, noise = model.training_step, model.noise

        def stepped(batch, batch_idx):
            self.batches.append(batch)
            return step(batch, batch_idx)

        def drawn(*shape, dtype=None):
            self.normals.append(noise(*shape, dtype=dtype))
            return self.normals[-1]

        monkeypatch.setattr(model, "training_step", stepped)
        monkeypatch.setattr(model, "noise", drawn)


def start(model, data):
    """The weights a training begins with, as plain networks."""
    model.describe_data(data.description)
    model.double()
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def critic(weights, slope):
    layers = []
    names = [n for n in weights if n.startswith("discriminator.") and n.endswith("weight")]
    for k, name in enumerate(names):
        if k:
            layers.append(nn.LeakyReLU(slope))
        layer = nn.Linear(*weights[name].shape[::-1]).double()
        layer.weight.data = weights[name].clone()
        layer.bias.data = weights[name.replace("weight", "bias")].clone()
        layers.append(layer)
    return nn.Sequential(*layers, nn.Sigmoid())


def bce(p, real):
    return nn.functional.binary_cross_entropy(p, torch.full_like(p, float(real)))


def test_a_step_of_liegan_is_the_published_one(monkeypatch):
    torch.manual_seed(0)
    model = LieGAN(
        channels=2, widths=[8, 8], regularisation=0.3, sparsity=0.1, sparsity_norm=1.0,
        correlation=0.2,
    )  # fmt: skip
    data = orbits("axis")
    weights = start(model, data)
    seen = Recorder(model, monkeypatch)
    fitted(model, data, limit_train_batches=3, limit_val_batches=0)

    algebra = weights["group.free"].clone().requires_grad_()
    judge = critic(weights, 0.2)
    of_g = torch.optim.Adam([algebra], lr=1e-3, betas=(0.5, 0.999))
    of_d = torch.optim.Adam(judge.parameters(), lr=2e-4)
    for (x, y, _), z in zip(seen.batches, seen.normals, strict=True):
        g = torch.matrix_exp((z[:, :, None, None] * algebra).sum(1))
        moved = torch.einsum("bij,bj->bi", g, x)
        one, two = algebra
        corr = ((one / (one.norm() / 3**0.5 + 1e-6)) * (two / (two.norm() / 3**0.5 + 1e-6))).sum()
        loss = bce(judge(torch.cat([moved, y], 1)), real=True)
        loss = loss + 0.3 * cosine_similarity(moved, x, dim=1).mean().abs()
        loss = loss + 0.1 * algebra.abs().sum() + 0.2 * corr.abs()
        of_g.zero_grad()
        loss.backward()
        of_g.step()
        of_d.zero_grad()
        real = bce(judge(torch.cat([x, y], 1)), real=True)
        fake = bce(judge(torch.cat([moved.detach(), y], 1)), real=False)
        ((real + fake) / 2).backward()
        of_d.step()
    assert torch.allclose(model.group.free, algebra, atol=1e-12)
    assert torch.allclose(model.discriminator[0].weight, judge[0].weight, atol=1e-12)
    assert not torch.equal(algebra, weights["group.free"])


@pytest.mark.parametrize("separate", [False, True])
def test_a_step_of_symmetry_gan_is_the_published_one(separate, monkeypatch):
    torch.manual_seed(1)
    model = SymmetryGAN("free", widths=[6], separate_updates=separate)
    data = orbits("ring")
    weights = start(model, data)
    seen = Recorder(model, monkeypatch)
    fitted(model, data, limit_train_batches=3, limit_val_batches=0)

    g = weights["group.free"].clone().requires_grad_()
    judge = critic(weights, 0.0)
    of_g = torch.optim.Adam([g], lr=1e-3, eps=1e-7)
    of_d = torch.optim.Adam(judge.parameters(), lr=1e-3, eps=1e-7)
    for x, _, _ in seen.batches:
        real, fake, ours = x[:4], x[4:8], x[8:]
        moved = (fake @ g.T).detach()
        for shares in ((1.0, 0.0), (0.0, 1.0)) if separate else ((0.5, 0.5),):
            of_d.zero_grad()
            told = bce(judge(real), real=True), bce(judge(moved), real=False)
            (shares[0] * told[0] + shares[1] * told[1]).backward()
            of_d.step()
        of_g.zero_grad()
        bce(judge(ours @ g.T), real=True).backward()
        of_g.step()
    assert torch.allclose(model.group.free, g, atol=1e-12)
    assert torch.allclose(model.discriminator[0].weight, judge[0].weight, atol=1e-12)


@pytest.mark.parametrize("kind", ["qr", "exp", "givens"])
@pytest.mark.parametrize("n", [2, 7])
def test_parametrised_elements_are_orthogonal_and_all_that_is_trained_moves_them(kind, n):
    torch.manual_seed(0)
    group = GroupElement(n, kind).double()
    q = group()
    assert torch.allclose(q @ q.T, torch.eye(n).double())
    determinant = (-1.0) ** (n - 1) if kind == "qr" else 1.0
    assert float(torch.det(q.detach())) == pytest.approx(determinant)
    (q * torch.randn(n, n).double()).sum().backward()
    assert bool(group.free.grad.isfinite().all())
    assert float(group.free.grad.norm()) > 0


def test_givens_in_the_plane_is_a_turn():
    group = GroupElement(2, "givens").double()
    angle = float(group.free.detach())
    known = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    assert torch.allclose(group(), torch.tensor(known, dtype=torch.float64))


def test_elements_are_exponentials_within_a_mask():
    mask = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    algebra = LieAlgebra(3, channels=2, mask=mask).double()
    z = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    channels = algebra.channels.detach()
    assert torch.equal(channels != 0, torch.tensor(mask).bool().expand(2, 3, 3))
    known = expm((0.3 * channels[0] - 0.7 * channels[1]).numpy())
    assert np.allclose(algebra(z).detach().numpy()[0], known)


def test_coefficients_are_of_their_laws():
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(coefficients(normal, "normal", 3.0), 3 * normal)
    uniform = coefficients(normal, "uniform", 2.0)
    assert float(uniform.abs().max()) < 2
    assert float(uniform.var()) == pytest.approx(4 / 3, rel=0.02)
    whole = coefficients(normal, "integers", 10.0)
    values, counts = whole.unique(return_counts=True)
    assert values.tolist() == list(range(-10, 10))
    assert counts.min() > 850


def test_penalties_are_their_formulas():
    x = torch.tensor([[1.0, 0.0, 0.0, 2.0]])
    moved = torch.tensor([[0.0, 1.0, 0.0, 3.0]])
    algebra = torch.tensor([[[0.0, 2.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    assert float(away_from_identity("cosine", x, moved, algebra)) == pytest.approx(0.5)
    assert float(away_from_identity("norm", x, moved, algebra)) == pytest.approx(-math.sqrt(6))
    assert float(away_from_identity("norm", x, moved, 9 * algebra)) == -4
    some = torch.tensor([[1.0, 2.0, 4.0, 2.0]])
    change = (1 + 0.5 + 1 + 0.5) / 4
    assert float(away_from_identity("rel_diff", some, moved, algebra)) == pytest.approx(-change)
    # cosine 1/√2, times n = 2
    assert float(channel_correlation(algebra)) == pytest.approx(math.sqrt(2), rel=1e-5)


def test_vectors_of_a_sample_and_targets_move_alike():
    model = LieGAN(blocks=2, moves_target=True, widths=[4])
    model.describe_data(DataDescription("vector", (6,), ("a", "b", "c")))
    model.double()
    x, y = torch.randn(5, 6).double(), torch.randn(5, 3).double()
    z = torch.randn(5, 1).double()
    g = model.elements(z)
    moved, target = model.move((x, y), z)
    for k, part in enumerate((moved[:, :3], moved[:, 3:])):
        assert torch.allclose(part, torch.einsum("bij,bj->bi", g, x[:, 3 * k : 3 * k + 3]))
    assert torch.allclose(target, torch.einsum("bij,bj->bi", g, y))


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (lambda: LieGAN(channels=0), "channels"),
        (lambda: LieGAN(coefficient_law="integers", coefficient_scale=0.5), "coefficient_scale"),
        (lambda: LieGAN(mask=[[1]]), "mask"),
        (lambda: LieGAN(blocks=3), "blocks"),
        (lambda: LieGAN(moves_target=True), "moves_target"),
        (lambda: LieGAN(regulariser="fourier"), "regulariser"),
        (lambda: SymmetryGAN("cayley"), "parametrisation"),
        (lambda: SymmetryGAN(blocks=0), "blocks"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(model, word):
    with pytest.raises(ValueError, match=word):
        model().describe_data(orbits().description)


def test_batches_are_dealt_by_quarters():
    with pytest.raises(ValueError, match="quarters"):
        fitted(SymmetryGAN(widths=[4]), orbits(batch_size=10))


def test_the_best_epoch_by_the_truth_is_only_a_record():
    torch.manual_seed(0)
    model, data = LieGAN(widths=[8]), orbits("axis", samples=640)
    trainer = fitted(model, data, epochs=4)
    found = trainer.test(model, data, verbose=False)[0]
    assert found["test/favoured_cosine"] >= found["test/algebra_cosine"] - 1e-6
    assert 1 <= found["test/favoured_epoch"] <= 4
    assert found["test/objective"] == found["test/energy_distance"]
    assert model.learned().keys() == {"generators", "algebra"}


@pytest.mark.slow
def test_liegan_finds_the_turns_of_the_plane():
    torch.manual_seed(0)
    model = LieGAN(
        widths=[32, 32], regularisation=0.1,
        players={"generator": {"lr": 5e-3}, "discriminator": {"lr": 2e-3, "betas": [0.5, 0.999]}},
    )  # fmt: skip
    data = orbits("plane", samples=12_800, batch_size=64)
    trainer = fitted(model, data, epochs=6, limit_val_batches=0)
    assert trainer.test(model, data, verbose=False)[0]["test/algebra_cosine"] > 0.95

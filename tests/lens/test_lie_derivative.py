"""The null space of Lie derivatives: closed forms, then fitted laws of known groups."""

import pytest
import torch
from pytorch_lightning import Trainer
from torch import nn

from symmetry_pl import LieDerivative
from symmetry_pl.datamodules import GroupOrbitsDataModule, SignalsDataModule
from symmetry_pl.lens.lie_derivative import lie_derivative_rows
from symmetry_pl.metrics.algebra import algebra_shares

MINKOWSKI = torch.diag(torch.tensor([1.0, -1, -1, -1], dtype=torch.float64))


class Quadratic(nn.Module):
    """f(x) = xᵀ J x, whose invariances are known."""

    def forward(self, x):
        return ((x @ MINKOWSKI) * x).sum(1, keepdim=True)


class NormalScore(nn.Module):
    """The score of N(0, C), times the noise that a fitted one is divided by."""

    def __init__(self, covariance, noise):
        super().__init__()
        self.precision, self.noise = torch.linalg.inv(covariance), noise

    def forward(self, x):
        return -self.noise * x @ self.precision


def solved(law, network, data, x, **options):
    model = LieDerivative(law, **options)
    model.describe_data(data.description)
    model.double()
    model.network = network
    model.scale.fill_(1.0)
    model.training_signals = lambda limit=None: x
    model.solve()
    return model


def test_rows_are_derivatives_along_the_flow():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, generator=generator).double().requires_grad_()
    algebra = torch.randn(3, 3, generator=generator).double()
    f = (x**3).sum(1) + x[:, 0] * x[:, 1]
    slope = torch.autograd.grad(f.sum(), x)[0]
    found = lie_derivative_rows(slope, x.detach()) @ algebra.flatten()
    step = 1e-6
    ends = [x.detach() @ torch.matrix_exp(t * algebra).T for t in (step, -step)]
    values = [(z**3).sum(1) + z[:, 0] * z[:, 1] for z in ends]
    assert torch.allclose(found, (values[0] - values[1]) / (2 * step), atol=1e-6)


def test_a_quadratic_form_has_its_six_generators():
    data = GroupOrbitsDataModule("lorentz")
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)).double()
    model = solved("property", Quadratic(), data, x)
    assert model.null_dimension == 6
    truth = torch.tensor(data.description.extra["algebra"])
    perfect = {"algebra_cosine": 1, "algebra_coverage": 1}
    assert algebra_shares(model.algebra(), truth) == pytest.approx(perfect)
    assert model.generators().shape == (6, 4, 4)


def test_a_normal_density_has_the_rotations_of_its_ellipsoid():
    generator = torch.Generator().manual_seed(1)
    root = torch.randn(3, 3, generator=generator).double()
    x = torch.randn(500, 3, generator=generator).double() @ root.T
    data = SignalsDataModule(dim=3)
    model = solved("density", NormalScore(root @ root.T, 0.2), data, x, noise=0.2)
    assert model.null_dimension == 3
    for one in model.algebra():  # L C is skew
        product = one @ root @ root.T
        assert torch.allclose(product, -product.T, atol=1e-9)


def test_fewer_equations_than_unknowns_leave_zeros():
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    model = solved("property", Quadratic(), GroupOrbitsDataModule("lorentz"), x, dimensions=11)
    assert float(model.spectrum[:11].max()) < 1e-12
    assert float(model.spectrum[11]) > 1e-6
    products = torch.einsum("kij,lij->kl", model.algebra(), model.algebra())
    assert torch.allclose(products, torch.eye(11).double())


@pytest.mark.parametrize(("law", "kind"), [("plane", "property"), ("ring", "density")])
def test_a_fitted_law_has_the_true_generator(law, kind):
    torch.manual_seed(0)
    model = LieDerivative(widths=[32, 32])
    data = GroupOrbitsDataModule(law, samples=5000, eval_samples=500, batch_size=250)
    trainer = Trainer(
        max_epochs=15, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(model, data)
    found = trainer.test(model, data, verbose=False)[0]
    assert model.law == kind
    assert found["test/null_dimension"] == 1
    assert found["test/null_gap"] > 3
    assert found["test/algebra_cosine"] > 0.98
    assert set(model.learned()) == {"generators", "algebra", "spectrum"}


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (lambda: LieDerivative("property"), "targets"),
        (lambda: LieDerivative("likelihood"), "law"),
        (lambda: LieDerivative(dimensions=0), "dimensions"),
        (lambda: LieDerivative(dimensions=5), "4 of 2 x 2"),
        (lambda: LieDerivative(noise=0.0), "noise"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(model, word):
    with pytest.raises(ValueError, match=word):
        model().describe_data(GroupOrbitsDataModule("normal").description)

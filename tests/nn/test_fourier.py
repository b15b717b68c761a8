"""FourierPredictor: shapes, gradients, a spiral that a plain MLP misses, refusals."""

from __future__ import annotations

import pytest
import torch

from symmetry_pl.nn.fourier import FourierPredictor
from symmetry_pl.nn.mlp import MLP


@pytest.mark.parametrize(("inputs", "outputs", "depth"), [(1, 2, 1), (3, 1, 2), (2, 5, 3)])
def test_shapes(inputs, outputs, depth):
    predictor = FourierPredictor(inputs, outputs, features=4, width=8, depth=depth)
    assert predictor(torch.randn(7, inputs)).shape == (7, outputs)


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    predictor = FourierPredictor(2, 3, features=5, width=8).double()
    predictor(torch.randn(16, 2).double()).square().sum().backward()
    for name, parameter in predictor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_scale_is_the_spread_of_the_initial_frequencies():
    torch.manual_seed(0)
    predictor = FourierPredictor(2, 1, features=4000, scale=3.0)
    assert predictor.frequencies.std().item() == pytest.approx(3.0, rel=0.03)


def fit(predictor: torch.nn.Module) -> float:
    """Mean squared error on a spiral of four turns, after 150 steps."""
    z = torch.linspace(-2, 2, 256)[:, None]
    y = 3 * z * torch.cat([(6 * z).cos(), (6 * z).sin()], 1)
    optimiser = torch.optim.Adam(predictor.parameters(), 5e-3)
    for _ in range(150):
        optimiser.zero_grad()
        loss = (predictor(z) - y).square().mean()
        loss.backward()
        optimiser.step()
    return loss.item()


def test_fits_a_spiral_that_a_plain_mlp_misses():
    torch.manual_seed(0)
    assert fit(FourierPredictor(1, 2, width=64)) < 0.1
    assert fit(MLP(1, 2, 64, 2, "silu")) > 0.5


@pytest.mark.parametrize("options", [{"features": 0}, {"scale": 0.0}, {"scale": float("nan")}])
def test_odd_settings_are_refused(options):
    with pytest.raises(ValueError, match="at least 1 feature and a positive scale"):
        FourierPredictor(1, 2, **options)


def test_repr_tells_the_sizes():
    assert "inputs=1, features=64, initial scale=3" in repr(FourierPredictor(1, 2))

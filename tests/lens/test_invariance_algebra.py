"""Equations of a symmetry, their solution, and how many generators a law has."""

import pytest
import torch

from symmetry_pl.datamodules import PlantedGroupsDataModule
from symmetry_pl.lens import InvarianceAlgebra
from symmetry_pl.lens.algebra.count import count_generators
from symmetry_pl.lens.algebra.equations import mean_equations, residuals, solve
from symmetry_pl.lens.algebra.moment_functions import FunctionBank, draw_frequencies
from symmetry_pl.lens.algebra.refinement import violation_loss
from symmetry_pl.lens.algebra.whitening import whitening
from symmetry_pl.metrics.algebra import principal_angle

OPEN = torch.full((2,), torch.inf, dtype=torch.float64)
SHELL = torch.tensor([-0.5, 0.9], dtype=torch.float64)


def bank_of(dim, waves, window=OPEN):
    return FunctionBank(*draw_frequencies(waves, dim, 1.6, 0), window)


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def functions(bank, z):
    """The functions themselves, for gradients by autograd."""
    a, b = torch.triu_indices(len(z), len(z))
    values = torch.cat([(bank.frequencies @ z + bank.phases).sin(), z[a] * z[b], z])
    if not bank.windowed:
        return values
    low, high = bank.window
    u = ((z.norm().log() - low) / (high - low)).clamp(0, 1)
    return values * (4 * u * (1 - u)) ** 2


@pytest.mark.parametrize("window", [OPEN, SHELL], ids=["whole", "window"])
def test_gradients_are_those_of_the_functions(window):
    bank, z = bank_of(3, 5, window), normal(7, 3)
    expected = torch.stack([torch.func.jacrev(lambda x: functions(bank, x))(one) for one in z])
    slopes = bank.gradients(z)
    assert torch.allclose(slopes, expected, atol=1e-10)
    x = normal(2, 3, 3)
    by_hand = torch.einsum("nfa,gab,nb->nfg", expected, x, z)
    assert torch.allclose(residuals(bank, z, x), by_hand, atol=1e-10)
    mean = torch.einsum("nfa,nb->fab", expected, z).flatten(1) / len(z)
    assert torch.allclose(mean_equations(bank, z), mean, atol=1e-10)


def test_directions_do_not_share_signal_and_have_unit_noise():
    bank, z = bank_of(3, 60), normal(1500, 3)
    found = solve(bank, z)
    columns = found.basis.flatten(1)
    signal = (found.root @ found.mean @ columns.T).square().sum(0)
    noise = (found.root @ residuals(bank, z, found.basis).flatten(1).reshape(1500, -1, 9)).square()
    assert torch.allclose(noise.sum(1).mean(0) - signal, torch.ones(9).double(), rtol=1e-3)
    assert (signal.diff() > -1e-9).all()


def found_in(samples=8000, **options):
    data = PlantedGroupsDataModule(samples=samples, dtype="float64", split_seed=100, **options)
    x = data.split("train").x
    dim = x.shape[1]
    white = whitening(x)
    bank, z = bank_of(dim, 50 * dim), x @ white.T
    tested = count_generators(bank, z, 0.01)
    basis = solve(bank, z, tested.generators).basis[: tested.generators]
    truth = torch.tensor(data.description.extra["algebra"]).double().reshape(-1, dim, dim)
    return torch.linalg.solve(white, basis @ white), truth


@pytest.mark.parametrize(
    ("options", "degrees"),
    [
        ({"group": "rotations", "dim": 4, "frequencies": [1.0, 2.0]}, 3),
        pytest.param({"group": "so3_vectors", "dim": 3}, 4, marks=pytest.mark.slow),
        pytest.param({"group": "none", "dim": 4}, 0, marks=pytest.mark.slow),
    ],
)
def test_planted_generators_are_found_and_counted(options, degrees):
    found, truth = found_in(**options)
    assert len(found) == len(truth)
    assert float(principal_angle(found, truth)) <= degrees


def test_a_gaussian_law_has_all_rotations():
    z = normal(6000, 3) @ torch.diag(torch.tensor([1.0, 2.0, 0.5])).double()
    white = whitening(z)
    assert count_generators(bank_of(3, 100), z @ white.T, 0.001).generators == 3


def test_violation_is_least_at_a_symmetry_and_has_a_gradient():
    turn = torch.zeros(1, 3, 3, dtype=torch.float64)
    turn[0, 0, 1], turn[0, 1, 0] = -1.0, 1.0
    tilted = (turn + 0.5 * normal(1, 3, 3)).requires_grad_()
    bank, z = bank_of(3, 30), normal(4000, 3)
    loss = violation_loss(bank, z, tilted)
    loss.backward()
    assert float(loss.detach()) > 20 * abs(float(violation_loss(bank, z, turn)))
    assert tilted.grad.abs().max() > 0
    assert float(violation_loss(bank, z, turn[:0])) == 0


def test_a_direction_without_samples_is_refused():
    x = normal(50, 3)
    x[:, 2] = x[:, 0] - x[:, 1]
    with pytest.raises(ValueError, match="some combination of columns is 0"):
        whitening(x)


@pytest.mark.parametrize("by_direction", [False, True])
def test_whitening_makes_spread_equal(by_direction):
    x = normal(4000, 3) @ normal(3, 3)
    z = x @ whitening(x, by_direction).T
    if by_direction:
        z = z / z.norm(dim=1, keepdim=True) * 3**0.5
    assert torch.allclose(z.T @ z / len(z), torch.eye(3).double(), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 0.0}, "model.level must be above 0"),
        ({"waves": 0}, "model.waves must be at least 1"),
        ({"wave_number": 0.0}, "model.wave_number must be above 0"),
        ({"window": [0.5, 0.2]}, "model.window must be two shares"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        InvarianceAlgebra(**options)

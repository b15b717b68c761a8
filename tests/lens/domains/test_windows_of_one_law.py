"""The basis in which a window that moves keeps its law."""

import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_mixed_domain
from symmetry_pl.lens.domains.windows import WindowMisfit, _Root, stationary_chain
from symmetry_pl.lens.warm_start.symbol import fit_symbol
from symmetry_pl.metrics.generator import cosine

DIM = 7


def moving(count, fading=0.0, seed=0):
    """Rare shocks through a filter, ``(count, 7)``; if fading, ever rarer."""
    draw = torch.Generator().manual_seed(seed)
    sparse = torch.rand(count, DIM + 2, generator=draw, dtype=torch.float64)
    sparse = sparse < 0.3 * (1 - fading * torch.arange(DIM + 2) / (DIM + 2))
    noise = sparse * -torch.rand(count, DIM + 2, generator=draw, dtype=torch.float64).log()
    return 0.4 * noise[:, :-2] + noise[:, 1:-1] + 0.4 * noise[:, 2:]


@pytest.fixture(scope="module")
def mixing():
    draw = torch.Generator().manual_seed(1)
    turns = torch.randn(2, DIM, DIM, generator=draw, dtype=torch.float64)
    first, second = torch.linalg.qr(turns)[0]
    return first * torch.logspace(-0.5, 0.5, DIM) @ second


def truth_of(s):
    """White samples, their mean, and symbol and rotation of the true positions."""
    covariance = s.T.cov(correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    white = (vectors / values.sqrt()) @ vectors.T
    misfit = WindowMisfit((s - s.mean(0)) @ white, white @ s.mean(0))
    symbol = fit_symbol(covariance, misfit.lattice)
    stretched = misfit.basis(symbol, torch.eye(DIM).double())
    left, _, right = torch.linalg.svd(torch.linalg.solve(stretched, torch.linalg.inv(white)))
    return misfit, symbol, left @ right


def generator_cosine(basis, mixing):
    seen = basis @ mixing.T  # from true positions
    shift = Domain.line(DIM).shift()
    return float(cosine(torch.linalg.solve(seen, shift @ seen), shift))


def test_the_misfit_of_the_truth_is_sampling_noise_and_that_of_others_is_not():
    misfit, symbol, turn = truth_of(moving(20_000))
    misfit.weigh(symbol, turn)
    value = float(misfit(symbol, turn))
    assert 0.3 < value < 2
    for order in ([1, 2, 3, 4, 5, 6, 0], [0, 2, 4, 6, 1, 3, 5], [0, 1, 2, 4, 3, 5, 6]):
        misfit.weigh(symbol, turn[order])
        assert float(misfit(symbol, turn[order])) > 3
    misfit.weigh(symbol, turn.flip(0))
    assert float(misfit(symbol, turn.flip(0))) == pytest.approx(value, rel=0.5)  # direction is free


def test_a_law_that_fades_is_not_stationary_in_its_own_basis():
    misfit, symbol, turn = truth_of(moving(20_000, fading=0.8))
    misfit.weigh(symbol, turn)
    assert float(misfit(symbol, turn)) > 3


@pytest.mark.parametrize("power", [0.5, -0.5])
def test_roots_of_nearly_equal_eigenvalues_have_gradients(power):
    draw = torch.Generator().manual_seed(2)
    matrix = torch.eye(4).double() + 1e-9 * torch.randn(4, 4, generator=draw).double()
    matrix = (matrix + matrix.T).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda m: _Root.apply((m + m.T) / 2, power), matrix)
    assert torch.allclose(_Root.apply(matrix, 0.5) @ _Root.apply(matrix, 0.5), matrix)


@pytest.mark.slow
def test_a_filtered_chain_behind_any_matrix_is_led_to_the_positions(mixing):
    x = moving(20_000) @ mixing
    positions = torch.linalg.inv(mixing.T)
    near = positions + 0.1 * (positions.roll(1, 0) + positions.roll(-1, 0))
    assert stationary_chain(x, positions)[1] < 1
    found, misfit = stationary_chain(x, near)
    assert generator_cosine(found, mixing) > 0.99
    assert misfit < 1
    assert torch.allclose((x @ found.T).std(0), torch.ones(DIM).double(), atol=1e-3)


def test_a_chain_of_which_windows_have_one_law_is_found():
    data = HiddenImagesDataModule(
        "bumps", height=1, width=6, samples=4000, scramble="linear", condition=10.0
    )
    mixing = torch.from_numpy(data.scramble.mixing)
    found = find_mixed_domain(data.training_inputs(), mixing="linear")
    assert found.verdict.name == "chain", found.verdict
    back = torch.linalg.solve(mixing.T, found.generators()[0] @ mixing.T)
    shift = Domain.line(6).shift()
    assert max(float(cosine(back, one)) for one in (shift, shift.T)) > 0.95

"""The parts of the warm start against closed forms, simulation and finite differences."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import FastICA

from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit, StrictObjective
from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.ica import fast_ica, nearest_rotation
from symmetry_pl.lens.warm_start.lattice import Lattice, chain_generator
from symmetry_pl.lens.warm_start.seriation import (
    align_signs,
    energy_correlation,
    places,
    spectral_order,
)
from symmetry_pl.lens.warm_start.smooth import Components, basis_cosine, reflect, search
from symmetry_pl.lens.warm_start.symbol import fit_symbol, stationarity_kl
from symmetry_pl.lens.warm_start.whitening import whiten


def rotation(dim, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64, generator=generator))[0]


def laplace(count, dim, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.laplace(scale=0.5**0.5, size=(count, dim)))


# --- independent components


@pytest.mark.parametrize("contrast", ["tanh", "gauss", "cube"])
def test_fast_ica_finds_the_sources(contrast):
    mix = rotation(5)
    data = whiten(laplace(20_000, 5) @ mix)
    found = fast_ica(data.z, contrast=contrast, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(found @ found.T, torch.eye(5).double(), atol=1e-10, rtol=0)
    overlap = (found @ mix.T).abs()
    assert overlap.amax(1).min() > 0.998
    assert sorted(overlap.argmax(1).tolist()) == list(range(5))


def test_fast_ica_agrees_with_scikit_learn():
    z = whiten(laplace(5_000, 4) @ rotation(4)).z.double()
    ours = fast_ica(z, generator=torch.Generator().manual_seed(0), tolerance=1e-12)
    theirs = FastICA(whiten=False, fun="logcosh", tol=1e-10, max_iter=1000, random_state=0)
    overlap = (ours @ torch.from_numpy(theirs.fit(z.numpy()).components_).T).abs()
    torch.testing.assert_close(overlap.amax(1), torch.ones(4).double(), atol=1e-4, rtol=0)


def test_nearest_rotation_is_that():
    matrix = rotation(4) @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.1]).double()) @ rotation(4, 1)
    torch.testing.assert_close(nearest_rotation(matrix), rotation(4) @ rotation(4, 1))


# --- order and signs


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_seriation_of_a_known_chain(topology):
    dim, lattice = 12, Lattice(12, topology)
    apart = lattice.lag if topology == "chain" else torch.minimum(lattice.lag, dim - lattice.lag)
    similarity = torch.where(apart > 0, 0.5**apart, 0.0).double()
    shuffled = torch.randperm(dim, generator=torch.Generator().manual_seed(0))
    similarity = similarity[shuffled][:, shuffled]
    order = spectral_order(similarity, lattice)
    steps = shuffled[order].diff()
    steps = steps if topology == "chain" else (steps + dim // 2) % dim - dim // 2
    assert steps.unique().tolist() in ([1], [-1])
    along = places(order, similarity, lattice)[order]
    torch.testing.assert_close(along.diff(dim=0).norm(dim=1).std() + 1, torch.ones(()).double())


def test_a_component_without_correlations_takes_no_room():
    lattice = Lattice(5)
    similarity = torch.where(lattice.lag == 1, 0.4, 0.0).double()
    similarity[2] = similarity[:, 2] = 0.01
    similarity[1, 3] = similarity[3, 1] = 0.4
    along = places(torch.arange(5), similarity, lattice)[:, 0]
    expected = torch.tensor([-1.875, -0.625, 0.0, 0.625, 1.875], dtype=torch.float64)
    torch.testing.assert_close(along, expected)


def test_signs_that_make_a_covariance_stationary():
    lattice = Lattice(9)
    covariance = 0.6 ** lattice.lag.double()
    signs = torch.tensor([1.0, -1, -1, 1, 1, -1, 1, -1, -1], dtype=torch.float64)
    found = align_signs(covariance * signs[:, None] * signs, lattice)
    assert torch.equal((found * signs).abs(), (found * signs)[0] * (found * signs))


def test_energies_of_one_waveform_are_correlated():
    burst = laplace(20_000, 1)
    y = torch.cat([burst * torch.randn(20_000, 2).sign(), laplace(20_000, 1, seed=1)], 1)
    found = energy_correlation(y)
    assert found[0, 1] > 0.9
    assert found[0, 2] < 0.01
    assert not found.diagonal().any()


def test_energies_are_symmetric_to_the_last_bit_and_constants_have_none():
    y = laplace(5_000, 9).float()
    y[:, 4] = 1.5
    found = energy_correlation(y)
    assert torch.equal(found, found.T)
    assert not found[4].any()
    assert found.isfinite().all()


# --- stationary covariances


def test_a_chain_covariance_is_toeplitz_with_the_given_symbol():
    # AR(1) with coefficient r: log s = log(1 - r²) + 2 Σ rʲ/j cos jω
    dim, r = 24, 0.5
    j = torch.arange(1, dim, dtype=torch.float64)
    coefficients = torch.cat([torch.tensor([1 - r**2]).double().log(), 2 * r**j / j])
    lattice = Lattice(dim)
    torch.testing.assert_close(
        lattice.covariance(coefficients), r ** lattice.lag.double(), atol=1e-7, rtol=0
    )


@pytest.mark.parametrize("dim", [7, 8])
def test_a_ring_covariance_commutes_with_the_shift(dim):
    lattice = Lattice(dim, "ring")
    covariance = lattice.covariance(torch.randn(lattice.terms).double() * 0.3)
    shift = lattice.shift()
    torch.testing.assert_close(shift @ covariance @ shift.T, covariance)


def test_generator_of_a_basis_moves_each_position_to_the_next():
    basis = rotation(5)
    chain, ring = chain_generator(basis), chain_generator(basis, "ring")
    torch.testing.assert_close(chain @ basis[1], basis[2])
    torch.testing.assert_close(chain @ basis[4], torch.zeros(5).double())
    torch.testing.assert_close(ring @ basis[4], basis[0])


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_fitting_a_symbol_to_its_own_covariance(topology):
    lattice = Lattice(10, topology)
    generator = torch.Generator().manual_seed(0)
    coefficients = 0.4 * torch.randn(lattice.terms, generator=generator).double()
    covariance = lattice.covariance(coefficients)
    found = fit_symbol(covariance, lattice)
    torch.testing.assert_close(lattice.covariance(found), covariance, atol=1e-4, rtol=0)
    assert stationarity_kl(covariance, lattice, found) < 1e-8


def test_stationarity_kl_is_that_of_gaussians():
    lattice = Lattice(4)
    covariance = rotation(4) @ torch.diag(torch.tensor([1.0, 2, 3, 4]).double()) @ rotation(4).T
    coefficients = torch.tensor([0.3, 0.2, -0.1, 0.05], dtype=torch.float64)
    zero = torch.zeros(4, dtype=torch.float64)
    one, other = (
        torch.distributions.MultivariateNormal(zero, c)
        for c in (covariance, lattice.covariance(coefficients))
    )
    expected = torch.distributions.kl_divergence(one, other)
    torch.testing.assert_close(stationarity_kl(covariance, lattice, coefficients), expected)


@pytest.mark.parametrize("law", ["Gaussian", "Laplace"])
def test_sampling_level_is_what_samples_of_a_stationary_law_show(law):
    dim, count, lattice = 8, 2_000, Lattice(8)
    rng = np.random.default_rng(0)
    found, expected = [], []
    for _ in range(25):
        x = (
            rng.standard_normal((count, dim))
            if law == "Gaussian"
            else rng.laplace(size=(count, dim))
        )
        data = whiten(torch.from_numpy(x))
        coefficients = fit_symbol(data.covariance, lattice)
        found.append(float(stationarity_kl(data.covariance, lattice, coefficients)))
        expected.append(data.sampling_level())
    assert np.mean(expected) == pytest.approx(np.mean(found), rel=0.15)
    if law == "Gaussian":
        assert np.mean(expected) == pytest.approx(dim * (dim - 1) / (4 * count), rel=0.02)


# --- descent


def problem(topology, dim=7, filters=None):
    lattice = Lattice(dim, topology)
    generator = torch.Generator().manual_seed(3)
    values = torch.rand(dim, generator=generator).double().sort(descending=True).values + 0.2
    vectors = rotation(dim, 1)
    chosen = rotation(dim, 2) if filters is None else filters
    objective = Objective(values, vectors, chosen, lattice)
    coefficients = 0.3 * torch.randn(2, lattice.terms, generator=generator).double()
    turns = torch.stack([rotation(dim, 4), rotation(dim, 5)])
    return objective, Fits.start(turns, coefficients)


def slopes(objective, fits, beta):
    """Directional derivative by central differences, and by the gradients."""
    dim = fits.turns.shape[-1]
    generator = torch.Generator().manual_seed(6)
    bend = torch.randn(len(fits), dim, dim, generator=generator).double()
    bend = bend - bend.mT
    step = torch.randn(fits.coefficients.shape, generator=generator).double()
    values = []
    for size in (1e-5, -1e-5):
        moved = Fits.start(
            torch.linalg.matrix_exp(size * bend) @ fits.turns, fits.coefficients + size * step
        )
        values.append(objective(moved, beta)[0].objective)
    _, by_turn, by_coefficient = objective(fits, beta)
    analytic = 0.5 * (by_turn * bend).sum((1, 2)) + (by_coefficient * step).sum(1)
    return (values[0] - values[1]) / 2e-5, analytic


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_gradients_of_the_objective(topology):
    objective, fits = problem(topology)
    numeric, analytic = slopes(objective, fits, 0.1)
    torch.testing.assert_close(analytic, numeric, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_gradients_with_the_amplitudes(topology):
    objective, fits = problem(topology)
    data = whiten(laplace(3_000, 7) @ rotation(7, 7))
    misfit = AmplitudeMisfit(data, objective.lattice)
    misfit.rotated = misfit.rotated.double()
    numeric, analytic = slopes(StrictObjective(objective, misfit), fits, 0.1)
    torch.testing.assert_close(analytic, numeric, atol=1e-5, rtol=2e-4)


def test_descent_lowers_each_objective_and_keeps_bases_orthogonal():
    objective, fits = problem("chain")
    before = objective(fits, 0.1)[0].objective
    after = descend(objective, fits, 0.1, 30)
    assert (after.objective < before).all()
    eye = torch.eye(7, dtype=torch.float64).expand(2, 7, 7)
    torch.testing.assert_close(after.turns @ after.turns.mT, eye, atol=1e-10, rtol=0)
    alone = descend(objective, fits[[1]], 0.1, 30)
    torch.testing.assert_close(after.objective[1:], alone.objective, rtol=1e-4, atol=0)


def test_amplitude_misfit_has_its_level_in_the_true_basis_only():
    basis = rotation(6)
    data = whiten(laplace(20_000, 6).abs() @ basis)
    misfit = AmplitudeMisfit(data, Lattice(6))
    true = basis @ data.eigenvectors
    assert float(misfit(true)[0]) < 2 * misfit.level(true)
    assert float(misfit(true)[0]) > 0.3 * misfit.level(true)
    other = rotation(6, 9) @ data.eigenvectors
    assert float(misfit(other)[0]) > 20 * misfit.level(other)


# --- search


def population(topology, dim):
    """A band-pass stationary covariance in a hidden basis, and filters one position wide."""
    lattice = Lattice(dim, topology)
    omega = lattice.omega if topology == "chain" else lattice.omega.clamp(max=2 * np.pi) % np.pi
    if topology == "ring":
        omega = torch.minimum(lattice.omega, 2 * np.pi - lattice.omega)
    power = torch.exp(-((omega - 0.6).square()) / 0.8) + 0.02 + 0.01 * (np.pi - omega)
    covariance = lattice.covariance(lattice.coefficients(power))
    basis = rotation(dim, 8)
    values, vectors = torch.linalg.eigh(basis.T @ covariance @ basis)
    places = torch.einsum("ki,kf,kj->fij", basis, lattice.features, basis)
    data = whiten(torch.randn(50, dim, generator=torch.Generator().manual_seed(0)))
    data = type(data)(data.x, data.z, basis.T @ covariance @ basis, values.flip(0), vectors.flip(1))
    return data, lattice, basis, Components(basis, places)


@pytest.mark.parametrize(("topology", "dim"), [("chain", 15), ("chain", 16), ("ring", 15)])
def test_exact_moments_and_places_give_the_exact_chain(topology, dim):
    data, lattice, basis, components = population(topology, dim)
    objective = Objective(data.eigenvalues, data.eigenvectors, components.filters, lattice)
    fits = search(data, components, objective)
    found = fits.turns[0] @ data.eigenvectors.T
    assert basis_cosine(found, basis, lattice) > 0.9999
    assert fits.kl[0] < 1e-4


def test_reflection_mends_an_eigenvector_turned_round():
    data, lattice, basis, components = population("chain", 15)
    objective = Objective(data.eigenvalues, data.eigenvectors, components.filters, lattice)
    truth = basis @ data.eigenvectors
    signs = torch.ones(15, dtype=torch.float64)
    signs[11] = -1
    coefficients = fit_symbol(basis @ data.covariance @ basis.T, lattice)
    broken = descend(objective, Fits.start((truth * signs)[None], coefficients[None]), 0.01, 60)
    assert basis_cosine(broken.turns[0], truth, lattice) < 0.99
    assert basis_cosine(reflect(objective, broken).turns[0], truth, lattice) > 0.9999

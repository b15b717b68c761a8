"""The warm start finds hidden chains from raw vectors, and says when it does not."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules.vectors.laws import LawsDataModule
from symmetry_pl.datamodules.vectors.signals import SignalLaw
from symmetry_pl.lens.warm_start import blind_source
from symmetry_pl.lens.warm_start.blind import _mean_signed, _settled
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.whitening import whiten

WIDTHS = {"gaussian": (0.2, 1.0), "legendre": (6.0, 15.0)}


def draw(waveform, dim, count, *, topology="chain", seed=0, noise=0.05, hidden="rotated"):
    """Signals of the paper in a hidden basis; rows of the basis are the positions."""
    law = SignalLaw(waveform, dim, topology, (0.5, 1.5), WIDTHS[waveform], 5, 0.5)
    rng = np.random.default_rng(seed)
    signals = np.concatenate(
        [law.raw(seed, 0, np.arange(i, min(i + 20_000, count))) for i in range(0, count, 20_000)]
    )
    signals = signals / signals.std() + noise * rng.standard_normal(signals.shape)
    basis = np.eye(dim)
    if hidden == "rotated":
        basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    elif hidden == "dst":
        k = np.arange(1, dim + 1)
        basis = np.sqrt(2 / (dim + 1)) * np.sin(np.pi * np.outer(k, k) / (dim + 1))
    return torch.from_numpy((signals @ basis).astype(np.float32)), torch.from_numpy(basis)


def cosine(found, basis):
    """Of generators, the better of both directions."""
    shift = torch.diag(torch.ones(len(basis) - 1, dtype=torch.float64), -1)
    if found.topology == "ring":
        shift[0, -1] = 1
    ideal, generator = basis.T @ shift @ basis, found.generator()
    overlap = max((generator * ideal).sum(), (generator * ideal.T).sum())
    return float(overlap / generator.norm() / ideal.norm())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("hidden", ["natural", "dst"])
def test_narrow_waveforms_on_a_chain(hidden, seed):
    x, basis = draw("gaussian", 7, 20_000, hidden=hidden, seed=seed)
    found = blind_source(x, seed=seed)
    assert cosine(found, basis) > 0.995
    assert found.method == "narrow"
    assert found.verdict.name == "chain"
    assert found.confidence > 0.9
    assert found.stationarity < 3
    eye = torch.eye(7, dtype=torch.float64)
    torch.testing.assert_close(found.basis @ found.basis.T, eye, atol=1e-10, rtol=0)


@pytest.mark.parametrize("law", ["autoregression", "decays"])
def test_sources_without_common_energies_are_ordered_by_what_they_leave_in_x(law):
    """Shocks are independent, energies and all, and whitening hides that they overlap."""
    data = LawsDataModule(law, dim=11, samples=10_000)
    found = blind_source(data.training_inputs())
    assert found.verdict.name == "chain"
    assert cosine(found, torch.tensor(data.description.extra["ideal_basis"]).double()) > 0.99


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_sign_of_the_mean_is_what_makes_moments_stationary(mirrored):
    """Independent components of smooth waveforms do not tell it."""
    x, basis = draw("legendre", 11, 10_000)
    data = whiten(x, None, torch.Generator().manual_seed(0), 1)
    lattice = Lattice(11, "chain")
    begun = basis - 2 * basis.mean(0) if mirrored else basis
    end = _mean_signed(data, _settled(data, begun, lattice), lattice)
    shift = lattice.shift()
    generators = [b.T @ shift @ b for b in (end.basis, basis)]
    assert float((generators[0] * generators[1]).sum()) / 10 > 0.98


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [(4000, "chain"), pytest.param(100_000, "not stationary", marks=pytest.mark.slow)],
)
def test_a_walk_is_a_chain_until_its_ends_show(samples, verdict):
    """A rotation makes an autoregression of a walk, stationary but for its ends."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.cumsum(rng.laplace(size=(samples, 7)), axis=1))
    assert blind_source(x).verdict.name == verdict


@pytest.mark.parametrize("law", ["chain", "ring", "laplace_scaled"])
def test_topology_is_what_the_data_say(law):
    data = LawsDataModule(law, dim=7, samples=3000, noise=0.1 * (law != "laplace_scaled"))
    found = blind_source(data.training_inputs(), topology="auto")
    if law == "laplace_scaled":
        assert not found.verdict.found
    else:
        assert found.verdict.name == found.topology == law


@pytest.mark.parametrize("dim", [7, 8])
def test_narrow_waveforms_on_a_ring(dim):
    x, basis = draw("gaussian", dim, 20_000, topology="ring")
    found = blind_source(x, topology="ring")
    assert cosine(found, basis) > 0.995
    # the published centres leave the pixels next to the cut out more often
    assert found.verdict.name == "not stationary"
    assert found.confidence < 0.1


@pytest.mark.parametrize("dim", [9, pytest.param(12, marks=pytest.mark.slow)])
def test_a_ring_is_a_ring_and_no_chain(dim):
    data = LawsDataModule("ring", dim=dim, samples=10_000)
    x, basis = data.training_inputs(), torch.tensor(data.description.extra["ideal_basis"])
    found = blind_source(x, topology="ring")
    assert found.verdict.name == "ring"
    assert cosine(found, basis.double()) > 0.998
    assert found.confidence > 0.9
    cut = blind_source(x, topology="chain", effort=0)
    assert not cut.verdict.found
    assert not cut.confident


def test_a_long_chain():
    x, basis = draw("gaussian", 33, 20_000)
    found = blind_source(x)
    assert cosine(found, basis) > 0.995
    assert found.confident


def test_smooth_waveforms():
    x, basis = draw("legendre", 17, 8_000)
    found = blind_source(x)
    assert found.method == "smooth"
    assert cosine(found, basis) > 0.99
    assert found.confident
    assert found.stationarity < 2


def test_the_seed_decides():
    x, _ = draw("gaussian", 7, 3_000)
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    first = blind_source(x, seed=3, max_samples=2_000)
    torch.manual_seed(2)
    again = blind_source(x, seed=3, max_samples=2_000)
    assert torch.equal(first.basis, again.basis)
    assert first.diagnostics == again.diagnostics
    assert not torch.equal(first.basis, blind_source(x, seed=4, max_samples=2_000).basis)
    assert torch.get_num_threads() == threads


def test_the_axes_do_not_matter():
    x, _ = draw("gaussian", 7, 20_000)
    turn = torch.linalg.qr(torch.randn(7, 7, generator=torch.Generator().manual_seed(0)))[0]
    one, other = blind_source(x).generator(), blind_source(x @ turn.T).generator()
    expected = turn.double() @ one @ turn.double().T
    nearest = min((other - expected).norm(), (other - expected.T).norm())
    assert nearest < 0.03 * expected.norm()


def test_the_scale_and_the_mean_do_not_matter():
    x, _ = draw("gaussian", 7, 5_000)
    one, other = blind_source(x.double()), blind_source(1e3 * x.double() + 7)
    # Signals without a mean may be read from either end: rounding, which processors differ in, says
    ends = [other.basis, -other.basis.flip(0)]
    assert min(float((one.basis - end).abs().max()) for end in ends) < 1e-3


@pytest.mark.parametrize("law", ["white Gaussian", "white Laplace"])
def test_no_chain_is_no_certainty(law):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4_000, 5, generator=generator)
    if law == "white Laplace":
        x = x * torch.empty(4_000, 5).exponential_(generator=generator).sqrt()
    found = blind_source(x)
    assert not found.verdict.found
    assert not found.confident


def _constant(x):
    x[:, 3] = 2.0


def _missing(x):
    x[5, 1], x[17, 0] = float("nan"), float("inf")


def _repeated(x):
    x[:, 4] = x[:, 0] - 2 * x[:, 1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_constant, "column 3 of x is constant"),
        (_missing, r"2 of the 500 rows of x hold NaN or infinite values \(rows 5, 17\)"),
        (_repeated, "the covariance of x has rank 5 but x has 6 columns"),
    ],
)
def test_spoilt_data_are_refused_in_one_sentence(spoil, message):
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    spoil(x)
    with pytest.raises(ValueError, match=message):
        blind_source(x)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((500,), r"x must have shape \(samples, dimensions\), got \(500,\)"),
        ((500, 2), "at least 3 positions, but x has 2 columns"),
        ((6, 6), "x needs more samples than its 6 dimensions, got 6"),
    ],
)
def test_unusable_shapes_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        blind_source(torch.randn(shape, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effort": -1}, "effort must not be negative, got -1"),
        ({"topology": "torus"}, "topology must be auto, chain or ring, got 'torus'"),
        ({"max_samples": 5}, "max_samples must exceed the 6 dimensions of x, got 5"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        blind_source(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)), **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dim", "count", "topology", "noise", "least"),
    [
        (33, 60_000, "chain", 0.05, 0.999),
        (33, 60_000, "chain", 0.2, 0.995),
        (33, 10_000, "chain", 0.05, 0.995),
        (32, 60_000, "chain", 0.05, 0.995),
        (33, 60_000, "ring", 0.05, 0.995),
        (65, 30_000, "chain", 0.05, 0.995),
    ],
)
def test_smooth_waveforms_at_full_size(dim, count, topology, noise, least):
    x, basis = draw("legendre", dim, count, topology=topology, noise=noise)
    found = blind_source(x, topology=topology)
    assert cosine(found, basis) > least
    assert found.method == "smooth"
    # 60,000 samples tell that no waveform of the published ring lies across its cut
    assert found.confident == (topology == "chain")

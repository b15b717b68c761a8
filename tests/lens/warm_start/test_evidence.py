"""What two halves of the data say: chance, stationarity held out, errors, a verdict."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules.vectors.laws import WITHOUT, LawsDataModule
from symmetry_pl.lens.warm_start.blind import blind_source
from symmetry_pl.lens.warm_start.chance import chance_of_agreement
from symmetry_pl.lens.warm_start.dependence import block_length
from symmetry_pl.lens.warm_start.evidence import closes, evidence, half_errors
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.verdict import VERDICTS, judged
from symmetry_pl.lens.warm_start.whitening import whiten


def _law(name, dim, samples, **options):
    data = LawsDataModule(name, dim=dim, samples=samples, **options)
    basis = data.description.extra.get("ideal_basis")
    return data.training_inputs(), None if basis is None else torch.tensor(basis).double()


def test_the_true_basis_is_stationary_held_out_and_chance_is_not():
    x, basis = _law("chain", 11, 20_000, noise=0.1)
    generator = torch.Generator().manual_seed(0)
    halves = whiten(x).halves(generator)
    found = evidence(halves, (basis, basis), Lattice(11), generator)
    assert found.agreement == pytest.approx(1)
    assert found.p_value < 0.01
    assert 0.3 < found.covariance < 2
    assert 0.3 < found.amplitudes < 2
    assert found.shuffled > 10
    # a basis that keeps the second moments and has other signs agrees no more than chance
    vectors = halves[0].eigenvectors
    signs = torch.tensor([1, 1, -1, 1, -1, -1, -1, 1, 1, -1, 1], dtype=torch.float64)
    other = basis @ (vectors * signs) @ vectors.T
    chance = evidence(halves, (basis, other), Lattice(11), generator)
    assert chance.p_value > 0.05
    assert chance.amplitudes > 5


@pytest.mark.parametrize(("law", "expected"), [("ring", True), ("chain", False)])
def test_a_ring_that_was_cut_closes(law, expected):
    x, basis = _law(law, 13, 4_000, noise=0.3)
    cut = basis.roll(4, 0) if law == "ring" else basis
    assert closes(whiten(x), cut) == expected


def test_a_p_value_is_uniform_where_signs_are_drawn():
    """What the surrogates draw is what it is the p-value of."""
    x, basis = _law("chain", 9, 4_000)
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    halves = whiten(x).halves(generator)
    vectors = halves[0].eigenvectors
    values = []
    for _ in range(100):
        signs = torch.from_numpy(rng.choice([-1.0, 1.0], 9))
        other = basis @ (vectors * signs) @ vectors.T
        values.append(evidence(halves, (basis, other), Lattice(9), generator).p_value)
    assert 0.35 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.05) < 0.12


@pytest.mark.parametrize(("dim", "topology"), [(7, "chain"), (7, "ring"), (12, "ring")])
def test_chance_is_at_least_that_of_the_same_positions(dim, topology):
    """Signs that leave all as it is, or only reflect it: four of all in small odd dimensions."""
    x, basis = _law(topology, dim, 20_000, noise=0.1)
    generator = torch.Generator().manual_seed(0)
    vectors = whiten(x).eigenvectors
    same = chance_of_agreement((basis, basis), vectors, Lattice(dim, topology), generator)
    turned = basis.roll(2, 0).flip(0) if topology == "ring" else -basis.flip(0)
    other = chance_of_agreement((basis, turned), vectors, Lattice(dim, topology), generator)
    assert other == pytest.approx(same, abs=0.002)
    least = 2 / 2**dim if dim < 11 else 1 / 1000
    assert least <= same <= 4 / 2**dim if dim < 11 else same < 0.01


@pytest.mark.parametrize("topology", ["chain", "ring"])
def test_standard_errors_are_those_of_a_known_spread(topology):
    """Bases that scatter by a known rotation: the errors are as large as those of their mean."""
    generator = torch.Generator().manual_seed(1)
    basis = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64, generator=generator))[0]
    lattice, true = Lattice(9, topology), None
    true = basis.T @ lattice.shift() @ basis
    told, made = [], []
    for _ in range(50):
        turned = []
        for _half in range(2):
            lean = 0.01 * torch.randn(9, 9, dtype=torch.float64, generator=generator)
            turned.append(lean - lean.T)
        halves = torch.stack([basis @ torch.matrix_exp(turn) for turn in turned])
        mean = basis @ torch.matrix_exp(sum(turned) / 2)
        errors = half_errors(halves, topology)
        told.append(float(errors["generator_error"].square().sum()))
        made.append(float((mean.T @ lattice.shift() @ mean - true).square().sum()))
        assert errors["power_errors"][0] == pytest.approx(
            float(errors["generator_error"].norm() / true.norm())
        )
    assert np.mean(told) == pytest.approx(np.mean(made), rel=0.15)


def test_reversed_halves_have_no_error():
    basis = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    for topology in ("chain", "ring"):
        errors = half_errors(torch.stack([basis, -basis.flip(0)]), topology)
        assert errors["generator_error"].amax() < 1e-12
        assert errors["power_errors"].amax() < 1e-12


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "chain"),
        ({"topology": "ring"}, "ring"),
        ({"agreement": 0.4}, "no symmetry"),
        ({"agreement": 0.4, "samples": 900}, "too few samples"),
        ({"p_value": 0.2}, "too few positions"),
        ({"misfit": 4.0}, "not stationary"),
        ({"white": 1.0}, "white"),
        ({"closed": 1.0}, "closes"),
    ],
)
def test_a_verdict_names_what_decided_it(changed, name):
    given = {
        "topology": "chain", "samples": 10_000, "dim": 11, "agreement": 0.99, "p_value": 0.001,
        "misfit": 1.0,
    }  # fmt: skip
    verdict = judged(**{**given, **changed})
    assert verdict.name == name
    assert name in VERDICTS
    assert verdict.found == (name in ("chain", "ring"))


@pytest.mark.parametrize("law", [pytest.param("coloured", marks=pytest.mark.slow), "wine"])
def test_laws_without_a_symmetry_have_none(law):
    x, _ = _law(law, 7, 4_000)
    found = blind_source(x, effort=0)
    assert not found.verdict.found, found.verdict


@pytest.mark.parametrize("law", WITHOUT)
def test_a_law_is_drawn_anew_by_the_seed_alone(law):
    x, _ = _law(law, 6, 300, split_seed=1)
    again, _ = _law(law, 6, 300, split_seed=1)
    other, _ = _law(law, 6, 300, split_seed=2)
    assert torch.equal(x, again)
    assert not torch.equal(x, other)
    assert x.isfinite().all()


def test_windows_of_one_series_are_seen_to_depend_on_each_other():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(6_000, generator=generator)
    windows = noise.unfold(0, 12, 1)
    mixed = torch.linalg.qr(torch.randn(12, 12, generator=generator))[0]
    assert block_length(windows @ mixed, generator) >= 12
    assert block_length(windows[::12], generator) == 1
    assert block_length(windows[torch.randperm(len(windows), generator=generator)], generator) == 1


def test_the_sampling_level_follows_the_dependence():
    """Of repeated rows, a second moment scatters as if there were as many fewer."""
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    repeated = x.repeat_interleave(8, 0)
    once, known = whiten(x), whiten(repeated, block=32)
    assert known.inflation == pytest.approx(8, rel=0.25)
    assert known.sampling_level() == pytest.approx(once.sampling_level(), rel=0.25)
    first, second = known.halves(torch.Generator())
    assert torch.equal(first.x + repeated[:2000].mean(0), repeated[:2000]) or torch.allclose(
        first.x + repeated[:2000].mean(0), repeated[:2000], atol=1e-5
    )
    assert len(second) == 2000

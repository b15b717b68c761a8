"""Pixels of two values behind any matrix: told apart, put in order, and denied where they are not.

Reference values: a row w of which (w·x)² is constant is a pixel; the laws of one number of which
the share that a step explains is known in closed form.
"""

import math

import pytest
import torch

from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.datamodules.vectors.image_laws import quenched_spins
from symmetry_pl.datamodules.vectors.scrambles import Scramble
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains import find_mixed_domain, two_valued
from symmetry_pl.lens.domains.two_valued import (
    TWO_VALUED,
    are_two_valued,
    two_valued_shares,
    two_valued_unmixing,
)
from symmetry_pl.metrics.generator import cosine


def numbers(count, dim, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, dim, generator=draw, dtype=torch.float64)


def chain(count, dim, coupling, seed=0):
    """The Ising chain: a spin is its neighbour with probability 1 / (1 + exp(−2 β))."""
    uniform = numbers(count, dim, seed)
    kept = torch.where(uniform < 1 / (1 + math.exp(-2 * coupling)), 1.0, -1.0).double()
    kept[:, 0] = torch.where(uniform[:, 0] < 0.5, 1.0, -1.0).double()
    return kept.cumprod(1)


def matrix(dim, condition=10.0, seed=0):
    return torch.from_numpy(Scramble("linear", dim, seed, condition).mixing)


def overlap(basis, mixing):
    """Of rows of B with pixels: y = B x = B Mᵀ s, rows of length 1."""
    found = basis @ mixing.T
    return (found / found.norm(dim=1, keepdim=True)).abs()


@pytest.mark.parametrize(
    ("share", "law"),
    [
        (1.0, lambda u: torch.where(u < 0.3, 5.0, -1.0)),
        (0.75, lambda u: u),
        (8 / math.pi**2, lambda u: (math.pi * u).cos()),
        (2 / math.pi, lambda u: 2**0.5 * torch.erfinv(2 * u - 1)),
    ],
    ids=["two values", "uniform", "arcsine", "normal"],
)
def test_the_share_that_a_step_explains(share, law):
    even = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    found = two_valued_shares(law(even)[:, None].double(), torch.ones(1, 1))
    assert float(found) == pytest.approx(share, abs=2e-3)


def test_spins_are_told_apart_behind_any_matrix_however_they_are_tied():
    s, mixing = chain(6000, 16, 1.15), matrix(16)
    x = 3.0 + s @ mixing
    found = two_valued_unmixing(x[::2])
    near = overlap(found, mixing)
    assert torch.allclose(near.amax(1), torch.ones(16).double(), atol=1e-5)
    assert sorted(near.argmax(1).tolist()) == list(range(16))
    assert torch.allclose((x[::2] @ found.T).std(0, correction=0), torch.ones(16).double())
    assert float(two_valued_shares(x[1::2], found).min()) > 1 - 1e-5
    again = two_valued_unmixing(x, start=found)
    assert torch.allclose(overlap(again, mixing), near, atol=1e-5)


def test_two_values_need_not_be_equally_frequent():
    s, mixing = torch.where(numbers(6000, 8) < 0.3, 1.0, 0.0).double(), matrix(8)
    near = overlap(two_valued_unmixing(s @ mixing), mixing)
    assert sorted(near.argmax(1).tolist()) == list(range(8))
    assert float(near.amax(1).min()) > 1 - 1e-5


def test_noise_leaves_what_it_must():
    """Noise of ν deviations before the matrix: a step explains 1 / (1 + ν²)."""
    draw = torch.Generator().manual_seed(1)
    noise = 0.2 * torch.randn(8000, 12, generator=draw, dtype=torch.float64)
    x = (chain(8000, 12, 1.0) + noise) @ matrix(12)
    shares = two_valued_shares(x[1::2], two_valued_unmixing(x[::2]))
    assert torch.allclose(shares, torch.full_like(shares, 1 / 1.04), atol=0.01)


@pytest.mark.parametrize(
    "law",
    [lambda u: u, lambda u: (math.pi * u).cos(), lambda u: -u.log(), lambda u: torch.erfinv(u)],
    ids=["uniform", "arcsine", "exponential", "half-normal"],
)
def test_other_laws_are_not_called_two_valued(law):
    x = law(numbers(4000, 10).clamp(1e-9, 1 - 1e-9)) @ matrix(10)
    assert not are_two_valued(x[1::2], two_valued_unmixing(x[::2]))


def test_few_samples_are_not_called_two_valued():
    """A row can cut few samples in two, but not others."""
    x = torch.randn(80, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert not are_two_valued(x[1::2], two_valued_unmixing(x[::2]))


def test_the_search_ends_where_only_some_rows_have_two_values(monkeypatch):
    """Digits have such rows near their border: 24 rounds would find no more than the first."""
    rounds = []
    descended = two_valued._descended

    def counted(z, rows):
        rounds.append(len(rows))
        return descended(z, rows)

    monkeypatch.setattr(two_valued, "_descended", counted)
    s = torch.cat([chain(4000, 6, 0.7), numbers(4000, 14, seed=1)], 1)
    x = s @ matrix(20)
    found = two_valued_unmixing(x[::2])
    assert int((two_valued_shares(x[1::2], found) > TWO_VALUED).sum()) == 6
    assert len(rounds) == 3


def test_a_combination_that_never_changes_is_one_sentence():
    x = chain(500, 6, 0.5)
    with pytest.raises(ValueError, match="some combination of the inputs never changes"):
        two_valued_unmixing(torch.cat([x, x[:, :1]], 1))


def scores(found, mixing, domain):
    carried = torch.linalg.solve(mixing.T, found.generators() @ mixing.T)
    truth = [domain.shift(axis) for axis in range(domain.dimensions)]
    return [max(abs(float(cosine(g, t))) for a in truth for t in (a, a.T)) for g in carried]


@pytest.mark.parametrize(
    ("shape", "scramble", "name"),
    [((1, 20), "linear", "chain"), ((1, 9), "orthogonal", "chain"), ((5, 5), "linear", "lattice")],
)
def test_spins_in_order_behind_a_matrix(shape, scramble, name):
    coupling = 1.15 if shape[0] == 1 else 0.3
    data = HiddenImagesDataModule(
        "spins", *shape, samples=4000, scramble=scramble, condition=10.0, coupling=coupling
    )
    x, mixing = data.training_inputs(), torch.from_numpy(data.scramble.mixing)
    found = find_mixed_domain(x, mixing=scramble)
    assert found.way == "two-valued"
    assert found.verdict.name == name, found.verdict
    assert found.stationarity.found, found.stationarity
    axes = [(n, "chain") for n in shape if n > 1]
    assert min(scores(found, mixing, Domain(tuple(axes)))) > 0.999


def test_quenched_chains_are_put_in_order():
    s = torch.from_numpy(quenched_spins(0, 0, range(10_000), 16)[:, 0])
    assert set(s.unique().tolist()) == {-1.0, 1.0}
    mixing = matrix(16)
    found = find_mixed_domain(s @ mixing, mixing="linear")
    assert (found.way, found.verdict.name) == ("two-valued", "chain"), found.verdict
    assert min(scores(found, mixing, Domain.line(16))) > 0.999


def test_quenched_chains_have_domains_of_the_length_that_is_known():
    """Eleven of 63 pixels, counted from code of the authors."""
    s = quenched_spins(0, 0, range(2000), 63)[:, 0]
    assert 63 / (1 + (s[:, 1:] != s[:, :-1]).sum(1).mean()) == pytest.approx(11, abs=0.7)
    with pytest.raises(ValueError, match=r"chains: data\.height must be 1, got 2"):
        HiddenImagesDataModule("quenched_spins", height=2, width=5)


def test_independent_spins_are_white():
    x = torch.where(numbers(6000, 16) < 0.5, 1.0, -1.0).double() @ matrix(16)
    found = find_mixed_domain(x, mixing="linear")
    assert (found.way, found.verdict.name) == ("two-valued", "white")


@pytest.mark.parametrize("graph", ["random", "tree"])
def test_spins_on_another_graph_have_no_domain(graph):
    s = spins_of(graph_of(graph, 24), 8000)
    found = find_mixed_domain(s @ matrix(24), mixing="linear")
    assert found.way == "two-valued"
    assert not found.verdict.found, found.verdict


def graph_of(kind, size):
    """Edges ``(d, d)``: three random neighbours in the mean, or a random tree."""
    if kind == "random":
        upper = (numbers(size, size, 5) < 3 / size).double().triu(1)
    else:
        parents = (numbers(1, size, 5)[0] * torch.arange(size)).long()
        upper = torch.zeros(size, size).double()
        upper[parents[1:], torch.arange(1, size)] = 1.0
    return upper + upper.T


def spins_of(edges, count, coupling=0.35, sweeps=30):
    """Heat bath, one site after another."""
    draw = torch.Generator().manual_seed(2)
    state = torch.where(numbers(count, len(edges)) < 0.5, 1.0, -1.0).double()
    for _ in range(sweeps):
        for site in range(len(edges)):
            up = torch.sigmoid(2 * coupling * state @ edges[site])
            chance = torch.rand(count, generator=draw, dtype=torch.float64)
            state[:, site] = torch.where(chance < up, 1.0, -1.0)
    return state

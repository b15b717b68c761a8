"""Parts of the search for a hidden domain, each against what it must give."""

import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.affinity import affinity
from symmetry_pl.lens.domains.growth import grow
from symmetry_pl.lens.domains.line import longest_path
from symmetry_pl.lens.domains.moments import Moments
from symmetry_pl.lens.domains.periods import closes, periods, reduced
from symmetry_pl.lens.domains.repair import exchanged, filled
from symmetry_pl.lens.domains.squares import squares
from symmetry_pl.lens.domains.stationary import stationary_share

GRID = Domain(((4, "chain"), (5, "chain")))


def field(domain, tie=0.2):
    """Covariance of a Gaussian field in which neighbours on a domain are tied."""
    near = sum(domain.shift(axis) for axis in range(domain.dimensions))
    return torch.linalg.inv(torch.eye(domain.size, dtype=torch.float64) - tie * (near + near.T))


def correlation(covariance):
    scale = covariance.diagonal().sqrt()
    return covariance / scale[:, None] / scale


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_moments_of_quarters_add_up_to_those_of_all():
    x = normal(41, 5) @ normal(5, 5, seed=1) + 3
    moments = Moments(x)
    assert torch.allclose(moments.covariance(), x.T.cov(correction=0))
    half = torch.cat([x[1::4], x[3::4]])
    assert torch.allclose(moments.covariance([1, 3]), half.T.cov(correction=0))
    assert torch.allclose(moments.correlation(), x.T.corrcoef())


def test_a_pixel_that_hardly_ever_changes_is_not_live():
    x = normal(1000, 5)
    x[:, 2] = 7.0
    x[:2, 2] = 8.0
    assert Moments(x).live.tolist() == [0, 1, 3, 4]


def test_edges_of_a_markov_field_are_its_neighbours():
    found = affinity(correlation(field(GRID)), 1e-9)
    near = GRID.shift(0) + GRID.shift(1)
    assert {(a, b) for a, b in found.edges.tolist()} == {
        (a, b) for a, b in (near + near.T).triu(1).nonzero().tolist()
    }
    assert torch.equal(found.strength, found.strength.T)


def test_a_lattice_has_one_square_for_each_of_its_tiles_and_a_line_none():
    assert len(squares(affinity(correlation(field(GRID)), 1e-9))) == 3 * 4
    for topology in ("chain", "ring"):
        line = affinity(correlation(field(Domain.line(9, topology))), 1e-9)
        assert squares(line) == []
        assert not grow(line).cells


def test_growth_covers_a_lattice():
    growth = grow(affinity(correlation(field(GRID)), 1e-9))
    rows, columns = zip(*growth.cells.values(), strict=True)
    sides = (max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)
    assert sorted(sides) == [4, 5]
    assert len(growth.cells) == 20


@pytest.mark.parametrize(("topology", "closes"), [("chain", False), ("ring", True)])
def test_a_path_goes_through_a_line(topology, closes):
    path, closed = longest_path(affinity(correlation(field(Domain.line(9, topology))), 1e-9))
    assert closed is closes
    steps = path.diff().abs()
    assert sorted(path.tolist()) == list(range(9))
    assert ((steps == 1) | (steps == 8)).all()


def test_gaps_are_filled_and_exchanged_cells_put_right():
    strength = affinity(correlation(field(GRID)), 1e-9).strength
    grid = torch.arange(20).view(4, 5)
    holes = grid.clone()
    holes[0, 0] = holes[2, 3] = -1
    assert torch.equal(filled(holes, strength), grid)
    wrong = grid.clone()
    wrong[[1, 3], [1, 4]] = wrong[[3, 1], [4, 1]]
    assert torch.equal(exchanged(wrong, strength), grid)
    assert torch.equal(exchanged(grid, strength), grid)


def test_an_exchange_gains_what_it_says():
    """The best exchange of two neighbours or strangers by trying all of them."""
    strength = normal(9, 9)
    strength = (strength + strength.T).fill_diagonal_(0)
    start = torch.arange(9).view(3, 3)

    def total(grid):
        across = strength[grid[:, 1:], grid[:, :-1]].sum()
        return float(across + strength[grid[1:], grid[:-1]].sum())

    end = exchanged(start, strength)
    assert total(end) > total(start)
    for i in range(9):
        for j in range(i):
            other = end.flatten().clone()
            other[[i, j]] = other[[j, i]]
            assert total(other.view(3, 3)) <= total(end) + 1e-9


def test_displacements_explain_a_stationary_covariance_and_nothing_in_random_order():
    grid = Domain(((8, "chain"), (9, "chain")))
    lags = grid.displacements().float()
    there = torch.stack([lags // 17 - 7, lags % 17 - 8]).square().sum(0)
    covariance = torch.exp(-there / 8).double()
    places = torch.arange(72)
    assert stationary_share(covariance, covariance, places, grid) == pytest.approx(1.0)
    order = torch.randperm(72, generator=torch.Generator().manual_seed(0))
    assert abs(stationary_share(covariance, covariance, order, grid)) < 0.05
    changing = covariance * torch.linspace(1, 3, 72)[:, None] * torch.linspace(1, 3, 72)
    assert stationary_share(changing, changing, places, grid) < 0.8


def test_sampling_noise_of_two_sets_does_not_count():
    ring = Domain.line(30, "ring")
    root = torch.linalg.cholesky(field(ring, 0.3))
    few = [(normal(200, 30, seed=k) @ root.T).T.corrcoef() for k in (1, 2)]
    assert stationary_share(*few, torch.arange(30), ring) == pytest.approx(1.0, abs=0.1)
    assert stationary_share(few[0], few[0], torch.arange(30), ring) < 0.7


TORUS = Domain(((6, "ring"), (8, "ring")))


@pytest.mark.parametrize(
    ("axes", "lengths"),
    [
        (TORUS.axes, [6, 8]),
        (((6, "chain"), (8, "ring")), [0, 8]),
        (((6, "chain"), (8, "chain")), [0, 0]),
    ],
)
def test_edges_across_the_cut_say_how_long_rings_are(axes, lengths):
    domain = Domain(axes)
    near = affinity(correlation(field(domain)), 1e-9)
    growth = grow(near)
    pixels, cells = torch.tensor(list(growth.cells)), torch.tensor(list(growth.cells.values()))
    assert sorted(periods(pixels, cells, near)) == sorted(lengths)


def test_a_blob_of_any_shape_is_reduced_modulo_its_periods():
    """A slanted strip of the plane holds each cell of a torus once."""
    near = affinity(correlation(field(TORUS)), 1e-9)
    row, column = torch.arange(48) // 8, torch.arange(48) % 8
    cells = torch.stack([row - 6 * (column % 3), column + 8 * (row % 2)], 1)
    assert periods(torch.arange(48), cells, near) == (6, 8)
    assert torch.equal(reduced(cells, (6, 8)), torch.stack([row, column], 1))


def test_a_grid_closes_where_every_cut_is_across_ties():
    near = affinity(correlation(field(TORUS)), 1e-9)
    grid = torch.arange(48).view(6, 8)
    assert closes(grid, near, 0)
    assert closes(grid, near, 1)
    assert not closes(grid[:5], near, 0)
    assert not closes(grid[[0, 2, 1, 3, 4, 5]], near, 0)


def test_gaps_and_exchanges_are_mended_across_the_cut():
    strength = affinity(correlation(field(TORUS)), 1e-9).strength
    grid = torch.arange(48).view(6, 8)
    broken = grid.clone()
    broken[0, 3], broken[5, 3] = 43, 3
    broken[2, 7] = -1
    rings = (True, True)
    assert torch.equal(exchanged(filled(broken, strength, rings), strength, rings), grid)

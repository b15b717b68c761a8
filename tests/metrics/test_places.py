"""Places against true ones: what counts as the same, and what chance gives."""

import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.generator import generator_cosine
from symmetry_pl.metrics.places import (
    aligned,
    chance_level,
    coordinates,
    exact_share,
    places_scores,
    steps,
    translation_cosines,
)

GRID = Domain(((4, "chain"), (6, "chain")))
TORUS = Domain(((4, "ring"), (6, "ring")))
ALL = torch.arange(24)


@pytest.mark.parametrize("domain", [GRID, TORUS, Domain.line(24), Domain.line(24, "ring")])
def test_symmetries_of_the_domain_make_no_difference(domain):
    for order in domain.orders():
        assert exact_share(ALL, domain, order.argsort(), domain) == 1.0


def test_axes_may_change_places():
    turned = ALL.view(4, 6).T.flatten().argsort()
    assert exact_share(turned, Domain(((6, "chain"), (4, "chain"))), ALL, GRID) == 1.0


def test_a_smaller_box_is_moved_to_where_most_agree():
    places = torch.where(ALL < 6, -1, ALL - 6)
    places[[10, 11]] = places[[11, 10]]
    smaller = Domain(((3, "chain"), (6, "chain")))
    match = aligned(places, smaller, ALL, GRID)
    assert match.sum() == 16
    assert not match[:6].any()
    assert exact_share(places, smaller, ALL, GRID, ALL >= 6) == pytest.approx(16 / 18)


@pytest.mark.parametrize("other", [Domain.line(24), TORUS])
def test_another_kind_of_domain_agrees_nowhere(other):
    assert exact_share(ALL, other, ALL, GRID) == 0.0


def test_nothing_placed_agrees_nowhere():
    assert exact_share(torch.full((24,), -1), GRID, ALL, GRID) == 0.0


def test_coordinates_count_the_last_axis_fastest():
    assert coordinates(ALL, GRID)[7].tolist() == [1, 1]


def test_chance_is_no_more_than_its_bound():
    line, draws = Domain.line(7), 3000
    generator = torch.Generator().manual_seed(0)
    counts = torch.tensor(
        [
            int(aligned(torch.randperm(7, generator=generator), line, ALL[:7], line).sum())
            for _ in range(draws)
        ]
    )
    for matches in (5, 6, 7):
        share = float((counts >= matches).double().mean())
        assert share <= chance_level(matches, line) + 3 * (share / draws) ** 0.5


def test_cosines_are_those_of_the_matrices():
    found = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    found[:12] = ALL[:12]
    cosines = translation_cosines(found, GRID, ALL, GRID)
    basis = torch.eye(24, dtype=torch.float64)
    for axis in (0, 1):
        pairs = steps(found, GRID, axis)
        matrix = torch.zeros(24, 24, dtype=torch.float64)
        matrix[pairs[:, 1], pairs[:, 0]] = 1.0
        assert cosines[axis] == pytest.approx(float(generator_cosine(matrix, basis, GRID, axis)))
    assert translation_cosines(ALL, Domain.line(24), ALL, GRID)[0] == 0.0


def test_scores_know_their_ceiling_and_chance():
    live = torch.rand(24, generator=torch.Generator().manual_seed(0)) > 0.2
    scores = places_scores(torch.where(live, ALL, -1), GRID, ALL, GRID, live)
    assert scores["exact_places"] == 1.0
    assert scores["exact_places_chance"] < 0.4
    assert scores["generator_cosine"] == scores["generator_cosine_ceiling"] < 1.0

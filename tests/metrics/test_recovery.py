"""Recovered images against true ones: symmetries of the grid, blanks, and chance."""

import pytest
import torch

from symmetry_pl.groups.domain import Domain
from symmetry_pl.metrics.recovery import (
    image_correlation,
    image_correlation_floor,
    turned_axes,
)

SQUARE = Domain(((4, "chain"), (4, "chain")))
OBLONG = Domain(((3, "chain"), (5, "chain")))
X = torch.rand(40, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "turn",
    [
        lambda x: x,
        lambda x: -x.flip(1),
        lambda x: x.mT,
        lambda x: x.mT.flip(2),
        lambda x: 3 * x.rot90(1, (1, 2)) - 1,
    ],
)
def test_any_of_the_symmetries_of_the_square_is_exact(turn):
    found = image_correlation(turn(X).flatten(1), SQUARE, X.flatten(1), SQUARE)
    assert found == pytest.approx(1.0)


def test_one_symmetry_serves_all_samples():
    mixed = torch.cat([X[:20], X[20:].flip(1)])
    assert image_correlation(mixed.flatten(1), SQUARE, X.flatten(1), SQUARE) < 0.9


def test_axes_are_matched_by_their_lengths_and_other_shapes_score_nothing():
    x = X.flatten(1)[:, :15]
    turned = x.view(-1, 3, 5).mT.flatten(1)
    assert image_correlation(turned, Domain(OBLONG.axes[::-1]), x, OBLONG) == pytest.approx(1.0)
    assert image_correlation(x, Domain.line(15), x, OBLONG) == 0.0
    assert len(list(turned_axes(SQUARE, SQUARE))) == 2
    assert len(list(turned_axes(OBLONG, OBLONG))) == 1


def test_blank_images_do_not_count():
    x = torch.cat([X, torch.full((10, 4, 4), 0.1)]).flatten(1)
    assert image_correlation(x, SQUARE, x, SQUARE) == pytest.approx(1.0)
    assert image_correlation(x * 0, SQUARE, x, SQUARE) == 0.0


def test_the_floor_is_far_below_the_ceiling():
    assert 0.0 < image_correlation_floor(X.flatten(1), SQUARE) < 0.5

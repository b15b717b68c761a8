"""Products of lines: shifts, displacements and orders of their positions."""

import pytest
import torch

from symmetry_pl.groups.domain import Domain, as_domain

IMAGE = Domain(((3, "chain"), (4, "ring")))


def test_positions_are_counted_like_pixels():
    assert (IMAGE.dimensions, IMAGE.size) == (2, 12)
    image = torch.arange(12.0, dtype=torch.float64)
    down, right = (IMAGE.shift(axis) @ image for axis in (0, 1))
    torch.testing.assert_close(right.view(3, 4), image.view(3, 4).roll(1, 1))
    torch.testing.assert_close(down.view(3, 4)[1:], image.view(3, 4)[:-1])
    assert not down.view(3, 4)[0].any()


def test_shifts_along_two_axes_commute_and_powers_add():
    down, right = IMAGE.shift(0), IMAGE.shift(1)
    torch.testing.assert_close(down @ right, right @ down)
    torch.testing.assert_close(right @ right, IMAGE.shift(1, 2.0))
    odd = Domain.line(5, "ring")
    torch.testing.assert_close(odd.shift(power=0.5) @ odd.shift(power=0.5), odd.shift())


def test_equal_displacements_have_equal_numbers():
    numbers = IMAGE.displacements()
    places = torch.cartesian_prod(torch.arange(3), torch.arange(4))
    steps = places[:, None] - places
    steps[..., 1] %= 4
    same = (steps[:, :, None, None] == steps).all(-1)
    assert torch.equal(numbers[:, :, None, None] == numbers, same)


def test_orders_keep_neighbours():
    orders = list(IMAGE.orders())
    assert len(orders) == 2 * 2 * 4
    assert len({tuple(order.tolist()) for order in orders}) == len(orders)
    for axis in (0, 1):
        shift = IMAGE.shift(axis)
        near = (shift + shift.T) > 0
        for order in orders:
            assert torch.equal(near[order][:, order], near)


def test_what_is_no_domain_is_one_sentence():
    with pytest.raises(ValueError, match="topology must be chain or ring, got 'torus'"):
        Domain(((3, "chain"), (4, "torus")))
    with pytest.raises(ValueError, match="at least 1 position"):
        Domain(())
    with pytest.raises(ValueError, match="the domain has 12 positions, the data 5"):
        as_domain(IMAGE, 5)
    assert as_domain("ring", 5) == Domain.line(5, "ring")

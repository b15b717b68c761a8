"""The checks we ship find what is broken, and pass what is not."""

import pytest
import torch

from symmetry_pl.groups import AffineGroup, ColorGroup
from symmetry_pl.testing import assert_equivariant, assert_group, assert_invariant

BOUNDS = (0.25, 0.25, 1.0, 0.25, 0.25, 0.25)
SHIFTS = AffineGroup((0.3, 0.3, 0, 0, 0))


class ComposesBackwards(AffineGroup):
    def compose(self, first, then):
        return super().compose(then, first)


class InvertsNothing(AffineGroup):
    def inverse(self, element):
        return element


class ForgetsAShift(AffineGroup):
    def coordinates(self, element):
        return super().coordinates(element) * torch.tensor([0.9, 1, 1, 1, 1, 1])


class AppliesTheInverse(AffineGroup):
    def apply(self, element, x):
        return super().apply(self.inverse(element), x)


class IsNotANumber(AffineGroup):
    def inverse(self, element):
        return super().inverse(element) * float("nan")


class GivesAnotherShape(AffineGroup):
    def element(self, eta):
        return super().element(eta)[..., :2, :]


class CropsImages(AffineGroup):
    def apply(self, element, x):
        return super().apply(element, x)[..., 1:]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (ComposesBackwards, "a composed element acts as its parts in turn"),
        (InvertsNothing, "an element before its inverse is the identity"),
        (ForgetsAShift, r"coordinates\(element\(η\)\) = η"),
        (AppliesTheInverse, "a composed element acts as its parts in turn"),
        (IsNotANumber, "an element before its inverse is the identity: nan at draw 0"),
        (GivesAnotherShape, "element_shape says"),
        (CropsImages, "apply gave"),
    ],
)
def test_broken_groups_are_found(group, message):
    with pytest.raises(AssertionError, match=message):
        assert_group(group(BOUNDS))


def test_worst_case_is_reported():
    with pytest.raises(AssertionError, match=r"ForgetsAShift: .* at draw \d+, image \d+, allowed"):
        assert_group(ForgetsAShift(BOUNDS))
    errors = assert_group(AffineGroup(BOUNDS))
    assert 0 < max(errors.values()) < 0.05
    assert errors["associativity"] < 1e-14


def test_coordinates_may_differ_by_a_period():
    for group in (ColorGroup((0.9, 0.5, 0.2)), AffineGroup((0, 0, 4.0, 0, 0, 0), "polar")):
        eta = group.from_uniform(torch.tensor([0.999] * group.dim))
        assert (group.coordinates(group.element(eta)) - eta).abs().max() > 0.9
        assert_group(group)


def test_image_can_be_given():
    wide = torch.full((2, 20, 40), -1.0)
    wide[:, 8:12, 16:24] = 0.5
    turns = AffineGroup((0.2, 0.2, 0, 0.1, 0.1))
    errors = assert_group(turns, wide, image_tolerance=0.5)
    assert errors["an element and its inverse cancel on images"] > 0.05
    with pytest.raises(AssertionError, match="an element and its inverse cancel on images"):
        assert_group(turns, wide)
    with pytest.raises(ValueError, match="3 channels"):
        assert_group(ColorGroup(), wide)


def spots(count=5, size=24):
    generator = torch.Generator().manual_seed(0)
    axis = torch.linspace(-1, 1, size, dtype=torch.float64)
    x, y, width = torch.rand(3, count, 1, 1, generator=generator, dtype=torch.float64)
    x, y, width = 0.4 * x - 0.2, 0.4 * y - 0.2, 0.02 + 0.02 * width
    return 2 * torch.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / width)[:, None] - 1


def centroid(x):
    weight = (x + 1) / (x + 1).sum((1, 2, 3), keepdim=True)
    axis = torch.linspace(-1, 1, x.shape[-1], dtype=x.dtype)
    return torch.stack([(weight * axis).sum((1, 2, 3)), (weight * axis[:, None]).sum((1, 2, 3))], 1)


def frame(x):
    """The shift that takes the picture centred at 0 to x."""
    return SHIFTS.element(torch.nn.functional.pad(-centroid(x), (0, 3)))


def prototype(x):
    return SHIFTS.apply(SHIFTS.inverse(frame(x)), x)


def test_equivariant_and_invariant_functions_pass():
    errors = assert_equivariant(frame, SHIFTS, spots(), tolerance=0.01)
    assert list(errors) == ["f(g x) = f(x) g"]
    assert_invariant(prototype, SHIFTS, spots(), tolerance=0.03)
    with torch.no_grad():
        back = SHIFTS.apply(frame(spots()), prototype(spots()))
    torch.testing.assert_close(back, spots(), rtol=0, atol=0.1)


def test_others_do_not():
    with pytest.raises(AssertionError, match=r"not equivariant: .* at draw \d, image \d"):
        assert_equivariant(lambda x: SHIFTS.inverse(frame(x)), SHIFTS, spots(), tolerance=0.05)
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(
            lambda x: SHIFTS.identity(len(x), dtype=x.dtype), SHIFTS, spots(), tolerance=0.05
        )
    with pytest.raises(AssertionError, match="not invariant"):
        assert_invariant(centroid, SHIFTS, spots(), tolerance=0.05)


def test_smaller_fraction_of_the_bounds_moves_less():
    def errors(fraction):
        identity = lambda x: x  # noqa: E731
        got = assert_invariant(identity, SHIFTS, spots(), tolerance=9, fraction=fraction)
        return got["f(g x) = f(x)"]

    assert errors(0.0) < 1e-12 < errors(0.1) < errors(1.0)

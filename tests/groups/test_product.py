"""Products of groups, and groups by name."""

import math

import pytest
import torch

from symmetry_pl.groups import (
    AffineColorGroup,
    AffineGroup,
    ColorGroup,
    ProductGroup,
    build_group,
)
from symmetry_pl.testing import assert_group

FIVE = (0.25, 0.25, math.pi, 0.25, 0.25)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_group_laws(dtype):
    polar = build_group("affine_color", affine_bounds=(*FIVE, 0.25), chart="polar")
    for group in (AffineColorGroup(FIVE), polar):
        assert_group(group, dtype=dtype, count=32)


def test_parts_act_one_after_the_other():
    color, affine = ColorGroup(), AffineGroup(FIVE)
    group = ProductGroup(color, affine)
    assert group.dim == 8
    assert group.element_shape == (12,)
    assert group.names == color.names + affine.names
    assert group.periods == (1.0, *[None] * 7)
    assert group.offset == (0.5, *[0.0] * 7)
    eta = group.from_uniform(torch.rand(4, 8))
    element = group.element(eta)
    tint, matrix = group.split(element)
    torch.testing.assert_close(tint, color.element(eta[:, :3]))
    torch.testing.assert_close(matrix, affine.element(eta[:, 3:]))
    torch.testing.assert_close(group.join(tint, matrix), element)
    x = 2 * torch.rand(4, 3, 10, 10) - 1
    expected = affine.apply(matrix, color.apply(tint, x))
    torch.testing.assert_close(group.apply(element, x), expected)
    nested = element.view(2, 2, 12)
    torch.testing.assert_close(group.coordinates(nested).view(4, 8), group.coordinates(element))
    twice = group.compose(nested, nested)
    torch.testing.assert_close(
        group.split(twice)[1], affine.compose(matrix, matrix).view(2, 2, 3, 3)
    )
    assert group.distance(twice, nested).shape == (2, 2)


def test_both_parts_check_images():
    group = AffineColorGroup(FIVE)
    group.check_images((3, 28, 28))
    with pytest.raises(ValueError, match="3 channels"):
        group.check_images((1, 28, 28))
    with pytest.raises(ValueError, match="2 × 2 pixels"):
        group.check_images((3, 1, 28))


def test_groups_by_name():
    assert isinstance(build_group("affine", bounds=list(FIVE)), AffineGroup)
    assert isinstance(build_group("color"), ColorGroup)
    both = build_group("affine_color", affine_bounds=list(FIVE), color_bounds=[0.5, 2.31, 0.51])
    assert both.bounds == (0.5, 2.31, 0.51, *FIVE)
    assert build_group("affine", bounds=list(FIVE), interpolation="bilinear").names[0] == "x-shift"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rotation", {}, "group must be one of .*'affine'.*, got 'rotation'"),
        ("affine", {"bound": 1}, "no option 'bound'; group 'affine' takes .*'bounds'"),
        ("affine", {}, "must give 'bounds' for group 'affine'"),
        ("affine_color", {"affine_bounds": [0] * 5}, "AffineGroup are all 0"),
        ("affine_color", {"affine_bounds": FIVE, "color_bounds": [1]}, "must be 3 numbers"),
    ],
)
def test_bad_names_and_options_are_one_sentence(name, options, message):
    with pytest.raises(ValueError, match=message):
        build_group(name, **options)

"""Hue, saturation and value: against colorsys and the published code; gradients without NaN."""

import colorsys
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from symmetry_pl.groups import ColorGroup, hsv_to_rgb, rgb_to_hsv
from symmetry_pl.groups.color import pass_through_clip
from symmetry_pl.testing import assert_group

CORNERS = [
    [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.4, 0.4, 0.4], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.3, 0.0, 0.3], [0.2, 0.2, 0.7],
]  # fmt: skip


def colors(count=200, low=0.0, high=1.0):
    """``(1, 3, count, 1)``."""
    generator = torch.Generator().manual_seed(0)
    rgb = low + (high - low) * torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return as_image(rgb)


def as_image(rows):
    return torch.as_tensor(rows, dtype=torch.float64).T[None, :, :, None]


def by_colorsys(function, image):
    return as_image([function(*row) for row in image[0, :, :, 0].T.tolist()])


def test_conversions_are_those_of_the_standard_library():
    for rgb in (colors(), as_image(CORNERS)):
        hsv = rgb_to_hsv(rgb)
        expected = by_colorsys(colorsys.rgb_to_hsv, rgb)
        torch.testing.assert_close(hsv, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(hsv_to_rgb(hsv), rgb, rtol=0, atol=1e-12)
    hsv = colors()
    torch.testing.assert_close(hsv_to_rgb(hsv), by_colorsys(colorsys.hsv_to_rgb, hsv))
    turned = hsv + as_image([[3.0, 0.0, 0.0]])
    torch.testing.assert_close(hsv_to_rgb(turned), hsv_to_rgb(hsv))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_recolouring_is_the_published_one(dtype):
    path = Path(os.environ.get("SYMMETRY_DATA", "/nowhere"), "reference", "sgm_transforms.npz")
    if not path.exists():
        pytest.skip("needs $SYMMETRY_DATA/reference/sgm_transforms.npz")
    with np.load(path) as arrays:
        rgb, eta, expected = (
            torch.from_numpy(arrays[name]) for name in ("rgb", "color_eta", "apply_color")
        )
    group = ColorGroup()
    got = group.apply(group.element(eta.to(dtype)), rgb.permute(0, 3, 1, 2).to(dtype))
    torch.testing.assert_close(got.permute(0, 2, 3, 1).float(), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_group_laws(dtype):
    errors = assert_group(ColorGroup(), dtype=dtype, count=64, image_tolerance=1e-5)
    assert len(errors) == 11


def test_each_parameter_does_what_it_says():
    group = ColorGroup()
    hsv = colors(50, 0.2, 0.45)
    image = 2 * hsv_to_rgb(hsv) - 1
    for index, value, expected in (
        (0, 0.3, hsv[:, :1] + 0.3),
        (1, 0.5, hsv[:, 1:2] * np.exp(0.5)),
        (2, -0.5, hsv[:, 2:] * np.exp(-0.5)),
    ):
        eta = torch.zeros(1, 3, dtype=torch.float64)
        eta[0, index] = value
        after = rgb_to_hsv((group.apply(group.element(eta), image) + 1) / 2)
        hsv_expected = hsv.clone()
        hsv_expected[:, index : index + 1] = expected
        torch.testing.assert_close(after, hsv_expected, rtol=0, atol=1e-12)


def test_black_stays_black_and_clipped_colours_stay_in_range():
    group = ColorGroup()
    black = -torch.ones(64, 3, 4, 4)
    elements = group.sample(64, generator=torch.Generator().manual_seed(0))
    assert (group.apply(elements, black) == -1).all()
    moved = group.apply(elements, 2 * torch.rand(64, 3, 4, 4) - 1)
    assert moved.min() >= -1
    assert moved.max() <= 1


def test_no_gradient_is_nan_at_grey_black_or_full_colours():
    image = (2 * as_image(CORNERS) - 1).requires_grad_()
    eta = torch.tensor([[0.3, 0.7, 0.2]], dtype=torch.float64, requires_grad=True)
    ColorGroup().apply(eta, image).square().sum().backward()
    assert image.grad.isfinite().all()
    assert eta.grad.isfinite().all()
    assert eta.grad.abs().min() > 0


def test_gradients_are_right_where_nothing_clips():
    group = ColorGroup()
    image = (2 * colors(6, 0.2, 0.6) - 1).requires_grad_()
    eta = torch.tensor([[0.13, -0.3, 0.2]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(group.apply, (eta, image))
    assert gradcheck(rgb_to_hsv, ((image.detach() + 1) / 2).requires_grad_())


def test_gradients_pass_clips_as_if_they_were_not_there():
    x = torch.tensor([-0.5, 0.3, 1.7], requires_grad=True)
    y = pass_through_clip(x)
    assert y.tolist() == pytest.approx([0, 0.3, 1])
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    # A saturation far beyond 1 still feels its parameter.
    eta = torch.tensor([[0.0, 2.0, 0.0]], requires_grad=True)
    image = torch.tensor([0.9, -0.5, 0.1]).view(1, 3, 1, 1)
    ColorGroup().apply(eta, image).sum().backward()
    assert eta.grad[0, 1].abs() > 0.1


def test_hue_is_periodic_in_coordinates_and_distance():
    group = ColorGroup()
    element = torch.tensor([[-0.25, 0.1, 0.2], [1.5, 0.1, 0.2], [0.0, 0.1, 0.2]])
    assert group.coordinates(element)[:, 0].tolist() == pytest.approx([0.75, 0.5, 0.0])
    centred = ColorGroup(offset=(0.0, 0.0, 0.0))
    assert centred.coordinates(element)[:, 0].tolist() == pytest.approx([-0.25, -0.5, 0.0])
    near = torch.tensor([[0.99, 0.0, 0.0]])
    assert group.distance(near, torch.tensor([[0.01, 0.0, 0.01]])).item() == pytest.approx(0.02)
    low, high = group.from_uniform(torch.tensor([[0.0] * 3, [1.0] * 3]))
    assert low.tolist() == pytest.approx([0, -2.301, -0.51])
    assert high.tolist() == pytest.approx([1, 2.301, 0.51])


def test_single_precision_under_autocast():
    group = ColorGroup()
    eta, x = group.sample(4), 2 * torch.rand(4, 3, 5, 5) - 1
    plain = group.apply(eta, x)
    with torch.autocast("cpu", torch.bfloat16):
        cast = group.apply(group.element(eta), x)
    assert cast.dtype == group.element(eta.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(plain, cast, rtol=0, atol=0)


def test_bad_input_is_one_sentence():
    group = ColorGroup()
    with pytest.raises(ValueError, match=r"needs images of 3 channels .*, got 1"):
        group.check_images((1, 28, 28))
    with pytest.raises(ValueError, match=r"needs images of 3 channels .*, got 1"):
        group.apply(group.identity(2), torch.zeros(2, 1, 4, 4))
    with pytest.raises(ValueError, match="one element an image"):
        group.apply(group.identity(3), torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (0.5, 1)}, r"must be 3 numbers \(hue, saturation, value\), got 2"),
        ({"bounds": (0.5, -1, 0)}, "cannot be negative, got -1 for the saturation"),
        ({"bounds": (0, 0, 0)}, "are all 0"),
        ({"offset": (0.5,)}, "offset of ColorGroup must be 3 numbers"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        ColorGroup(**options)

"""Warps: against torch's own grids, exact permutations of pixels, background, gradients."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import affine_grid, grid_sample

from symmetry_pl.groups import warp


def images(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.rand(*shape, generator=generator, dtype=torch.float64).to(dtype) - 1


def matrices(count, size=0.3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(count, 3, 3, generator=generator, dtype=torch.float64)
    noise[:, 2] = 0
    return (torch.eye(3, dtype=torch.float64) + size * noise).to(dtype)


def turned(quarters):
    c, s = round(math.cos(quarters * math.pi / 2)), round(math.sin(quarters * math.pi / 2))
    return torch.tensor([[[c, -s, 0], [s, c, 0], [0, 0, 1]]], dtype=torch.float64)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(5, 1, 12, 12), (5, 3, 9, 14)])
def test_warp_is_that_of_torch_on_raised_images(mode, shape):
    x, a = images(*shape), matrices(5)
    grid = affine_grid(a[:, :2], list(shape), align_corners=True)
    expected = grid_sample(x + 1, grid, mode=mode, padding_mode="zeros", align_corners=True) - 1
    torch.testing.assert_close(warp(x, a, mode), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(warp(x, a[:, :2], mode), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_permutations_of_pixels_are_exact_and_compose(mode):
    x = images(1, 2, 7, 7)
    for quarters in range(4):
        expected = x.rot90(quarters, (2, 3))  # counter-clockwise on the screen
        torch.testing.assert_close(warp(x, turned(quarters), mode), expected, rtol=0, atol=1e-12)
    shift = torch.eye(3, dtype=torch.float64)[None]
    shift[0, 0, 2] = 2 / 6  # one pixel of 7
    moved = warp(x, shift, mode)
    torch.testing.assert_close(moved[..., :-1], x[..., 1:], rtol=0, atol=1e-12)
    torch.testing.assert_close(moved[..., -1], -torch.ones_like(moved[..., -1]))
    together, in_turn = warp(x, shift @ turned(1), mode), warp(moved, turned(1), mode)
    torch.testing.assert_close(together, in_turn, rtol=0, atol=1e-12)
    reversed_order = warp(x, turned(1) @ shift, mode)
    assert (reversed_order - in_turn).abs().max() > 0.1


def test_out_of_frame_is_background():
    far = torch.eye(3)[None].clone()
    far[0, 0, 2] = 5
    assert (warp(images(1, 3, 8, 8, dtype=torch.float32), far) == -1).all()


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_gradients_to_image_and_matrix(mode):
    x = images(2, 1, 4, 5).requires_grad_()
    a = matrices(2, 0.1).requires_grad_()
    assert gradcheck(lambda x, a: warp(x, a, mode), (x, a))


def test_precision_follows_the_image_and_never_falls_below_single():
    a = matrices(2)
    for given, got in {
        torch.float64: torch.float64,
        torch.float32: torch.float32,
        torch.bfloat16: torch.float32,
        torch.float16: torch.float32,
    }.items():
        x = images(2, 1, 8, 8, dtype=given)
        plain = warp(x, a)
        with torch.autocast("cpu", torch.bfloat16):
            cast = warp(x, a)
        assert plain.dtype == cast.dtype == got
        torch.testing.assert_close(plain, cast, rtol=0, atol=0)


def test_one_matrix_an_image():
    for count in (1, 3):
        with pytest.raises(ValueError, match="one matrix an image"):
            warp(images(2, 1, 4, 4), matrices(count))
    with pytest.raises(ValueError, match=r"images \(B, C, H, W\)"):
        warp(images(2, 4, 4), matrices(2))
    assert warp(images(0, 1, 4, 4), matrices(0)).shape == (0, 1, 4, 4)

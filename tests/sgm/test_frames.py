"""Frames of moments: exactly equivariant, and harmless where moments say nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from symmetry_pl.groups import (
    AffineColorGroup,
    AffineGroup,
    ColorGroup,
    ImageGroup,
    hsv_to_rgb,
    warp,
)
from symmetry_pl.sgm.frames import (
    AffineFrame,
    ColorFrame,
    FrameNetwork,
    ProductFrame,
    build_frame,
    edge_content,
)
from symmetry_pl.sgm.moments import (
    FOLD_WEIGHTS,
    angular_moments,
    foreground,
    normaliser,
    profile_peak,
)

SIX = (0.25, 0.25, math.pi, 0.25, 0.25, 0.25)


def affine(**options: Any) -> AffineFrame:
    return AffineFrame(AffineGroup(SIX), **options)


def turn(angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)


def drawing(matrices: Tensor, pixels: int = 64, fold: int = 0) -> Tensor:
    """Smooth blobs seen through matrices, ``(B, 1, H, W)``: exact, nothing is interpolated."""
    axis = torch.linspace(-1, 1, pixels, dtype=torch.float64)
    p = torch.stack([axis.repeat(pixels), axis.repeat_interleave(pixels), torch.ones(pixels**2)])
    q = matrices[:, :2] @ p
    if fold:
        angles = [2 * math.pi * k / fold for k in range(fold)]
        spots = [(0.3 * math.cos(a), 0.3 * math.sin(a), 0.09, 0.8) for a in angles]
    else:
        spots = [(0.0, -0.25, 0.08, 0.9), (0.1, 0.1, 0.11, 0.7), (-0.3, 0.2, 0.07, 0.8)]
    density = torch.zeros_like(q[:, 0])
    for x, y, width, height in spots:
        r2 = (q[:, 0] - x).square() + (q[:, 1] - y).square()
        density = density + height * torch.exp(-r2 / (2 * width**2))
    return (2 * density - 1).view(-1, 1, pixels, pixels)


def scribble(pixels: int = 28, margin: int = 8, seed: int = 0) -> Tensor:
    """Random pixels ``(4, 1, H, W)`` inside an empty margin."""
    generator = torch.Generator().manual_seed(seed)
    size = pixels - 2 * margin
    inside = 2 * torch.rand(4, 1, size, size, generator=generator, dtype=torch.float64) - 1
    return torch.nn.functional.pad(inside, (margin,) * 4, value=-1.0)


def random_elements(group: ImageGroup, count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return group.sample(count, generator=generator, dtype=torch.float64)


# -- moments -------------------------------------------------------------------------------------


def test_moments_of_a_gaussian_are_known() -> None:
    axis = torch.linspace(-1, 1, 81, dtype=torch.float64)
    covariance = torch.tensor([[0.02, 0.008], [0.008, 0.01]], dtype=torch.float64)
    d = torch.stack([(axis - 0.1).repeat(81), (axis + 0.2).repeat_interleave(81)])
    w = torch.exp(-0.5 * (d * (torch.linalg.inv(covariance) @ d)).sum(0)).view(1, 81, 81)
    for window in (math.inf, 1.7, 3.0):  # a Gaussian window leaves a Gaussian's frame as it is
        moments, seen = normaliser(w, window=window, iterations=3)
        torch.testing.assert_close(
            moments.centre, torch.tensor([[0.1, -0.2]], dtype=torch.float64), atol=1e-6, rtol=0
        )
        root = moments.whitening[0]
        torch.testing.assert_close(root, root.T)
        torch.testing.assert_close(torch.linalg.inv(root @ root), covariance, atol=1e-6, rtol=1e-4)
        assert (seen == w).all() == math.isinf(window)


@pytest.mark.parametrize("fold", [2, 3, 4])
def test_folds_without_the_symmetry_vanish(fold: int) -> None:
    eye = torch.eye(3, dtype=torch.float64)[None]
    moments, seen = normaliser(foreground(drawing(eye, fold=fold)), fit="similarity")
    size = angular_moments(seen, moments).norm(dim=-1)[0]
    for n in range(1, 5):
        assert (size[n - 1] > 0.1) == (n % fold == 0), (n, size)


def test_profile_peak_is_the_highest_point_of_the_profile() -> None:
    c = torch.randn(50, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    phi = profile_peak(c)
    n = torch.arange(1, 5, dtype=torch.float64)
    k = n.new_tensor(FOLD_WEIGHTS)[:, None] * c

    def profile(angle: Tensor) -> Tensor:
        return (k[..., 0] * (n * angle).cos() + k[..., 1] * (n * angle).sin()).sum(-1)

    fine = torch.linspace(0, 2 * math.pi, 5000, dtype=torch.float64)
    best = torch.stack([profile(angle.expand(50, 1)) for angle in fine]).amax(0)
    assert (profile(phi[:, None]) >= best - 1e-9).all()


# -- the affine frame ----------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["affine", "similarity", "isometry"])
def test_quarter_turns_are_exact(fit: str) -> None:
    frame, x = affine(fit=fit), scribble()
    for k in (1, 2, 3):
        # rot90 turns counter-clockwise on the screen, as a positive rotation does.
        expected = frame(x) @ turn(k * math.pi / 2)
        torch.testing.assert_close(frame(torch.rot90(x, k, (2, 3))), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("fit", ["affine", "similarity", "isometry", "shift"])
def test_whole_pixel_shifts_are_exact(fit: str) -> None:
    frame, x = affine(fit=fit), scribble()
    moved = torch.roll(x, (3, -5), (2, 3))
    shift = torch.eye(3, dtype=torch.float64)
    shift[0, 2], shift[1, 2] = 2 * 5 / 27, -2 * 3 / 27
    torch.testing.assert_close(frame(moved), frame(x) @ shift, atol=1e-9, rtol=0)


def test_six_parameters_of_smooth_shapes() -> None:
    group, frame = AffineGroup(SIX), affine()
    g = random_elements(group, 64)
    g[:, :2, 2] *= 0.5
    whole = frame(drawing(torch.eye(3, dtype=torch.float64)[None]))
    found = frame(drawing(g))
    torch.testing.assert_close(found, group.compose(whole.expand_as(g), g), atol=3e-3, rtol=0)
    # so that all prototypes are one picture
    prototypes = drawing(g @ torch.linalg.inv(found))
    assert (prototypes - prototypes[:1]).abs().max() < 0.03


@pytest.mark.parametrize("fold", [2, 3, 4])
def test_symmetric_shapes_have_one_prototype_whatever_the_branch(fold: int) -> None:
    frame = affine()
    g = random_elements(AffineGroup(SIX), 64)
    g[:, :2, 2] *= 0.5
    found = frame(drawing(g, fold=fold))
    prototypes = drawing(g @ torch.linalg.inv(found), fold=fold)
    assert (prototypes - prototypes[:1]).abs().max() < 0.05


def test_similarity_frame_keeps_proportions() -> None:
    found = affine(fit="similarity")(drawing(random_elements(AffineGroup(SIX), 16)))
    linear = found[:, :2, :2]
    gram = linear.mT @ linear
    torch.testing.assert_close(gram, gram[:, :1, :1] * torch.eye(2, dtype=torch.float64))
    rigid = affine(fit="isometry")(drawing(random_elements(AffineGroup(SIX), 4)))[:, :2, :2]
    eye = torch.eye(2, dtype=torch.float64).expand(4, 2, 2)
    torch.testing.assert_close(rigid.mT @ rigid, eye)


def test_prototype_has_the_asked_size_and_its_own_frame_is_the_identity() -> None:
    group, frame = AffineGroup(SIX), affine(size=0.25, window=math.inf)
    element = frame(drawing(random_elements(group, 8)))
    x = drawing(random_elements(group, 8))
    prototypes = group.apply(group.inverse(element), x)
    moments, _ = normaliser(foreground(prototypes), window=math.inf)
    eye = torch.eye(2, dtype=torch.float64).expand(8, 2, 2)
    torch.testing.assert_close(moments.whitening * 0.25, eye, atol=0.02, rtol=0)
    again = frame(prototypes)
    torch.testing.assert_close(again, torch.eye(3).double().expand(8, 3, 3), atol=0.02, rtol=0)


@pytest.mark.parametrize("fit", ["affine", "similarity", "isometry", "shift"])
def test_images_without_shape(fit: str) -> None:
    frame = affine(fit=fit, differentiable=True)
    x = torch.full((6, 1, 20, 20), -1.0)
    x[1] = 1.0  # saturated
    x[2] = 0.3  # constant
    x[3, 0, 7, 9] = 1.0  # one pixel
    x[4, 0, 7] = 1.0  # a line
    x[5] = -1.5  # darker than the background
    x.requires_grad_()
    found = frame(x)
    assert found.isfinite().all()
    assert (torch.linalg.det(found) > 0).all()
    for empty in (0, 5):
        torch.testing.assert_close(found[empty], torch.eye(3))
    torch.testing.assert_close(frame(x)[1, :2, 2], torch.zeros(2), atol=1e-6, rtol=0)
    found.square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_round_shapes_have_a_finite_frame() -> None:
    frame = affine(differentiable=True)
    axis = torch.linspace(-1, 1, 33, dtype=torch.float64)
    r2 = axis.square()[:, None] + axis.square()
    x = torch.where((r2 < 0.5) & (r2 > 0.2), 1.0, -1.0)[None, None].double().requires_grad_()
    found = frame(x)
    torch.testing.assert_close(found[0, :2, 2], torch.zeros(2).double(), atol=1e-9, rtol=0)
    linear = found[0, :2, :2]
    gram = linear.T @ linear
    torch.testing.assert_close(gram, gram[0, 0] * torch.eye(2).double(), atol=1e-6, rtol=0)
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_noise_moves_the_frame_little() -> None:
    x = drawing(torch.eye(3, dtype=torch.float64)[None], pixels=28)
    noise = torch.randn(32, 1, 28, 28, generator=torch.Generator().manual_seed(0)).double()
    change = affine()(x + 0.05 * noise) @ torch.linalg.inv(affine()(x))
    assert (change - torch.eye(3)).abs().max() < 0.1


def test_frame_is_deterministic_and_follows_precision() -> None:
    frame, x = affine(), scribble()
    assert torch.equal(frame(x), frame(x))
    assert frame(x).dtype == torch.float64
    single = frame(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), frame(x), atol=1e-4, rtol=1e-4)
    assert frame(x.bfloat16()).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(frame(x.float()), single)
    alone = torch.cat([frame(image[None]) for image in x])
    torch.testing.assert_close(alone, frame(x))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_frame_follows_the_device() -> None:
    x = scribble()
    found = affine()(x.cuda())
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), affine()(x))


def test_gradients_reach_the_image_only_on_request() -> None:
    x = scribble()[:1].requires_grad_()
    assert not affine()(x).requires_grad
    assert torch.autograd.gradcheck(
        affine(differentiable=True), (scribble(8, 2)[:1].requires_grad_(),)
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fit": "rotation"}, "fit must be one of"),
        ({"size": 0.0}, "size and window must be positive"),
        ({"window": -1.0}, "size and window must be positive"),
        ({"threshold": 1.0}, "threshold is a brightness"),
        ({"iterations": -1}, "iterations must be at least 0"),
        ({"passes": 0}, "passes at least 1"),
    ],
)
def test_affine_frame_refuses(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        affine(**options)


# -- colour --------------------------------------------------------------------------------------


def colours(count: int = 8) -> Tensor:
    """Images ``(B, 3, 12, 12)`` with colours of every hue inside the gamut, on black."""
    generator = torch.Generator().manual_seed(1)
    h = 0.2 * torch.rand(count, 12, 12, generator=generator, dtype=torch.float64) + 0.5
    s = 0.2 + 0.3 * torch.rand(count, 12, 12, generator=generator, dtype=torch.float64)
    v = 0.2 + 0.3 * torch.rand(count, 12, 12, generator=generator, dtype=torch.float64)
    v[:, :4] = 0.0
    return 2 * hsv_to_rgb(torch.stack([h, s, v], 1)) - 1


def test_colour_frame_is_exactly_equivariant_inside_the_gamut() -> None:
    group = ColorGroup((0.5, 0.5, 0.5))
    frame, x = ColorFrame(group), colours()
    g = random_elements(group, len(x))
    expected = group.compose(frame(x), g)
    assert group.distance(frame(group.apply(g, x)), expected).max() < 1e-9


def test_colour_prototype_has_the_reference_colour() -> None:
    group = ColorGroup()
    frame = ColorFrame(group, saturation=0.6, value=0.6)
    prototypes = group.apply(group.inverse(frame(colours())), colours())
    assert group.distance(frame(prototypes), torch.zeros(8, 3)).max() < 1e-9


def test_hues_are_averaged_around_the_circle() -> None:
    pixels = torch.tensor([[1.0, 0.2, 0.0], [1.0, 0.0, 0.2]])  # orange and pink, not cyan
    x = 2 * pixels.T.view(1, 3, 1, 2) - 1
    hue = ColorFrame(ColorGroup())(x)[0, 0]
    torch.testing.assert_close(hue, torch.zeros(()), atol=1e-6, rtol=0)


def test_colourless_images_have_no_colour() -> None:
    x = torch.full((3, 3, 6, 6), -1.0)
    x[1] = 0.5  # grey
    x[2] = 1.0  # white
    x.requires_grad_()
    found = ColorFrame(ColorGroup(), value=1.0, differentiable=True)(x)
    expected = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, math.log(0.75)], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_colour_frame_refuses() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        ColorFrame(ColorGroup(), value=0.0)
    with pytest.raises(ValueError, match="3 channels"):
        ColorFrame(ColorGroup())(torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match="needs a ColorGroup"):
        ColorFrame(AffineGroup(SIX))
    with pytest.raises(ValueError, match="needs an AffineGroup"):
        AffineFrame(ColorGroup())


def test_parts_of_a_product_ignore_each_other() -> None:
    group = AffineColorGroup(SIX, (0.5, 0.3, 0.3))
    frame = build_frame(group)
    assert isinstance(frame, ProductFrame)
    x = torch.nn.functional.pad(colours(), (10,) * 4, value=-1.0)
    moved = torch.rot90(torch.roll(x, (2, 4), (2, 3)), 1, (2, 3))
    shift = torch.eye(3, dtype=torch.float64)
    shift[0, 2], shift[1, 2] = -2 * 4 / 31, -2 * 2 / 31
    color = random_elements(group.first, len(x))
    g = group.join(color, (shift @ turn(math.pi / 2)).expand(len(x), 3, 3))
    found = frame(group.first.apply(color, moved))
    expected = group.compose(frame(x), g)
    # The threshold is a brightness: it feels the value, a little.
    colour, place = group.split(found - expected)
    assert (colour - torch.cat([colour[:, :1].round(), 0 * colour[:, 1:]], -1)).abs().max() < 1e-9
    assert place.abs().max() < 0.15


# -- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "channels"),
    [(AffineGroup(SIX), 1), (ColorGroup(), 3), (AffineColorGroup(SIX), 3)],
    ids=["affine", "color", "product"],
)
def test_network_starts_at_the_frame_and_trains(group: ImageGroup, channels: int) -> None:
    torch.manual_seed(0)
    network = FrameNetwork(group, (channels, 16, 16), widths=[16])
    x = torch.rand(5, channels, 16, 16) * 2 - 1
    torch.testing.assert_close(network(x), build_frame(group)(x))
    network(x).square().sum().backward()
    head = network.residual[-1]  # type: ignore[index]
    assert head.weight.grad.abs().sum() > 0  # type: ignore[union-attr, operator]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_network_without_layers_has_no_parameters() -> None:
    network = FrameNetwork(AffineGroup(SIX), (1, 16, 16), widths=[], affine={"size": 0.2})
    assert not list(network.parameters())
    x = scribble(16, 4)
    torch.testing.assert_close(network(x), affine(size=0.2)(x))


def test_network_leaves_alone_what_does_not_touch_the_edge() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(AffineGroup(SIX), (1, 16, 16), widths=[16])
    torch.nn.init.normal_(network.residual[-1].weight)  # type: ignore[index, arg-type]
    x = scribble(16, 4).float()
    cut = torch.roll(x, 6, 3)
    assert torch.equal(edge_content(foreground(x)), torch.zeros(4))
    assert (edge_content(foreground(cut)) > 0.9).all()
    torch.testing.assert_close(network(x), network.frame(x))
    assert not torch.allclose(network(cut), network.frame(cut), atol=1e-3)


def test_network_learns_what_a_cut_image_does_not_show() -> None:
    """A disc cut by the edge has a biased centroid, until the network knows discs."""
    group = AffineGroup((0.9, 0.9, 0.0, 0.0, 0.0))
    torch.manual_seed(0)
    network = FrameNetwork(group, (1, 16, 16), [32], affine={"fit": "shift"})
    axis = torch.linspace(-1, 1, 16)
    disc = torch.where(axis.square()[:, None] + axis.square() < 0.35, 1.0, -1.0).expand(
        64, 1, 16, 16
    )

    def error(g: Tensor) -> Tensor:
        found = network(group.apply(g, disc))
        return (group.compose(g, group.inverse(found))[:, :2, 2]).square().mean()

    test = group.sample(64, generator=torch.Generator().manual_seed(1))
    before = error(test).item()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        torch.autograd.backward(error(group.sample(64)))
        optimiser.step()
    assert error(test).item() < 0.3 * before


def test_perturbations_are_next_to_the_prototype_in_units_of_the_bounds() -> None:
    group = AffineGroup(SIX)
    network = FrameNetwork(group, (1, 28, 28), widths=[8])
    noise = torch.randn(4, 6, dtype=torch.float64) * 0.01
    x = scribble()
    near = group.element(noise * torch.tensor(SIX, dtype=torch.float64))
    network.double()
    torch.testing.assert_close(network(x, noise), group.compose(near, network(x)))
    torch.testing.assert_close(network.frame(x, noise), group.compose(near, network.frame(x)))


def test_build_frame_refuses() -> None:
    with pytest.raises(ValueError, match="affine_options has no option 'sise'"):
        build_frame(AffineGroup(SIX), {"sise": 1.0})
    with pytest.raises(ValueError, match="there is no frame for"):
        build_frame(object())  # type: ignore[arg-type]


def test_warping_back_by_the_frame_gives_the_prototype() -> None:
    group, frame = AffineGroup(SIX), affine()
    x = drawing(random_elements(group, 3))
    element = frame(x)
    prototype = group.apply(group.inverse(element), x)
    torch.testing.assert_close(warp(prototype, element), x, atol=0.1, rtol=0)

"""Frames of noisy images, uneven grounds and dark ink: front end, template, confidence."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from symmetry_pl.groups import AffineGroup, warp
from symmetry_pl.groups.warp import border
from symmetry_pl.sgm.frames import AffineFrame, FrameNetwork, RobustAffineFrame, build_frame
from symmetry_pl.sgm.front_end import clean
from symmetry_pl.sgm.moments import foreground, normaliser
from symmetry_pl.sgm.polar import ANGLES, RADII, highest, polar_samples
from symmetry_pl.sgm.template_turn import TemplateTurn, congealed
from symmetry_pl.sgm.trust import fitted_trust

SIX = (0.15, 0.15, math.pi, 0.15, 0.15, 0.15)
GROUP = AffineGroup(SIX)


def strokes(count: int, pixels: int = 28, seed: int = 0) -> Tensor:
    """Bright shapes with one direction, each a bit different, on black: ``(B, 1, H, W)``."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, pixels)
    y, x = torch.meshgrid(line, line, indexing="ij")
    ink = torch.zeros(count, pixels, pixels)
    for u, v, width in ((0.0, -0.35, 0.12), (0.0, 0.0, 0.12), (0.3, 0.1, 0.1), (-0.25, 0.3, 0.14)):
        at = 0.05 * torch.randn(count, 2, 1, 1, generator=generator)
        r2 = (x - u - at[:, 0]).square() + (y - v - at[:, 1]).square()
        ink = ink + torch.exp(-r2 / (2 * width**2))
    ink = (1.4 * ink - 0.1).clamp(0, 1)
    return (2 * (255 * ink).round() / 255 - 1)[:, None]


def corrupted(x: Tensor, kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    v = (x + 1) / 2
    line = torch.linspace(0, 1, x.shape[-1])
    if kind == "noise":
        v = v + 0.1 * torch.randn(v.shape, generator=generator)
    if kind == "light":
        v = 1 - v
    if kind == "ramp":
        ramp = 0.1 + 0.5 * line
        v = ramp + (1 - ramp) * v
    if kind == "sum":
        v = 0.5 * v + 0.5 * line[:, None]
    if kind == "spikes":
        u = torch.rand(v.shape, generator=generator)
        v = torch.where(u < 0.02, 1 - v.round(), v)
    return 2 * v.clamp(0, 1) - 1


KINDS = ("clean", "noise", "light", "ramp", "sum", "spikes")


def turn_between(a: Tensor, b: Tensor) -> Tensor:
    change = (a @ torch.linalg.inv(b))[:, :2, :2]
    sine, cosine = change[:, 1, 0] - change[:, 0, 1], change[:, 0, 0] + change[:, 1, 1]
    return torch.atan2(sine, cosine).abs()


@pytest.fixture(scope="module")
def fitted() -> RobustAffineFrame:
    frame = RobustAffineFrame(GROUP, robust=True)
    frame.adopt(strokes(300))
    return frame


# -- the front end -------------------------------------------------------------------------------


def test_clean_images_on_black_stay_as_they_are() -> None:
    x = strokes(8)
    found = clean(x)
    assert bool(found.plain.all())
    assert torch.equal(found.density, foreground(x))
    assert torch.equal(found.spikes, torch.zeros(8))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_density_is_that_of_the_clean_image(kind: str) -> None:
    x = strokes(16)
    expected = foreground(x)
    before, after = foreground(corrupted(x, kind)), clean(corrupted(x, kind)).density
    error = (after - expected).square().mean()
    assert error < 0.012
    assert error < 0.35 * (before - expected).square().mean()
    whole, _ = normaliser(expected)
    found, _ = normaliser(after)
    assert (found.centre - whole.centre).abs().max() < 0.1


def test_noise_is_measured() -> None:
    generator = torch.Generator().manual_seed(0)
    for pixels in (28, 56):
        for sigma in (0.02, 0.08):
            grey = 0.2 * strokes(16, pixels)  # far from 0 and 1: nothing is clipped
            found = clean(grey + 2 * sigma * torch.randn(grey.shape, generator=generator)).noise
            torch.testing.assert_close(found.mean(), torch.tensor(sigma), rtol=0.15, atol=0)


def test_a_single_spike_is_taken_away_and_counted() -> None:
    x = strokes(2)
    spoilt = x.clone()
    spoilt[0, 0, 2, 3] = 1.0
    found = clean(spoilt)
    assert torch.equal(found.density, foreground(x))
    torch.testing.assert_close(found.spikes, torch.tensor([1 / 784, 0.0]))


def test_dark_ink_is_light_ink_of_the_negative() -> None:
    # noise, so that neither counts as clean on black
    x = corrupted(strokes(8), "noise")
    torch.testing.assert_close(clean(-x).density, clean(x).density, atol=1e-4, rtol=0)
    torch.testing.assert_close(clean(-x).view, clean(x).view, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(28, 28), (9, 12), (5, 5), (2, 3), (64, 40)])
def test_images_without_content_are_finite(shape: tuple[int, int]) -> None:
    x = torch.full((5, 3, *shape), -1.0)
    x[1], x[2] = 1.0, 0.1
    x[3, :, 0, 0] = 1.0
    x[4] = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for frame in (RobustAffineFrame(GROUP, robust=True), adopted(x)):
        found = clean(x)
        assert all(part.isfinite().all() for part in (found.density, found.view, found.noise))
        element = frame(x)
        assert element.isfinite().all()
        torch.testing.assert_close(element[:3], torch.eye(3).expand(3, 3, 3))


def adopted(x: Tensor) -> RobustAffineFrame:
    frame = RobustAffineFrame(GROUP, robust=True)
    frame.adopt(x)
    return frame


# -- circles and the template --------------------------------------------------------------------


def test_a_turn_is_a_circular_shift() -> None:
    image = clean(strokes(3, 57)).density.double()
    eye, centre = torch.eye(2).double().expand(3, 2, 2), torch.zeros(3, 2).double()
    samples = polar_samples(image, eye, centre)
    assert samples.shape == (3, RADII, ANGLES)
    quarter = polar_samples(torch.rot90(image, 1, (1, 2)), eye, centre)
    torch.testing.assert_close(quarter, samples.roll(-ANGLES // 4, 2), atol=1e-9, rtol=0)
    by_angle = polar_samples(
        image, eye, centre, torch.full((3,), 2 * math.pi / ANGLES, dtype=torch.float64)
    )
    torch.testing.assert_close(by_angle, samples.roll(-1, 2), atol=1e-9, rtol=0)


def test_highest_point_of_a_smooth_curve() -> None:
    phi = torch.tensor([0.3, -2.9, 3.1, 1.0], dtype=torch.float64)
    theta = torch.arange(ANGLES, dtype=torch.float64) * (2 * math.pi / ANGLES)
    away = theta - phi[:, None]
    curve = away.cos() + 0.6 * (2 * away).cos()
    found = highest(torch.fft.rfft(curve))
    torch.testing.assert_close(found.angle, phi, atol=2e-3, rtol=0)
    # opposite is -1 + .6, and beyond 45 degrees the curve falls from cos 45
    rival = math.cos(math.pi / 4 + math.pi / 64) + 0.6 * math.cos(math.pi / 2 + math.pi / 32)
    torch.testing.assert_close(found.gap, (1.6 - rival) * torch.ones(4).double(), atol=0.1, rtol=0)
    near = highest(torch.fft.rfft(curve), within=0.5).angle
    torch.testing.assert_close(near[0], phi[0], atol=2e-3, rtol=0)
    assert (near.abs() <= 0.5 + math.pi / 64).all()


def test_congealing_finds_one_shape_among_its_turns() -> None:
    generator = torch.Generator().manual_seed(0)
    shape = torch.randn(RADII, ANGLES, generator=generator)
    places = torch.randint(ANGLES, (40,), generator=generator).tolist()
    samples = torch.stack([shape.roll(k, 1) for k in places])
    samples = samples + 0.3 * torch.randn(samples.shape, generator=generator)
    turn = TemplateTurn()
    turn.fit(samples)
    torch.testing.assert_close(turn.template.norm(), torch.tensor(1.0))
    step = turn(samples).angle / (2 * math.pi / ANGLES) - torch.tensor(places)
    residual = (step - step[0] + ANGLES / 2) % ANGLES - ANGLES / 2
    assert residual.abs().max() < 0.5
    assert torch.equal(congealed(samples), congealed(samples))


# -- the frame -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_copies_have_one_frame_whatever_happened_to_them(
    fitted: RobustAffineFrame, kind: str
) -> None:
    x = strokes(48, seed=3)
    g = GROUP.sample(48, generator=torch.Generator().manual_seed(1))
    copies = corrupted(GROUP.apply(g, x).clamp(-1, 1), kind)
    expected = GROUP.compose(fitted(x), g)
    found = fitted(copies)
    assert (turn_between(found, expected) < 0.35).float().mean() > 0.95
    change = found @ torch.linalg.inv(expected)
    assert (change[:, :2, 2].norm(dim=1)).median() < 0.06


@pytest.mark.parametrize("fit", ["affine", "similarity", "isometry", "shift"])
def test_quarter_turns_of_noisy_images_are_exact(fit: Any) -> None:
    frame = RobustAffineFrame(GROUP, fit=fit, robust=True)
    frame.adopt(strokes(100))
    x = corrupted(strokes(8), "noise").double()
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).double()
    expected = frame(x) @ quarter if fit != "shift" else quarter.T @ frame(x) @ quarter
    turned = frame(torch.rot90(x, 1, (2, 3)))
    torch.testing.assert_close(turned, expected, atol=1e-6, rtol=0)


def test_confidence_falls_where_turns_go_wrong(fitted: RobustAffineFrame) -> None:
    x = strokes(64, seed=7)
    bars = x + torch.rot90(x, 2, (2, 3)) + 1  # the same turned by a half
    sure, unsure = fitted.confidence(x), fitted.confidence(bars.clamp(-1, 1))
    assert sure is not None
    assert unsure is not None
    assert ((sure > 0) & (sure < 1)).all()
    assert sure.median() > 0.95
    assert unsure.median() < sure.quantile(0.05)


def test_trust_is_a_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    score = torch.rand(4000, generator=generator)
    agree = torch.rand(4000, generator=generator) < torch.sigmoid(6 * score - 2)
    line = fitted_trust(score, agree)
    torch.testing.assert_close(line, torch.tensor([6.0, -2.0]), atol=0.5, rtol=0)
    always = fitted_trust(torch.full((98,), 0.3), torch.ones(98) > 0)
    assert torch.sigmoid(0.3 * always[0] + always[1]) > 0.95
    torch.testing.assert_close(torch.sigmoid(always[1]), torch.tensor(0.5), atol=0.1, rtol=0)


# -- which frame is used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "robust", "used"),
    [
        ("clean", "auto", False),
        ("clean", True, True),
        ("noise", "auto", True),
        ("noise", False, False),
        ("light", "auto", True),
        ("ramp", "auto", True),
        ("spikes", "auto", True),
    ],
)
def test_data_decide_which_frame_is_used(kind: str, robust: Any, used: bool) -> None:
    frame = RobustAffineFrame(GROUP, robust=robust)
    x = corrupted(strokes(60), kind)
    said = frame.adopt(x)
    assert bool(frame.used) == used
    assert (said is None) == (robust is False)
    assert torch.equal(frame(x), AffineFrame(GROUP)(x)) != used
    assert (frame.confidence(x) is None) != used


def test_frames_that_were_saved_are_the_same_and_older_ones_load(
    fitted: RobustAffineFrame,
) -> None:
    x = corrupted(strokes(6), "light")
    again = RobustAffineFrame(GROUP)
    again.load_state_dict(fitted.state_dict())
    assert torch.equal(again(x), fitted(x))
    network = FrameNetwork(GROUP, (1, 28, 28), widths=[8], affine={"robust": True})
    older = {k: v for k, v in network.state_dict().items() if k.startswith("residual")}
    network.load_state_dict(older)
    plain = AffineFrame(GROUP)(x)
    torch.testing.assert_close(network(x), plain)


def test_robust_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="robust must be auto, true or false, got 'yes'"):
        build_frame(GROUP, {"robust": "yes"})


# -- what comes in from outside ------------------------------------------------------------------


def test_copies_of_light_images_have_no_black_wedges() -> None:
    x = corrupted(strokes(4), "light")
    g = GROUP.sample(4, generator=torch.Generator().manual_seed(0))
    copies = GROUP.apply(g, x)
    assert copies[..., 0, 0].min() > 0.99
    torch.testing.assert_close(copies, -GROUP.apply(g, -x))  # the negative of dark copies
    black = AffineGroup(SIX, fill="black").apply(g, x)
    torch.testing.assert_close(black, warp(x, g))
    assert black.amin() < -0.99
    assert torch.equal(GROUP.apply(g, -x), warp(-x, g))
    with pytest.raises(ValueError, match="fill must be one of"):
        AffineGroup(SIX, fill="white")  # type: ignore[arg-type]


def test_border_is_the_median_of_the_outermost_pixels() -> None:
    x = torch.full((1, 2, 4, 5), 0.7)
    x[0, 0, 1:3, 1:4] = -1
    x[0, 1, 0] = 0.1  # 5 of 14
    torch.testing.assert_close(border(x), torch.tensor([[0.7, 0.7]]))


def test_the_front_end_has_single_precision_under_autocast():
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = clean(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = clean(x)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)

"""The loss of SGM against its definition, with inference networks whose answer is known."""

import math

import pytest
import torch
from torch import nn

from symmetry_pl.groups import AffineGroup
from symmetry_pl.sgm.blur import gaussian_blur
from symmetry_pl.sgm.inference import InferenceNetwork, MLPInference
from symmetry_pl.sgm.orbits import copies_of, iterated, orbit_groups
from symmetry_pl.sgm.self_supervision import self_supervision

GROUP = AffineGroup([0.2, 0.2, math.pi, 0.1, 0.1, 0.1], chart="polar")


def blobs(count, size=32, dtype=torch.float64):
    """Smooth pictures without a symmetry, away from the frame."""
    line = torch.linspace(-1, 1, size, dtype=dtype)
    y, x = torch.meshgrid(line, line, indexing="ij")
    images = torch.zeros(count, 1, size, size, dtype=dtype)
    for i in range(count):
        for cx, cy, a in ((0.1, 0.0, 1.0), (-0.2, 0.1 + 0.02 * i, 0.8), (0.05, -0.25, 0.6)):
            images[i, 0] += a * torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 0.02)
    return images.clamp(max=1) * 2 - 1


class Oracle(InferenceNetwork):
    """Answers the elements it was told, in the order of its calls."""

    def __init__(self, *answers):
        super().__init__(GROUP)
        self.answers = list(answers)

    def forward(self, x, perturbation=None):
        return self.answers.pop(0)


def elements(count, seed=0):
    u = torch.rand(count, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return GROUP.element(GROUP.from_uniform(u))


def test_an_equivariant_answer_has_no_loss():
    """f(T_g x) = f(x) then g: what is composed is the identity, whatever the prototype."""
    x, first, second, any_frame = blobs(3), elements(6), elements(6, 1), elements(3, 2)
    frame = any_frame.repeat_interleave(2, 0)
    answers = [GROUP.compose(frame, first), GROUP.compose(frame, second)]
    found = self_supervision(GROUP, Oracle(*answers), x, first, second)
    assert found.mse.item() < 1e-20
    asymmetric = Oracle(GROUP.compose(frame, first), any_frame)
    assert self_supervision(GROUP, asymmetric, x, first).mse.item() < 1e-20


def test_loss_is_that_of_the_four_warps_in_their_order():
    """Successive warps of a smooth picture, eq. 24, give the composed one up to interpolation."""
    x, first, second = blobs(2, 64), elements(2, 3), elements(2, 4)
    f1, f2 = elements(2, 5), elements(2, 6)
    found = self_supervision(GROUP, Oracle(f1, f2), x, first, second).mse
    carried = x
    for element in (first, GROUP.inverse(f1), f2, GROUP.inverse(second)):
        carried = GROUP.apply(element, carried)
    assert found == pytest.approx((carried - x).square().mean().item(), rel=0.05)


def test_invertibility_notices_what_leaves_the_frame():
    x, first = blobs(2), elements(2)
    away = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    away[:, 0, 2] = 1.5
    lost = self_supervision(GROUP, Oracle(away, away), x, first, first, invertibility=True)
    kept = self_supervision(GROUP, Oracle(first, first), x, first, first, invertibility=True)
    assert lost.invertibility > 20 * kept.invertibility
    assert kept.invertibility > 0  # two interpolations


def test_mlp_begins_at_the_identity_and_gets_gradients():
    infer = MLPInference(GROUP, (1, 32, 32), [24, 16]).double()
    x = blobs(4)
    assert torch.allclose(infer(x), GROUP.identity(4, dtype=torch.float64))
    with torch.no_grad():
        infer.head.weight.normal_(std=0.01, generator=torch.Generator().manual_seed(0))
    loss = self_supervision(GROUP, infer, x, elements(4), elements(4, 1), invertibility=True)
    (loss.mse + loss.invertibility).backward()
    for name, parameter in infer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_mlp_has_the_published_number_of_parameters():
    group = AffineGroup([0.25] * 5)
    infer = MLPInference(group, (1, 28, 28))
    assert sum(p.numel() for p in infer.parameters()) == 4_370_949


def test_squashed_coordinates_stay_inside_the_bounds():
    infer = MLPInference(GROUP, (1, 32, 32), [8], squash=True).double()
    nn.init.constant_(infer.head.bias, 9.0)
    eta = GROUP.coordinates(infer(blobs(2)))
    # at the bound the angle of π is also that of −π
    assert torch.allclose(
        eta.abs(), torch.tensor(GROUP.bounds, dtype=torch.float64).expand(2, 6), atol=1e-6
    )
    further = infer(blobs(2), torch.full((2, 6), 50.0))
    assert torch.allclose(further, infer(blobs(2)), atol=1e-6)


def test_blur_keeps_the_background_and_the_mass_and_fades():
    x = blobs(1)
    assert gaussian_blur(x, 0.0) is x
    blurred = gaussian_blur(x, 1.0)
    assert torch.allclose(gaussian_blur(torch.full_like(x, -1.0), 3.0), torch.full_like(x, -1.0))
    assert (blurred + 1).sum() == pytest.approx((x + 1).sum().item(), rel=1e-3)
    assert blurred.max() < x.max()
    weights = torch.exp(-torch.tensor([4.0, 1.0, 0.0, 1.0, 4.0]).double() / 2)
    weights /= weights.sum()
    point = torch.full((1, 1, 9, 9), -1.0, dtype=torch.float64)
    point[0, 0, 4, 4] = 0.0
    spread = gaussian_blur(point, 1.0)[0, 0, 2:7, 2:7] + 1
    assert torch.allclose(spread, torch.outer(weights, weights))


def test_copies_by_the_oracle_have_no_spread():
    x, g = blobs(3), elements(12, 7)
    frame = elements(3, 8).repeat(4, 1, 1)
    found = copies_of(GROUP, Oracle(GROUP.compose(frame, g)), x, g)
    assert found.composed.shape == (4, 3, 1, 32, 32)
    assert found.composed.var(0).max() < 1e-20
    assert found.copies.var(0).max() > 0.01
    # brought back by the true element, the picture is x but for two interpolations
    assert (found.floor - x).square().mean() < 0.05 * (found.copies - x).square().mean()


def test_iterates_compose():
    x = blobs(2)
    first, then = elements(2, 9), elements(2, 10)
    found, prototypes = iterated(GROUP, Oracle(first, then), x, 2)
    assert torch.equal(found[0], first)
    assert torch.equal(found[1], then)
    back = GROUP.compose(GROUP.inverse(first), GROUP.inverse(then))
    assert torch.allclose(prototypes[0], GROUP.apply(GROUP.inverse(first), x))
    assert torch.allclose(prototypes[1], GROUP.apply(back, x))


def test_orbits_draw_each_kind_alone():
    groups = orbit_groups("affine", {"bounds": [0.1, 0.2, 3.0, 0.3, 0.4, 0.5], "chart": "polar"})
    assert groups["shift"].bounds == (0.1, 0.2, 0, 0, 0, 0)
    assert groups["five"].bounds == (0.1, 0.2, 3.0, 0.3, 0.4, 0)
    assert groups[""].bounds == (0.1, 0.2, 3.0, 0.3, 0.4, 0.5)
    one = orbit_groups("affine", {"bounds": [0, 0, 3.0, 0, 0]})
    assert list(one) == [""]
    colour = orbit_groups("color", {"bounds": [0.5, 2.301, 0.51]})
    assert list(colour) == ["", "hue", "saturation", "value"]
    both = orbit_groups("affine_color", {"affine_bounds": [0.1, 0, 3.0, 0.3, 0.4]})
    assert list(both) == ["", "hue", "saturation", "value", "shift", "rotation", "scale"]
    assert both["scale"].bounds == (0, 0, 0, 0, 0, 0, 0.3, 0.4)


def test_orbits_of_other_bounds():
    five = {"bounds": [0.1, 0.2, 3.0, 0.3, 0.4]}
    groups = orbit_groups("affine", five, bounds=[0.1] * 6, wide=[0.7] * 5)
    assert groups[""].bounds == (0.1,) * 6
    assert groups["shear"].bounds == (0,) * 5 + (0.1,)
    assert groups["wide"].bounds == (0.7,) * 5
    assert orbit_groups("color", {}, bounds=[0.1, 0, 0])[""].offset == (0.5, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"bounds of ColorGroup must be 3 numbers .*, got 2"):
        orbit_groups("color", {}, wide=[0.1, 0.1])

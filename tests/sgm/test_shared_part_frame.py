"""Frames of shapes that are seen once: a part that all share, and principal axes."""

from functools import lru_cache

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules.clouds.molecule_shapes import own_axes
from symmetry_pl.groups import build_cloud_group
from symmetry_pl.groups.rotations import rotation_angle
from symmetry_pl.sgm.principal_frame import PrincipalFrame
from symmetry_pl.sgm.shared_part_frame import SharedPartFrame, corners

SO3 = build_cloud_group("so3")
PART = torch.tensor([[0.0, 0.0, 0.0], [1.2, 0.0, 0.0], [-0.7, 1.2, 0.0]])
MAKE = {"principal": PrincipalFrame, "shared_part": SharedPartFrame}


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def shapes(count=200, points=9):
    """A part in one pose among other points, all of them in any order, some missing."""
    x = 2 * torch.randn(count, points, 3, generator=draws())
    x[:, :3] = PART + 0.01 * torch.randn(count, 3, 3, generator=draws(1))
    x[::2, -1] = torch.nan
    order = torch.rand(count, points, generator=draws(2)).argsort(1)
    x = x - x[:, 3:4]  # the part is anywhere
    return x.gather(1, order[..., None].expand_as(x))


@lru_cache
def adopted(name):
    x = shapes()
    frame = MAKE[name](SO3, x.shape[1:])
    return frame, frame.adopt(x)


@pytest.mark.parametrize("name", MAKE)
def test_turned_copies_differ_by_their_rotations(name):
    x = shapes().double()
    frame, _ = adopted(name)
    turn = SO3.sample(len(x), generator=draws(3), dtype=torch.float64)
    moved = SO3.apply(turn, x)[:, torch.randperm(9, generator=draws(4))]
    element = frame(x)
    torch.testing.assert_close(frame(moved), turn @ element, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(element), torch.ones(len(x)).double())
    noise = 0.1 * torch.randn(len(x), 3, generator=draws(5), dtype=torch.float64)
    before = element @ SO3.element(noise * torch.tensor(SO3.bounds))
    torch.testing.assert_close(frame(x, noise), before, atol=1e-6, rtol=0)


def test_a_part_that_all_shapes_have_is_their_frame():
    x = shapes()
    frame, said = adopted("shared_part")
    assert said.startswith("found a part of three points, ")
    known = torch.cdist(PART, PART)[[0, 0, 1], [1, 2, 2]].sort().values
    torch.testing.assert_close(frame.lengths.sort().values, known, atol=0.01, rtol=0)
    element = frame(x)
    apart = rotation_angle(element[:, None], element).median(1).values.rad2deg()
    assert (
        float((rotation_angle(element, element[apart.argmin()]).rad2deg() < 5).double().mean())
        > 0.9
    )
    sure = frame.confidence(x)
    assert float((sure > 0.9).double().mean()) > 0.8
    without = 2 * torch.randn(200, 9, 3, generator=draws(9))
    assert float(frame.confidence(without).mean()) < 0.3


def test_corners_are_a_point_and_two_of_its_neighbours():
    x = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [torch.nan] * 3]])
    lengths, places = corners(x)
    found = {tuple(p): w for p, w in zip(places[0].tolist(), lengths[0], strict=True)}
    assert len(found) == 4 * 3 * 2
    torch.testing.assert_close(found[0, 1, 2], torch.tensor([1, 2, 5**0.5]))
    assert sum(float(w[0]) < 1e5 for w in found.values()) == 6


def test_shapes_without_any_corner_have_a_frame_all_the_same():
    frame, _ = adopted("shared_part")
    line = torch.linspace(-1, 1, 9)[:, None] * torch.ones(3)
    missing = torch.full((9, 3), torch.nan)
    missing[:2] = torch.randn(2, 3, generator=draws())
    found = frame(torch.stack([line, missing]))
    assert found.isfinite().all()
    with pytest.raises(ValueError, match="clouds must have 3 points at least"):
        frame.adopt(missing[None])


def test_principal_axes_are_those_of_numpy():
    x = torch.randn(20, 7, 3, generator=draws(), dtype=torch.float64)
    x = x - x.mean(1, keepdim=True)
    turned = x @ PrincipalFrame(SO3, (7, 3))(x)
    np.testing.assert_allclose(turned, np.stack([own_axes(one.numpy()) for one in x]), atol=1e-8)


def test_groups_without_such_a_frame_are_refused():
    gl2, so2 = build_cloud_group("gl2"), build_cloud_group("so2")
    with pytest.raises(ValueError, match="no principal axes for a PositiveLinear"):
        PrincipalFrame(gl2, (5, 2))
    with pytest.raises(ValueError, match="no frame by a shared part for a SpecialOrthogonal"):
        SharedPartFrame(so2, (5, 2))
    with pytest.raises(ValueError, match="a shared part has 3 points, and clouds have 2"):
        SharedPartFrame(SO3, (2, 3))

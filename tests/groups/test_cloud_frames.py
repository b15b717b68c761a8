"""Poses of ordered clouds: exact, equivariant, with points missing."""

import pytest
import torch

from symmetry_pl.groups import build_cloud_group
from symmetry_pl.groups.cloud_frames import linear_frame, rigid_frame
from symmetry_pl.testing import assert_equivariant


@pytest.fixture
def draws():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("name", "moves"), [("so2", 0), ("so3", 0), ("se2", 1), ("se3", 1)])
def test_poses_are_found_with_points_missing(name, moves, draws):
    group = build_cloud_group(name)
    reference = torch.randn(9, group.points, generator=draws, dtype=torch.float64)
    g = group.sample(20, generator=draws, dtype=torch.float64)
    x = group.apply(g, reference.expand(20, -1, -1))
    weights = (torch.rand(20, 9, generator=draws) < 0.7).double()
    weights[:, :4] = 1
    x = torch.where(weights[..., None] > 0, x, torch.nan)
    assert group.distance(rigid_frame(x, reference, weights, bool(moves)), g).max() < 1e-7


@pytest.mark.parametrize("name", ["so2", "so3", "se3"])
def test_frames_of_other_clouds_are_equivariant(name, draws):
    group = build_cloud_group(name)
    reference, x = torch.randn(2, 6, 7, group.points, generator=draws, dtype=torch.float64)
    moves = name == "se3"
    assert_equivariant(
        lambda x: rigid_frame(x, reference[0], None, moves), group, x, tolerance=1e-7
    )


def test_rotations_are_the_best_ones(draws):
    group = build_cloud_group("so3")
    reference, x = torch.randn(2, 1, 7, 3, generator=draws, dtype=torch.float64)
    best = (x - group.apply(rigid_frame(x, reference[0]), reference)).square().sum()
    others = group.sample(500, generator=draws, dtype=torch.float64)
    moved = group.apply(others, reference.expand(500, -1, -1))
    assert best <= (x - moved).square().sum((1, 2)).min()
    mirrored = rigid_frame(-reference, reference[0])
    assert torch.linalg.det(mirrored)[0] > 0.99


def test_linear_maps_are_found(draws):
    group = build_cloud_group("gl2")
    reference = torch.randn(5, 2, generator=draws, dtype=torch.float64)
    g = group.sample(20, generator=draws, dtype=torch.float64)
    x = group.apply(g, reference.expand(20, -1, -1))
    torch.testing.assert_close(linear_frame(x, reference), g)
    torch.testing.assert_close(linear_frame(x, reference, torch.tensor([1, 1, 0, 0, 0])), g)


def test_what_has_no_pose_is_one_sentence():
    x = torch.ones(2, 4, 3)
    for arguments, message in [
        ((x, x[0, :3]), r"got \(2, 4, 3\) and \(3, 3\)"),
        ((x, x[0], torch.ones(3)), r"one a point, got \(3,\)"),
        ((x, x[0], -torch.ones(4)), "at least 0"),
        ((x, x[0], torch.zeros(4)), "no point with weight"),
    ]:
        with pytest.raises(ValueError, match=message):
            rigid_frame(*arguments)
    with pytest.raises(ValueError, match="do not span the space"):
        linear_frame(x, x[0])

"""Groups that act on clouds of points: their laws, distances, reference measures and registry."""

import math

import pytest
import torch

from symmetry_pl import SGM
from symmetry_pl.groups import (
    CloudGroup,
    SpecialOrthogonal,
    build_cloud_group,
    build_group,
    register,
)
from symmetry_pl.groups.rotations import quaternion_of, rotation_angle, rotation_of, rotation_vector
from symmetry_pl.testing import assert_equivariant, assert_group, assert_invariant

NAMES = ["so2", "o2", "gl2", "se2", "sim2", "so3", "o3", "se3", "sim3"]
COMPACT = ["so2", "o2", "so3", "o3"]


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(name, count=64):
    group = build_cloud_group(name)
    return group, group.sample(3 * count, generator=draws(), dtype=torch.float64).view(
        3, count, *group.element_shape
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_group_laws(name, dtype):
    group = build_cloud_group(name)
    errors = assert_group(group, dtype=dtype, count=64)
    assert "a composed element acts as its parts in turn" in errors
    assert group.element(torch.zeros(2, group.dim)).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_drawn_elements_are_closed_and_have_coordinates(name):
    group, (a, b, _) = drawn(name)
    for g in (a, group.compose(a, b), group.inverse(a)):
        there = group.element(group.coordinates(g))
        assert group.distance(there, g).max() < 1e-7  # of a turn by π nearly
    x = torch.randn(64, 7, group.points, generator=draws(), dtype=torch.float64)
    twice = group.apply(b, group.apply(a, x))
    torch.testing.assert_close(group.apply(group.compose(a, b), x), twice)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "gl2"])
def test_distances_are_metrics_that_acting_afterwards_leaves_alone(name):
    group, (a, b, c) = drawn(name)
    d = group.distance
    torch.testing.assert_close(d(a, b), d(b, a))
    assert d(a, a).max() < 1e-7
    assert (d(a, c) <= d(a, b) + d(b, c) + 1e-9).all()
    torch.testing.assert_close(d(group.compose(a, c), group.compose(b, c)), d(a, b))
    if name in COMPACT:
        torch.testing.assert_close(d(group.compose(c, a), group.compose(c, b)), d(a, b))


def test_distance_of_linear_maps_is_that_of_entries():
    group, (a, b, _) = drawn("gl2")
    torch.testing.assert_close(group.distance(a, b), (a - b).square().sum((1, 2)).sqrt())


def test_uniform_laws_have_the_moments_of_haar_measure():
    turns = SpecialOrthogonal(3).sample(20_000, generator=draws(), dtype=torch.float64)
    angle = rotation_angle(turns, torch.eye(3).double())
    assert abs(angle.mean() - (math.pi / 2 + 2 / math.pi)) < 0.02
    assert turns.mean(0).abs().max() < 0.02
    assert abs(turns.square().mean() - 1 / 3) < 0.01
    flips = build_cloud_group("o3").sample(4000, generator=draws())
    assert abs((torch.det(flips) < 0).float().mean() - 0.5) < 0.03
    for name, volume in [("so2", 2), ("o2", 4), ("so3", 8 * math.pi), ("o3", 16 * math.pi)]:
        assert build_cloud_group(name).log_volume == pytest.approx(math.log(volume * math.pi))
    assert build_cloud_group("se3").log_volume is None


def test_rotation_vectors_are_exact_near_the_identity_and_half_turns():
    axis = torch.nn.functional.normalize(torch.randn(50, 3, generator=draws()).double(), dim=1)
    for angle in (0.0, 1e-9, 1e-4, 1.0, math.pi - 1e-6):
        vector = angle * axis
        torch.testing.assert_close(rotation_vector(rotation_of(vector)), vector, rtol=0, atol=1e-9)
    half = rotation_vector(rotation_of(math.pi * axis))
    torch.testing.assert_close((half * axis).sum(1).abs(), torch.full((50,), math.pi).double())
    q = quaternion_of(rotation_of(math.pi * axis))
    torch.testing.assert_close(q.norm(dim=1), torch.ones(50).double())
    zero = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    rotation_vector(rotation_of(zero)).sum().backward()
    torch.testing.assert_close(zero.grad, torch.ones(1, 3).double())


def test_motions_agree_with_the_matrix_exponential():
    group = build_cloud_group("sim3")
    eta = torch.tensor([[0.3, -0.2, 0.5, 0.4, 1.0, -0.3, 0.25]], dtype=torch.float64)
    rho, w, scale = eta[0, :3], eta[0, 3:6], eta[0, 6]
    algebra = torch.zeros(4, 4, dtype=torch.float64)
    algebra[:3, :3] = torch.linalg.cross(w.expand(3, 3), torch.eye(3).double()).T
    algebra[:3, :3] += scale * torch.eye(3)
    algebra[:3, 3] = rho
    torch.testing.assert_close(group.element(eta)[0], torch.linalg.matrix_exp(algebra))


def test_frames_are_equivariant_and_their_prototypes_are_not_moved():
    group = SpecialOrthogonal(2)
    x = torch.randn(5, 4, 2, generator=draws(), dtype=torch.float64)

    def frame(x):
        """The rotation of the first point from the x-axis."""
        return rotation_of(torch.atan2(x[:, :1, 1], x[:, :1, 0]))

    assert_equivariant(frame, group, x, tolerance=1e-9)
    assert_invariant(lambda x: group.apply(group.inverse(frame(x)), x), group, x, tolerance=1e-9)


class Shear(CloudGroup):
    """(x, y) ↦ (x + s y, y): a group of a user's own."""

    def __init__(self):
        super().__init__(2, ["shear"], [""], [1.0])

    def element(self, eta):
        one = torch.eye(2, dtype=eta.dtype).repeat(*eta.shape[:-1], 1, 1)
        one[..., 0, 1] = eta[..., 0]
        return one

    def coordinates(self, element):
        return element[..., 0, 1:]


def test_groups_of_ones_own_and_wrong_ones():
    register("shear", Shear)
    assert_group(build_cloud_group("shear"))
    assert_group(build_cloud_group(f"{__name__}.Shear"))
    with pytest.raises(ValueError, match="'so3' gives a SpecialOrthogonal, which is no ImageGroup"):
        build_group("so3")
    with pytest.raises(ValueError, match="inference 'frame' is for images: take mlp or ordered"):
        SGM(group="so3")
    with pytest.raises(ValueError, match="which is no CloudGroup"):
        build_cloud_group("color")
    with pytest.raises(ValueError, match="2 or 3 dimensions, got 4"):
        SpecialOrthogonal(4)
    with pytest.raises(ValueError, match=r"must have the shape \(n, 3\), got \(5, 2\)"):
        SpecialOrthogonal(3).apply(torch.eye(3)[None], torch.zeros(1, 5, 2))
    with pytest.raises(ValueError, match="positive determinant"):
        build_cloud_group("gl2").coordinates(torch.diag(torch.tensor([1.0, -1.0])))

"""Frames of unordered clouds: objects told apart, rotations found, symmetric objects said."""

import pytest
import torch

from symmetry_pl.datamodules import RandomShapesDataModule
from symmetry_pl.groups import build_cloud_group, named_subgroup
from symmetry_pl.groups.rotations import rotation_angle
from symmetry_pl.sgm.registration import Templates, register, starts
from symmetry_pl.sgm.unordered_frame import UnorderedFrame, shape_densities

SO3 = build_cloud_group("so3")


def shapes(**options):
    data = RandomShapesDataModule(
        **{
            "group": "SO(3)", "shapes": 6, "cloud_size": 60, "shuffle": True, "samples": 120,
            "eval_samples": 60, **options,
        }
    )  # fmt: skip
    data.setup()
    return data


def adopted(data):
    frame = UnorderedFrame(SO3, data.description.x_shape)
    return frame, frame.adopt(data.split("train").x)


@pytest.mark.parametrize(
    ("options", "degrees", "share"), [({}, 0.1, 1.0), ({"missing": 6, "noise": 0.02}, 4.0, 0.95)]
)
def test_turned_copies_differ_by_their_rotations(options, degrees, share):
    data = shapes(**options)
    frame, said = adopted(data)
    assert said == "found 6 objects"
    x = data.split("test").x
    turn = SO3.sample(60, generator=torch.Generator().manual_seed(1))
    moved = SO3.apply(turn, x)[:, torch.randperm(60, generator=torch.Generator().manual_seed(2))]
    error = rotation_angle(frame(moved), turn @ frame(x)).rad2deg()
    assert float((error < degrees).double().mean()) >= share
    assert float((frame.confidence(x) > 0.5).double().mean()) >= share


def test_a_symmetric_object_is_said_and_not_sure():
    data = shapes(shapes=2, samples=60)
    base = data.base_shapes()
    half = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
    base[1, 30:] = base[1, :30] @ half  # one with an axis of order 2
    data._shapes = base
    frame, said = adopted(data)
    assert said.startswith("found 2 objects, 1 of them symmetric")
    x = data.split("test").x
    symmetric = frame.symmetric[frame.found(x)[1]]
    sure = frame.confidence(x)
    assert float(sure[symmetric].max()) < 0.4 < 0.6 < float(sure[~symmetric].median())


def test_densities_know_neither_order_nor_pose():
    x = shapes().split("test").x[:5]
    turn = SO3.sample(5, generator=torch.Generator().manual_seed(1))
    other = SO3.apply(turn, x).flip(1)
    one = shape_densities(x, 1.0)
    torch.testing.assert_close(one, shape_densities(other, 1.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(one.sum(1), torch.full((5,), 2.0))


def test_a_rotation_of_the_plane_is_found():
    cloud = torch.randn(1, 30, 2, generator=torch.Generator().manual_seed(0))
    turns = named_subgroup("C7", points=2).elements.float()
    found = register(cloud @ turns.mT, Templates.of(cloud, 1.4), torch.zeros(7, dtype=torch.long))
    assert rotation_angle(found.rotation, turns).max() < 1e-3
    assert (found.rival > 3 * found.residual).all()


def test_starts_are_within_reach_of_every_rotation():
    drawn = SO3.sample(300, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    apart = torch.stack([rotation_angle(drawn, one) for one in starts(3)])
    assert apart.min(0).values.max().rad2deg() < 63


def test_frames_that_are_not_ready_say_so():
    with pytest.raises(ValueError, match="no frame of unordered clouds for a PositiveLinear"):
        UnorderedFrame(build_cloud_group("gl2"), (5, 2))
    with pytest.raises(ValueError, match="train with a datamodule"):
        UnorderedFrame(SO3, (5, 3))(torch.randn(2, 5, 3))
    with pytest.raises(ValueError, match="objects must be at least 1"):
        UnorderedFrame(SO3, (5, 3), objects=0)


def test_a_checkpoint_brings_its_templates():
    data = shapes()
    frame, _ = adopted(data)
    other = UnorderedFrame(SO3, (60, 3))
    other.load_state_dict(frame.state_dict())
    x = data.split("test").x
    torch.testing.assert_close(other(x), frame(x))

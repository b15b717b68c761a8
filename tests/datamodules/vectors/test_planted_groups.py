"""Laws with planted groups: what ``extra`` says is a symmetry of what is drawn."""

import numpy as np
import pytest
import torch

from symmetry_pl.datamodules import PlantedGroupsDataModule
from symmetry_pl.datamodules.vectors.planted_groups import planted_group, torus_closure

COMPACT = [
    {"group": "rotations", "dim": 5, "frequencies": [1.0, 2.0]},
    {"group": "rotations", "dim": 4, "frequencies": [1.0, 2**0.5]},
    {"group": "so3_vectors", "dim": 6},
    {"group": "so3_tensors", "dim": 6},
]


@pytest.mark.parametrize(
    ("frequencies", "dimension"),
    [((1, 2), 1), ((1, 2**0.5), 2), ((1, 2**0.5, 1 + 2**0.5), 2), ((1, 2, 2**0.5), 2), ((2, 3), 1)],
)
def test_closure_has_one_dimension_for_each_independent_frequency(frequencies, dimension):
    closure = torus_closure(frequencies)
    assert closure.shape == (dimension, len(frequencies))
    inside = closure.T @ closure @ np.array(frequencies)
    assert inside == pytest.approx(np.array(frequencies))


@pytest.mark.slow
@pytest.mark.parametrize("options", COMPACT)
def test_second_and_third_moments_are_left_alone(options):
    data = PlantedGroupsDataModule(samples=40_000, dtype="float64", **options)
    x = data.split("train").x.numpy()
    second = x.T @ x / len(x)
    third = np.einsum("na,nb,nc->abc", x, x, x, optimize=True) / len(x)
    for one in np.array(data.description.extra["algebra"]):
        change = one @ second + second @ one.T
        assert np.linalg.norm(change) < 0.05 * np.linalg.norm(one) * np.linalg.norm(second)
        moved = np.einsum("ad,dbc->abc", one, third)
        moved = moved + np.einsum("bd,adc->abc", one, third) + np.einsum("cd,abd->abc", one, third)
        size = np.linalg.norm(third) + np.linalg.norm(second) ** 1.5
        assert np.linalg.norm(moved) < 0.1 * np.linalg.norm(one) * size


@pytest.mark.parametrize("group", ["so3_vectors", "so3_tensors"])
def test_generators_have_the_brackets_of_so3(group):
    x = planted_group(group, 6).algebra
    assert x[0] @ x[1] - x[1] @ x[0] == pytest.approx(x[2])
    assert x[1] @ x[2] - x[2] @ x[1] == pytest.approx(x[0])


def test_samples_depend_on_seed_and_index_alone():
    few, many = (PlantedGroupsDataModule(samples=n).split("train").x for n in (10, 5000))
    other = PlantedGroupsDataModule(samples=10, split_seed=1).split("train").x
    assert torch.equal(few, many[:10])
    assert not torch.equal(few, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "so3_vectors", "dim": 4}, "data.dim must be a multiple of 3"),
        ({"group": "so3_tensors", "dim": 5}, "data.dim must be 6"),
        ({"frequencies": [1.0, 2.0, 3.0]}, "data.frequencies needs 1 to 2 numbers"),
        ({"frequencies": [0.0]}, "not all 0"),
        ({"group": "sl"}, "data.group must be"),
        ({"spread": -1.0}, "data.spread must be at least 0"),
    ],
)
def test_bad_options_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        PlantedGroupsDataModule(**options)

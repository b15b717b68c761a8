"""Planted groups that are no shift: how many generators are found, and how exactly."""

from __future__ import annotations

from symmetry_pl.reproduce.experiment import Experiment, System

_SEEDS = tuple(range(10))
_SAMPLES = 60_000
_FEWER = (2_000, 6_000, 20_000)

GROUPS: dict[str, tuple[str, ...]] = {
    "rotations_1_2": ("rotations", "4", "[1,2]"),
    "rotations_1_sqrt2": ("rotations", "4", "[1,1.4142135623730951]"),
    "rotations_1_2_in_5": ("rotations", "5", "[1,2]"),
    "rotations_1_2_3": ("rotations", "6", "[1,2,3]"),
    "one_vector": ("so3_vectors", "3"),
    "two_vectors": ("so3_vectors", "6"),
    "inertia": ("so3_tensors", "6"),
    "none_in_4": ("none", "4"),
    "none_in_6": ("none", "6"),
}
"""Dataset to group, number of columns, and frequencies."""


_GENERATORS = {
    "rotations_1_2": 1,
    "rotations_1_sqrt2": 2,
    "rotations_1_2_in_5": 1,
    "rotations_1_2_3": 1,
    "one_vector": 3,
    "two_vectors": 3,
    "inertia": 3,
}
"""How many LieGAN is told to look for, as it has no way to find out."""


def _data(dataset: str) -> tuple[str, ...]:
    group, dim, *frequencies = GROUPS[dataset]
    return (
        f"--data.group={group}",
        f"--data.dim={dim}",
        *(f"--data.frequencies={one}" for one in frequencies),
    )


def _system(dataset: str, samples: int) -> System:
    return System(
        f"invariance_algebra_{samples}",
        f"{samples:,} samples",
        "lens/groups.yaml",
        dataset,
        own=True,
        overrides=(
            *_data(dataset),
            f"--data.samples={samples}",
            f"--data.batch_size={min(samples, 10_000)}",
        ),
        seeds=_SEEDS,
    )


def _liegan(dataset: str) -> System:
    channels = _GENERATORS[dataset]
    return System(
        "liegan",
        "LieGAN, told the number of generators",
        "lens/liegan_groups.yaml",
        dataset,
        overrides=(*_data(dataset), f"--model.channels={channels}"),
        seeds=_SEEDS[:3],
    )


EXPERIMENT = Experiment(
    name="lens/groups",
    title="Groups that are no shift: number and space of generators",
    dataset="rotations_1_2",
    systems=(
        *(_system("rotations_1_2", samples) for samples in _FEWER),
        *(_system(dataset, _SAMPLES) for dataset in GROUPS),
        *(_liegan(dataset) for dataset in _GENERATORS),
    ),
    metrics=(
        "generators_right",
        "generator_count",
        "generator_angle",
        "generator_angle_random",
        "algebra_cosine",
        "violation",
        "violation_of_next",
        "closure_residual",
    ),
    notes=(
        "Each seed is another law, another general change of basis and another sample. The angle "
        "is the largest principal one, in the coordinates of the data; it is 90 degrees where the "
        "number of generators is not the true one.",
        "A law that rotations of frequencies 1 and √2 leave alone is left alone by the whole "
        "torus: two generators are true.",
        "That true numbers were refused too often was seen on the seeds here; numbers of waves "
        "and samples were then chosen on seeds 100 to 104, the level on 200 to 349.",
    ),
)

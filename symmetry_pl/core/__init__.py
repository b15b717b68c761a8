"""What every family stands on: players, phases, schedules and sums over processes."""

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.distributed import all_reduce_sum, reduction, world_size
from symmetry_pl.core.module import SymmetryModule
from symmetry_pl.core.players import Phase, Player
from symmetry_pl.core.schedules import (
    GeometricGrowth,
    constant,
    named_schedule,
    ramp,
    warmup_cosine,
    within,
)

__all__ = [
    "DataDescription",
    "GeometricGrowth",
    "Phase",
    "Player",
    "SymmetryModule",
    "all_reduce_sum",
    "constant",
    "named_schedule",
    "ramp",
    "reduction",
    "warmup_cosine",
    "within",
    "world_size",
]

"""What every family stands on: players, phases, turns, one evaluation loop, sums over processes."""

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.distributed import all_reduce_sum, reduction, world_size
from symmetry_pl.core.evaluation import Batch, Evaluator, Stage
from symmetry_pl.core.module import SymmetryModule
from symmetry_pl.core.phases import Length, Phases
from symmetry_pl.core.players import Player, PlayerOptions
from symmetry_pl.core.schedules import GeometricGrowth

__all__ = [
    "Batch",
    "DataDescription",
    "Evaluator",
    "GeometricGrowth",
    "Length",
    "Phases",
    "Player",
    "PlayerOptions",
    "Stage",
    "SymmetryModule",
    "all_reduce_sum",
    "reduction",
    "world_size",
]

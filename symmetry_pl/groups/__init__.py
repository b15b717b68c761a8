"""What a transformation is: apply, compose, invert. Nothing is trained here."""

from symmetry_pl.groups.subgroup import (
    OneParameterSubgroup,
    antisymmetric_part,
    crop,
    cycle_logarithm,
    lift_matrix,
    pad,
)

__all__ = [
    "OneParameterSubgroup",
    "antisymmetric_part",
    "crop",
    "cycle_logarithm",
    "lift_matrix",
    "pad",
]

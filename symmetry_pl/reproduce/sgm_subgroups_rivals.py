"""The rivals of SGM on clouds of points: rows of ``sgm/subgroups``, scored as SGM's are."""

from __future__ import annotations

from collections.abc import Mapping

from symmetry_pl.reproduce.experiment import System

__all__ = ["RIVAL_NOTES", "lieflow_rows"]

Options = tuple[str, ...]

RIVAL_NOTES: tuple[str, ...] = (
    "LieFlow: 1,200 steps of 1,000 clouds in place of the published 20,000 (arrow) and 40,000 "
    "(tetrahedron, with 512 units a layer in place of 128) of 1,024, at a rate that falls to a "
    "hundredth, and 100 steps of integration; as published else, times drawn by a power law but "
    "for SO(2).",
)
"""What a reader must know of them."""


def lieflow_rows(plane: Mapping[str, Options], space: Mapping[str, Options]) -> tuple[System, ...]:
    """LieFlow on the arrow and on the tetrahedron.

    Args:
        plane: options of the groups that the arrow's is looked for in, by name.
        space: options of the hidden groups of the tetrahedron, by name.
    """
    arrow = [
        System("lieflow", "LieFlow", "sgm/lieflow_arrow.yaml", f"arrow_{name}", overrides=options)
        for name, options in plane.items()
    ]
    config = "sgm/lieflow_tetrahedron.yaml"
    solid = [
        System("lieflow", "LieFlow", config, f"tetrahedron_{name}", overrides=_times(options))
        for name, options in space.items()
    ]
    return (*arrow, *solid)


def _times(options: Options) -> Options:
    """With times drawn uniformly for continuous groups, as published."""
    continuous = any("SO(2)" in option for option in options)
    return (*options, "--model.skewness=1") if continuous else options

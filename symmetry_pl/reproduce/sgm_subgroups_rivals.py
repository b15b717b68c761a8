"""The rivals of SGM on clouds of points: rows of ``sgm/subgroups``, scored as SGM's are."""

from __future__ import annotations

from collections.abc import Mapping

from symmetry_pl.reproduce.experiment import System

__all__ = ["RIVAL_NOTES", "rival_rows"]

Options = tuple[str, ...]

_METHODS = (
    ("lieflow", "LieFlow", "sgm/lieflow"),
    ("sgm_mlp", "SGM without a frame", "sgm/clouds_mlp"),
    ("augerino", "Augerino", "sgm/augerino"),
    ("liegan", "LieGAN", "lens/liegan_clouds"),
)
"""Name, label and the stem of the configs of the arrow and of the tetrahedron."""

RIVAL_NOTES: tuple[str, ...] = (
    "LieFlow: 1,200 steps of 1,000 clouds in place of the published 20,000 (arrow) and 40,000 "
    "(tetrahedron, with 512 units a layer in place of 128) of 1,024, at a rate that falls to a "
    "hundredth, and 100 steps of integration; as published else, times drawn by a power law but "
    "for SO(2).",
    "SGM without a frame: an MLP of 256, 256 and 128 units infers η; what LieFlow's authors ran is "
    "not said in more detail.",
    "Augerino: the task is to tell clouds of the data from those that a random element has moved.",
    "LieGAN: one generator; its elements are taken to the nearest rotation.",
)
"""What a reader must know of them."""


def rival_rows(plane: Mapping[str, Options], space: Mapping[str, Options]) -> tuple[System, ...]:
    """Each rival on the arrow in SO(2) and on the tetrahedron; LieFlow in GL(2)+ as well.

    Args:
        plane: options of the groups that the arrow's is looked for in, by name.
        space: options of the hidden groups of the tetrahedron, by name.
    """
    found = []
    for name, label, stem in _METHODS:
        for where, options in plane.items():
            if name == "lieflow" or not options:
                dataset = f"arrow_{where}"
                found.append(System(name, label, f"{stem}_arrow.yaml", dataset, overrides=options))
        for where, options in space.items():
            more = ("--model.skewness=1",) if name == "lieflow" and _continuous(options) else ()
            config, dataset = f"{stem}_tetrahedron.yaml", f"tetrahedron_{where}"
            found.append(System(name, label, config, dataset, overrides=(*options, *more)))
    return tuple(found)


def _continuous(options: Options) -> bool:
    """Whether the hidden group is SO(2), for which times are drawn uniformly as published."""
    return any("SO(2)" in option for option in options)

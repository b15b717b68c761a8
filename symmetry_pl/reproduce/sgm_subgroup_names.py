"""How often `name_group` is right: planted groups of rotations, and sets that are no group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symmetry_pl.reproduce.experiment import Analysis, Experiment

_PLANTED, _NULLS, _LARGEST = 220, 120, 1000
_FAMILIES: dict[str, Callable[[str], bool]] = {
    "C1 … C12": lambda kind: kind[0] == "C",
    "D2 … D6": lambda kind: kind[0] == "D",
    "T, O, I": lambda kind: kind in ("T", "O", "I"),
    "SO(2) about random axes": lambda kind: kind == "SO(2)",
    "SO(3)": lambda kind: kind == "SO(3)",
}


def _counted(result: dict[str, Any]) -> dict[str, Any]:
    """Names that are right, by group, and false ones, by what is no group."""
    from symmetry_pl.groups.naming.namer import name_group
    from symmetry_pl.groups.naming.planted import is_false_group, is_named, null, planted

    right: dict[str, list[bool]] = {}
    for seed in range(_PLANTED):
        elements, kind, group = planted(seed, largest=_LARGEST)
        right.setdefault(kind, []).append(is_named(name_group(elements), kind, group))
    false: dict[str, list[bool]] = {}
    for seed in range(_NULLS):
        elements, kind = null(seed, largest=_LARGEST)
        false.setdefault(kind, []).append(is_false_group(name_group(elements)))
    return {
        "planted": {kind: [sum(flags), len(flags)] for kind, flags in right.items()},
        "nulls": {kind: [sum(flags), len(flags)] for kind, flags in false.items()},
    }


def _table(result: dict[str, Any]) -> str:
    """The counts."""
    counted = result["analysis"]

    def total(counts: list[list[int]]) -> tuple[int, int]:
        return sum(one[0] for one in counts), sum(one[1] for one in counts)

    lines = ["| | runs | named right, within 1° | called a group |", "|---|---|---|---|"]
    for label, belongs in _FAMILIES.items():
        found, runs = total([n for kind, n in counted["planted"].items() if belongs(kind)])
        lines.append(f"| {label} | {runs} | {found} | |")
    found, runs = total([*counted["planted"].values()])
    lines.append(f"| all planted groups | {runs} | {found} | |")
    for kind, (found, runs) in counted["nulls"].items():
        lines.append(f"| no group: {kind} | {runs} | | {found} |")
    found, runs = total([*counted["nulls"].values()])
    lines.append(f"| all that is no group | {runs} | | {found} |")
    return "\n".join([*lines, ""])


EXPERIMENT = Experiment(
    name="sgm/subgroup_names",
    title="Which subgroup? How often a name is right",
    dataset="elements",
    systems=(),
    metrics=(),
    notes=(
        "500 to 1,000 elements at random orientations, with a jitter of 0 to .05 rad; every other "
        "round of groups has up to 10 % outliers of the uniform law. Right is a name with all its "
        "elements, or its axis, within 1°.",
        "No group: random elements, with the identity or not; a few or all but some elements of a "
        "group; a coset; bumps, arcs and patches; three turns by no third of a circle.",
    ),
    analysis=Analysis(_counted, _table),
)

"""Which subgroup? SGM on clouds of points against the table of LieFlow (Chen et al., 2026)."""

from __future__ import annotations

from typing import Any

from symmetry_pl.reproduce.experiment import Experiment, System
from symmetry_pl.reproduce.sgm_subgroups_rivals import RIVAL_NOTES, rival_rows

_TILTED = "[0.0,0.5,-0.8660254]"

GROUPS: dict[str, tuple[str, ...]] = {
    "T": ("--data.group=T",),
    "O": ("--data.group=O",),
    "I": ("--data.group=I",),
    "SO2_z": ("--data.group=SO(2)",),
    "SO2_tilted": ("--data.group=SO(2)", f"--data.axis={_TILTED}"),
}
"""Hidden subgroups of SO(3), by the names in datasets."""

_CLEAN = ("--data.missing=0", "--data.noise=0")
_JITTERS = (0.05, 0.1)
_ONCE = (
    ("principal", "principal axes", "principal"),
    ("templates", "templates", "unordered"),
    ("sgm", "SGM, a shared part", "shared_part"),
)
"""Frames of shapes that are seen once: name, label, ``model.inference``."""
_SHAPES, _UNORDERED = "sgm/clouds_shapes.yaml", "sgm/clouds_unordered.yaml"

_PUBLISHED: dict[str, dict[str, float]] = {
    "LieFlow": {"T": 0.149, "O": 0.097, "SO2_z": 0.050, "SO2_tilted": 0.053, "I": 0.129},
    "SGM without a frame": {
        "T": 0.915, "O": 0.742, "SO2_z": 1.848, "SO2_tilted": 1.832, "I": 1.031
    },
    "LieGAN": {"T": 1.113, "O": 1.145, "SO2_z": 0.101, "SO2_tilted": 0.072, "I": 0.893},
    "Augerino": {"T": 1.059, "O": 1.083, "SO2_z": 1.236, "SO2_tilted": 1.244, "I": 0.795},
}  # fmt: skip
"""W1 on the tetrahedron, of the project page of LieFlow; the others as its authors ran them."""

_ARROW = {"LieFlow": 0.054, "LieGAN": 1.07}
_W1 = "transport"
_PLANE = {
    "so2": (),
    "gl2_algebra": ("--model.group=gl2", "--model.group_options={measure: algebra}"),
    "gl2_factors": ("--model.group=gl2", "--model.group_options={measure: factors}"),
}
"""Groups that the rotations of the arrow are looked for in."""


def reference_rows() -> dict[str, dict[str, Any]]:
    """Published W1, a row for each method and hidden group."""
    rows: dict[str, dict[str, Any]] = {
        f"published: {name}, arrow in SO(2)": {_W1: value} for name, value in _ARROW.items()
    }
    for name, values in _PUBLISHED.items():
        for group, value in values.items():
            rows[f"published: {name}, tetrahedron {group.replace('_', ' ')}"] = {_W1: value}
    return rows


def _systems() -> tuple[System, ...]:
    arrow = [
        System("sgm", "SGM", "sgm/clouds_arrow.yaml", f"arrow_{name}", own=True, overrides=options)
        for name, options in _PLANE.items()
    ]
    space = [
        System("sgm", "SGM", f"sgm/clouds_{what}.yaml", f"{what}_{name}", own=True, overrides=group)
        for what in ("tetrahedron", "shapes", "unordered")
        for name, group in GROUPS.items()
    ]
    clean = [
        System("sgm", "SGM", _UNORDERED, f"clean_{name}", own=True, overrides=(*group, *_CLEAN))
        for name, group in GROUPS.items()
    ]
    jittered = [
        System(
            f"sgm_jitter_{jitter:g}",
            f"SGM, jitter {jitter:g} rad",
            config,
            f"{what}_I",
            own=True,
            overrides=(*GROUPS["I"], f"--data.jitter={jitter:g}"),
        )
        for what, config in (("shapes", _SHAPES), ("unordered", _UNORDERED))
        for jitter in _JITTERS
    ]
    once = [
        System(
            name,
            label,
            "sgm/clouds_molecules.yaml",
            f"molecules_{group}",
            own=inference == "shared_part",
            overrides=(*GROUPS[group], f"--model.inference={inference}"),
        )
        for group in ("T", "I", "SO2_tilted")
        for name, label, inference in _ONCE
    ]
    every = (*arrow, *space, *clean, *jittered, *once, *rival_rows(_PLANE, GROUPS))
    datasets = dict.fromkeys(system.dataset for system in every)
    return tuple(system for one in datasets for system in every if system.dataset == one)


EXPERIMENT = Experiment(
    name="sgm/subgroups",
    title="Which subgroup has turned these clouds?",
    dataset="arrow",
    systems=_systems(),
    metrics=(
        _W1,
        "transport_floor",
        "transport_ratio",
        "transport_random",
        "elements_off",
        "likelihood_gain",
        "group_right",
    ),
    references=reference_rows,
    notes=(
        "5,000 elements against 5,000 of the hidden group, exact optimal transport: the geodesic "
        "angle in radians in space, the distance of entries in the plane; the mean of three "
        "draws for each cloud against three samples of the group. The floor is that of two samples "
        "of the group, the mean of 100 pairs; random are 2,000 elements of the whole group.",
        "Published figures are of LieFlow's project page (Chen et al., ICML 2026), for methods as "
        "its authors ran them; their SGM has no frame. W1 depends on the number of elements that "
        "are compared, and the page gives no floor.",
        "Shapes are 100 of 128 points drawn at random, in place of objects of ModelNet10, which "
        "must be downloaded.",
        "Unordered: the same shapes with their points in any order, 12 of 128 of them missing and "
        "noise of .02 (a shape has a root mean square radius of 1).",
        "Clean: the same without missing points or noise. Jitter: a random rotation with this "
        "standard deviation about each axis after the element of the group; the floor is then that "
        "of true elements with this jitter. They are taken from one cloud to another, as the "
        "model's are, and so have it twice.",
        "Molecules: 6,400 of QM9 with an amide group (SMARTS `O=C[NX3]`) once, each in one set "
        "only, as heavy atoms without types or order of a conformer (ETKDG) in the axes of that "
        "group, about the atoms' mean; 1,200 elements. No method is told of the group. Principal "
        "axes and templates are baselines: each axis to where the third moment is positive, and "
        "the inference of unordered clouds, which is for objects that are seen often.",
        "A seed is that of the clouds and of the training.",
        *RIVAL_NOTES,
    ),
)

"""The catalogue of figures: how each is named for people, written, and read.

Every figure is logged under ``<stage>/<name>``; whatever shows one (the table of a test, the
progress line, TensorBoard, tables of results, drawings) asks `spec` for its label, unit and digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from symmetry_pl.metrics.entries import ENTRIES
from symmetry_pl.metrics.metric_spec import MetricSpec
from symmetry_pl.metrics.targeting_entries import TARGETING_ENTRIES, TARGETING_RULE

T = TypeVar("T")

__all__ = ["ENDINGS", "MetricSpec", "catalogue", "labelled", "register", "spec"]


def spec(name: str) -> MetricSpec:
    """The entry of a figure, or what follows from its name; a name of no rule is its own label.

    Rules are `mae_<property>_<unit>`, the `ENDINGS`, `prototype_spread_<transformation>`,
    `factor_tv_<class>_<factor>`, `probe/<kind>_mi` or `_r2`, and `asked_<properties>_<figure>`.

    >>> spec("mae_gap_ev").title, spec("mae_gap_ev_constant").title
    ('MAE of gap [eV]', 'MAE of gap, always the mean [eV]')
    >>> spec("my_own_figure").label
    'my own figure'
    """
    if name in _ENTRIES:
        return _ENTRIES[name]
    for ending, derive in ENDINGS.items():
        if name.endswith(ending) and name != ending:
            return derive(name, spec(name.removesuffix(ending)))
    for pattern, rule in _RULES:
        found = pattern.fullmatch(name)
        if found:
            return rule(name, *found.groups())
    words = name.replace("_", " ").replace("/", " ").strip() or name
    return MetricSpec(name, words, words, better="neither", shown=False)


def register(*specs: MetricSpec) -> None:
    """Add figures of one's own, before a run; rows of a summary stand in this order.

    Raises:
        ValueError: if a name is there already with another entry; then none is added.

    >>> register(MetricSpec("doctest_depth", "depth of a tree", "depth", better="neither"))
    >>> spec("doctest_depth").title
    'depth of a tree'
    >>> register(MetricSpec("mae_x", "mean error", "error"))
    Traceback (most recent call last):
        ...
    ValueError: the figure mae_x is in the catalogue already, with another label
    """
    new: dict[str, MetricSpec] = {}
    for entry in specs:
        old = new.get(entry.name, _ENTRIES.get(entry.name, entry))
        if old != entry:
            other = next(
                f.name for f in fields(entry) if getattr(old, f.name) != getattr(entry, f.name)
            )
            raise ValueError(
                f"the figure {entry.name} is in the catalogue already, with another {other}"
            )
        new[entry.name] = entry
    _ENTRIES.update(new)


def labelled(values: Mapping[str, T], stage: str, names: Iterable[str]) -> dict[str, T]:
    """What there is of a stage's figures, by short label; for lines of a drawing.

    >>> labelled({"val/mi_z0_y": 0.1, "train/mi_z0_y": 0.2}, "val", ["mi_z0_y", "mae_x"])
    {'I(Z0;Y) raw': 0.1}
    """
    found = {name: values.get(f"{stage}/{name}") for name in names}
    return {spec(name).short: value for name, value in found.items() if value is not None}


def catalogue() -> tuple[MetricSpec, ...]:
    """All entries, in the order in which they were registered."""
    return tuple(_ENTRIES.values())


# -- what follows from a name ---------------------------------------------------------------------


def _comparison(words: str, short: str) -> Callable[[str, MetricSpec], MetricSpec]:
    def derive(name: str, base: MetricSpec) -> MetricSpec:
        return replace(
            base,
            name=name,
            label=f"{base.label}, {words}",
            short=short,
            better="neither",
            beside="",
            beside_label="",
            shown=False,
        )

    return derive


def _searched(name: str, base: MetricSpec) -> MetricSpec:
    return replace(
        base, name=name, label=f"{base.label}, searched", short="searched", beside="", shown=False
    )


ENDINGS: dict[str, Callable[[str, MetricSpec], MetricSpec]] = {
    "_null95": _comparison("95 % of the permutation null", "its null, 95 %"),
    "_constant": _comparison("always the mean", "always the mean"),
    "_floor": _comparison("at best", "at best"),
    "_search": _searched,
}
"""Endings of names whose entries follow from those of the names without them."""

_UNITS = {
    "ev": "eV",
    "mev": "meV",
    "hartree": "hartree",
    "bohr": "bohr",
    "bohr2": "bohr²",
    "bohr3": "bohr³",
    "debye": "debye",
    "kcal_per_mol": "kcal/mol",
    "kj_per_mol": "kJ/mol",
    "%": "%",
    "°c": "°C",
}  # names of figures are in lower case and without signs


def _mae(name: str, target: str) -> MetricSpec:
    # metric_names() of a description adds _target where a bare name would mean something else
    known = target.removesuffix("_target") or target
    unit = next((u for u in _UNITS if known.endswith(f"_{u}") and known != f"_{u}"), "")
    known = known.removesuffix(f"_{unit}") if unit else known
    return MetricSpec(
        name,
        f"MAE of {known}",
        known,
        _UNITS.get(unit, ""),
        digits=3,
        beside=f"{name}_constant",
        beside_label="always the mean",
        group="targets",
    )


def _spread(name: str, kind: str) -> MetricSpec:
    words = kind.replace("_", " ")
    label = f"spread of prototypes under {words}"
    return MetricSpec(name, label, words, group="prototypes", shown=False)


def _factor(name: str, label: str, factor: str) -> MetricSpec:
    words = f"TV of the resampled {factor} ({label})"
    return MetricSpec(name, words, f"{label}, {factor}", digits=3, group="factors", shown=False)


def _probe(name: str, kind: str, figure: str) -> MetricSpec:
    base = spec("mi_z0_y_probe" if figure == "mi" else "probe_r2_z0_y")
    label, short = f"{base.label}, {kind} alone", f"{kind}, {base.short}"
    return replace(base, name=name, label=label, short=short, beside="", shown=False)


_RULES: tuple[tuple[re.Pattern[str], Callable[..., MetricSpec]], ...] = (
    (re.compile(r"mae_(.+)"), _mae),
    (re.compile(r"prototype_spread_(.+)"), _spread),
    (re.compile(r"factor_tv_([^_]+)_(.+)"), _factor),
    (re.compile(r"probe/(.+)_(mi|r2)"), _probe),
    TARGETING_RULE,
)

_ENTRIES: dict[str, MetricSpec] = {}
register(*ENTRIES, *TARGETING_ENTRIES)

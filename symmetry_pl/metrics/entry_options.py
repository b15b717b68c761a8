"""Options that entries of one group of figures share."""

from __future__ import annotations

from typing import Any

from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = [
    "DENSITY",
    "FACTORS",
    "GAME",
    "KNOWING",
    "LEAKAGE",
    "LOSS",
    "NEITHER",
    "NULL",
    "PROTOTYPES",
    "RANDOM",
    "RECONSTRUCTION",
    "SCHEDULE",
    "SHARE",
    "TARGETS",
    "TERM",
    "TRUTH",
    "minor",
]

NULL = "95 % of the permutation null"
RANDOM = "a random matrix"
KNOWING = "knowing the transformation"


def minor(name: str, label: str, short: str, unit: str = "", **options: Any) -> MetricSpec:
    """A figure without a row in the summary of a test."""
    return MetricSpec(name, label, short, unit, shown=False, **options)


RECONSTRUCTION: dict[str, Any] = {"digits": 3, "group": "reconstruction"}
SHARE: dict[str, Any] = {**RECONSTRUCTION, "style": "percent", "better": "more"}
TARGETS: dict[str, Any] = {"digits": 3, "group": "targets"}
LEAKAGE: dict[str, Any] = {"digits": 3, "group": "leakage"}
GAME: dict[str, Any] = {"digits": 3, "group": "game", "better": "neither"}
LOSS: dict[str, Any] = {"digits": 3, "group": "loss"}
TERM: dict[str, Any] = {**LOSS, "better": "neither"}
SCHEDULE: dict[str, Any] = {"group": "schedule", "better": "neither"}
TRUTH: dict[str, Any] = {"digits": 3, "group": "truth"}
NEITHER: dict[str, Any] = {**TRUTH, "better": "neither"}
PROTOTYPES: dict[str, Any] = {"group": "prototypes"}
FACTORS: dict[str, Any] = {"digits": 3, "group": "factors"}
DENSITY: dict[str, Any] = {"digits": 1, "group": "density", "better": "more"}

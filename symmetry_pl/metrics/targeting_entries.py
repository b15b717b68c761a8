"""Names of the figures of molecules that were asked for properties."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from symmetry_pl.metrics.entry_options import RECONSTRUCTION, SHARE, minor
from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = ["TARGETING_ENTRIES", "TARGETING_RULE"]

TARGETING_ENTRIES = (
    MetricSpec(
        "nll_conditional",
        "−log p(X given all of Y)",
        "−log p(x given y)",
        "nats",
        beside="nll_unconditional",
        beside_label="given nothing",
        **RECONSTRUCTION,
    ),
    minor("nll_unconditional", "−log p(X given nothing)", "−log p(x)", "nats", **RECONSTRUCTION),
)
"""Likelihoods of held-out molecules."""

_UNITS = {"weight": "Da", "psa": "Å²"}  # of properties that have one
_ERROR: dict[str, Any] = {"digits": 3, "group": "targeting"}
_SHARE: dict[str, Any] = {**SHARE, "group": "targeting"}
_KNOWN: dict[str, Any] = {**_ERROR, "better": "neither"}
_FIGURES: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "mae_all": ("error, what is no molecule counted as an unrelated one", True, _ERROR),
    "mae": ("error", True, _ERROR),
    "median": ("median error", True, _ERROR),
    "low": ("error where little was asked", True, _ERROR),
    "mid": ("error where a middling value was asked", True, _ERROR),
    "high": ("error where much was asked", True, _ERROR),
    "random": ("error of unrelated molecules", True, _KNOWN),
    "mean": ("error of always the mean", True, _KNOWN),
    "slope": ("slope on what was asked", False, _KNOWN),
    "valid": ("molecules", False, _SHARE),
    "unique": ("different molecules", False, _SHARE),
    "novel": ("new molecules", False, _SHARE),
    "drafts": ("strings begun for a molecule", False, _ERROR),
}
"""What stands behind the task: words, whether it has the property's unit, options."""

_WAYS = {
    "": "",
    "_plain": ", ends as they come",
    "_unconditional": ", nothing asked",
    "_retrieval": ", training molecules",
}
_BESIDE = ("_unconditional", "_retrieval")
_SHOWN = ("mae", "valid", "unique", "novel")


def _asked(name: str, task: str, how: str, figure: str) -> MetricSpec:
    """The entry of ``asked_<task>_<figure>``, or of one way of answering that stands beside it."""
    words, has_unit, options = _FIGURES[figure]
    asked = task.replace("_", ", ")
    of = _WAYS.get(how, f", best of {how[5:]}")
    found = MetricSpec(
        name,
        f"{asked}{of}: {words}",
        f"{asked}{of}, {words}",
        _UNITS.get(task, "") if has_unit else "",
        **options,
        shown=figure in _SHOWN and how not in _BESIDE,
    )
    if figure != "mae" or how in _BESIDE:
        return found
    return replace(found, beside=f"asked_{task}{how}_mean", beside_label="always the mean")


TARGETING_RULE: tuple[re.Pattern[str], Callable[..., MetricSpec]] = (
    re.compile(rf"asked_(.+?)(_best\d+|_plain|_unconditional|_retrieval|)_({'|'.join(_FIGURES)})"),
    _asked,
)
"""Errors are in the property's unit; those of several properties are means over them all."""

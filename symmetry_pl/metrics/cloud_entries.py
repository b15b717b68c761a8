"""The figures of clouds of points: which group has moved them, and how near its elements are."""

from __future__ import annotations

from typing import Any

from symmetry_pl.metrics.entry_options import minor
from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = ["CLOUD_ENTRIES"]

_ELEMENTS: dict[str, Any] = {"group": "elements"}

CLOUD_ENTRIES = (
    MetricSpec(
        "transport",
        "W1 of elements and the hidden group",
        "W1",
        digits=3,
        beside="transport_floor",
        beside_label="two samples of the group",
        **_ELEMENTS,
    ),
    MetricSpec("transport_ratio", "W1 over its floor", "W1 / floor", digits=2, **_ELEMENTS),
    MetricSpec(
        "elements_off",
        "elements more than 15° off the group",
        "more than 15° off",
        digits=3,
        style="percent",
        **_ELEMENTS,
    ),
    MetricSpec(
        "likelihood_gain",
        "log p(η | prototype) above uniform",
        "above uniform",
        "nats",
        digits=2,
        better="more",
        group="transformations",
    ),
    MetricSpec(
        "group_found", "elements are of a group", "a group", digits=0, better="neither", **_ELEMENTS
    ),
    MetricSpec(
        "group_right", "the group is named right", "named right", digits=2, better="more",
        **_ELEMENTS,
    ),
    MetricSpec("group_p", "p-value of the name", "p", digits=3, better="neither", **_ELEMENTS),
    MetricSpec("group_jitter", "spread about the elements", "spread", "°", digits=2, **_ELEMENTS),
    MetricSpec(
        "elements_sure",
        "mean confidence of elements",
        "confidence",
        digits=3,
        style="percent",
        better="more",
        **_ELEMENTS,
    ),
    MetricSpec(
        "velocity_mse",
        "squared error of velocities on the group",
        "velocity error",
        digits=3,
        group="transformations",
    ),
    MetricSpec(
        "task_loss",
        "cross-entropy of data and moved clouds",
        "task",
        "nats",
        digits=3,
        group="transformations",
    ),
    MetricSpec(
        "augmented_loss",
        "the same, less what widths are worth",
        "penalised",
        "nats",
        digits=3,
        group="transformations",
    ),
    MetricSpec(
        "widths",
        "mean width of the law of elements",
        "width",
        digits=3,
        better="neither",
        group="transformations",
    ),
    minor("transport_floor", "W1 of two samples of the group", "floor", digits=3, **_ELEMENTS),
    minor("transport_random", "W1 of random elements", "random", digits=3, **_ELEMENTS),
)  # fmt: skip
"""All of them; a summary has its rows in this order."""

"""The figures of classifiers."""

from __future__ import annotations

from typing import Any

from symmetry_pl.metrics.metric_spec import MetricSpec

__all__ = ["CLASS_ENTRIES"]

_SHARE: dict[str, Any] = {
    "digits": 4,
    "style": "percent",
    "better": "more",
    "group": "classes",
}

CLASS_ENTRIES = (
    MetricSpec("accuracy", "classes told right", "accuracy", **_SHARE),
    MetricSpec("accuracy_rotated", "of images turned by any angle", "rotated", **_SHARE),
    MetricSpec("accuracy_moved", "of images turned and shifted", "rotated, shifted", **_SHARE),
    MetricSpec("accuracy_noisy", "of images with noise of .2", "noise .2", **_SHARE),
    MetricSpec("accuracy_rotated_noisy", "of turned images with noise", "rotated, noise", **_SHARE),
    MetricSpec(
        "accuracy_moved_noisy",
        "of turned and shifted images with noise",
        "rotated, shifted, noise",
        **_SHARE,
    ),
    MetricSpec(
        "cross_entropy",
        "cross-entropy of classes",
        "cross-entropy",
        "nats",
        digits=3,
        group="classes",
    ),
)

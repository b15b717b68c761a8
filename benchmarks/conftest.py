"""Exponents of growth, in the file that pytest-benchmark writes and at the end of the report."""

from __future__ import annotations

import math
from typing import Any

_FITTED: dict[str, dict[str, Any]] = {}


def pytest_benchmark_update_json(config, benchmarks, output_json):
    """Add `growth`: an exponent for every group of sizes, with what it was fitted to."""
    groups: dict[str, dict[float, float]] = {}
    for one in benchmarks:
        if "growth" in one.extra_info:
            sizes = groups.setdefault(one.extra_info["growth"], {})
            sizes[one.extra_info["size"]] = one.stats.min
    _FITTED.update({name: fitted(sizes) for name, sizes in groups.items() if len(sizes) > 1})
    output_json["growth"] = _FITTED


def pytest_terminal_summary(terminalreporter):
    """One line a group."""
    for name, found in _FITTED.items():
        last = f"{found['last_exponent']:.2f} between the last two"
        took = ", ".join(f"{size:g}: {t:.3g} s" for size, t in found["seconds"].items())
        terminalreporter.write_line(f"{name}: {found['exponent']:.2f}, {last} ({took})")


def fitted(seconds: dict[float, float]) -> dict[str, Any]:
    """The exponent of least squares on logarithms, and that between the two largest sizes.

    >>> fitted({1: 2.0, 2: 8.0, 4: 32.0})["exponent"]
    2.0
    """
    points = sorted((math.log(size), math.log(t)) for size, t in seconds.items())
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
    slope /= sum((x - mean_x) ** 2 for x, _ in points)
    (x0, y0), (x1, y1) = points[-2:]
    return {
        "exponent": round(slope, 3),
        "last_exponent": round((y1 - y0) / (x1 - x0), 3),
        "seconds": dict(sorted(seconds.items())),
    }

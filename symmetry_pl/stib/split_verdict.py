"""Whether a split can be trusted, said in a sentence, without a label."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["split_verdict"]

_CLEAR = 0.05
"""R² of Z1 from Z0 from which a split is not trusted, seen or not."""


def split_verdict(figures: Mapping[str, float], stage: str = "test") -> str | None:
    """What the probes of Z1 from Z0 say of the split.

    Where the likelihood is matched, Z0 and Z1 are independent, on rows that were not trained on
    too. A probe above its null is no proof of the contrary (one in twenty is by chance); a large R²
    is.

    Args:
        figures: ``<stage>/<name>`` to value, ``mi_z0_z1_probe`` and ``probe_r2_z0_z1`` with their
            ``_null95`` among them.
        stage: whose.

    Returns:
        One sentence; None without these figures.

    >>> split_verdict({"test/mi_z0_z1_probe": 0.4, "test/mi_z0_z1_probe_null95": 0.02,
    ...     "test/probe_r2_z0_z1": 0.5, "test/probe_r2_z0_z1_null95": 0.0})
    'The split CANNOT be trusted: a probe reads R² 0.50 of Z1 from Z0. Train longer, or ...'
    """
    names = ("mi_z0_z1_probe", "mi_z0_z1_probe_null95", "probe_r2_z0_z1", "probe_r2_z0_z1_null95")
    if any(f"{stage}/{name}" not in figures for name in names):
        return None
    mi, mi_null, r2, r2_null = (figures[f"{stage}/{name}"] for name in names)
    if math.isnan(mi) or math.isnan(r2):
        return (
            "Whether the split can be trusted is not known: the set has too few rows for a probe "
            "(raise data.test_fraction)."
        )
    if r2 > max(_CLEAR, r2_null):
        return (
            f"The split CANNOT be trusted: a probe reads R² {r2:.2f} of Z1 from Z0. Train longer, "
            "or on more rows; or leave out columns."
        )
    if mi > mi_null or r2 > max(0.0, r2_null):
        return (
            f"The split is nearly converged: a probe reads a little of Z1 from Z0 (R² {r2:.3f}), "
            "more than in 95 % of permutations."
        )
    return "The split has converged as far as held-out probes see: they read nothing of Z1 from Z0."

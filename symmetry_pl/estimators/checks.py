"""Where the estimators differ from what scikit-learn's ``check_estimator`` expects, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["EXPECTED_FAILED_CHECKS", "as_table"]

_TWO_COLUMNS = "fits two columns, and a hidden symmetry needs three: two positions have no order"

EXPECTED_FAILED_CHECKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "FlowSTIBEstimator": {},
        "SymmetryLensEstimator": {
            "check_estimators_overwrite_params": _TWO_COLUMNS,
            "check_estimators_fit_returns_self": _TWO_COLUMNS,
            "check_readonly_memmap_input": _TWO_COLUMNS,
            "check_fit_idempotent": _TWO_COLUMNS,
            "check_fit_check_is_fitted": _TWO_COLUMNS,
            "check_n_features_in": _TWO_COLUMNS,
        },
        "SGMEstimator": {
            "every check that fits": "takes images, and the checks give tables of 1 to 10 columns",
        },
    }
)
"""Class to check to reason; what is not here passes."""


def as_table() -> str:
    """The list as a table of Markdown, as it stands in ``docs/python.md``."""
    lines = ["| estimator | check | why it fails |", "|---|---|---|"]
    for name, checks in EXPECTED_FAILED_CHECKS.items():
        for check, why in checks.items() or [("none", "")]:
            lines.append(f"| {name} | {check.replace('_', ' ')} | {why} |")
    return "\n".join(lines)

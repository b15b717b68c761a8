"""The table a user reads at the end of a test."""

from __future__ import annotations

_LABELS = {
    "token_accuracy": "tokens decoded right",
    "smiles_accuracy": "molecules decoded right",
    "smiles_accuracy_search": "molecules found by the search",
    "validity": "decoded strings that are molecules",
    "mae_x": "MAE of X (sum over coordinates)",
    "mae_y": "MAE of Y (sum over targets)",
    "mi_z0_y": "I(Z0;Y) raw KSG [nats]",
    "mi_z0_y_white": "I(Z0;Y) whitened KSG [nats]",
    "mi_z0_y_probe": "I(Z0;Y) held-out probe [nats]",
    "probe_r2_z0_y": "R² of the probe of Y from Z0",
    "loss": "loss at full rank [nats]",
    "loss_refitted": "loss, densities fitted anew [nats]",
    "stationarity_residual": "non-stationary share of covariance",
    "confidence": "confidence of the warm start",
    "generator_cosine": "cosine of G with the true shift",
    "generator_power": "power of the true shift nearest to G",
    "lifting_error": "error of the lifting matrix",
    "filter_locality": "locality of the filter (1: one pixel)",
    "prototype_spread": "spread of prototypes (1: that of x)",
    "prototype_spread_five": "the same without shear",
    "prototype_spread_direct": "the same, of the copies' pixels",
    "prototype_spread_composed": "the same, by composed elements",
    "iterate_ratio_1": "|η| of a prototype over |η| of x",
    "invertibility": "mse of T⁻¹ T x",
    "nll_eta": "−log p(η | prototype) [nats]",
    "factor_tv": "largest TV of a resampled factor",
}
_UNITS = {"ev": "eV", "bohr3": "bohr³"}  # metric names are ASCII and in lower case


def summary_table(metrics: dict[str, float], stage: str) -> str:
    """Headline figures of one stage, each beside what knowing nothing would give.

    Args:
        metrics: ``{stage}/{name}`` to value.
        stage: which stage's.

    >>> print(summary_table({"test/mae_x": 0.25, "test/mae_gap_ev": 0.3,
    ...     "test/mae_gap_ev_constant": 1.06}, "test"))
    test                                    value  for comparison
    MAE of X (sum over coordinates)        0.2500
    MAE of gap [eV]                        0.3000  1.0600 always the mean
    """
    values = {k.split("/", 1)[1]: v for k, v in metrics.items() if k.startswith(f"{stage}/")}
    rows: list[tuple[str, str, str]] = []
    for name, label in _LABELS.items():
        if name not in values:
            continue
        share = "accuracy" in name or name == "validity"
        value = f"{100 * values[name]:.1f} %" if share else f"{values[name]:.4f}"
        null, truth = values.get(f"{name}_null95"), values.get("loss_of_truth")
        beside = f"{null:.4f} 95 % of the permutation null" if null is not None else ""
        if name == "loss_refitted" and truth is not None:
            beside = f"{truth:.4f} of the true basis"
        if name == "factor_tv":
            beside = f"{values['factor_tv_null']:.4f} between halves of the data"
        pixels = "prototype_spread" + "_direct" * ("prototype_spread_direct" in values)
        if name == pixels and "prototype_spread_floor" in values:
            beside = f"{values['prototype_spread_floor']:.4f} knowing the transformation"
        rows.append((label, value, beside))
    for name in sorted(values):
        if f"{name}_constant" in values:
            target, _, unit = name.removeprefix("mae_").rpartition("_")
            known = f"{target} [{_UNITS[unit]}]" if unit in _UNITS else name.removeprefix("mae_")
            rows.append(
                (
                    f"MAE of {known}",
                    f"{values[name]:.4f}",
                    f"{values[f'{name}_constant']:.4f} always the mean",
                )
            )
    lines = [f"{stage:<36}{'value':>9}  for comparison"]
    lines += [f"{label:<36}{value:>9}  {beside}".rstrip() for label, value, beside in rows]
    return "\n".join(lines)

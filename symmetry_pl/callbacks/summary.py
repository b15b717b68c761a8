"""The table a user reads at the end of a test."""

from __future__ import annotations

from collections.abc import Mapping

from symmetry_pl.metrics.catalogue import MetricSpec, catalogue, spec


def summary_table(metrics: Mapping[str, float], stage: str) -> str:
    """Figures of one stage, each beside what knowing nothing would give.

    Rows are the figures that the catalogue shows, in its order, then those whose entries follow
    from their names. A comparison that several rows have stands once, at the last of them.

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
    known = [entry for entry in catalogue() if entry.name in values]
    further = map(spec, sorted(values.keys() - {entry.name for entry in known}))
    rows = [entry for entry in (*known, *further) if entry.shown]
    last = {entry.beside: entry.name for entry in rows}
    lines = [f"{stage:<36}{'value':>9}  for comparison"]
    for entry in rows:
        beside = ""
        if entry.beside in values and last[entry.beside] == entry.name:
            beside = f"{written(entry, values[entry.beside])} {entry.beside_label}"
        value = written(entry, values[entry.name])
        lines.append(f"{entry.title:<36}{value:>9}  {beside}".rstrip())
    return "\n".join(lines)


def written(entry: MetricSpec, value: float) -> str:
    """The value of one run: a share in percent, all else with four decimals in a column.

    >>> written(spec("validity"), 0.9934), written(spec("loss"), -1.5)
    ('99.3 %', '-1.5000')
    """
    return f"{100 * value:.1f} %" if entry.style == "percent" else f"{value:.4f}"

"""What was stated against what came true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from symmetry_pl.plots.basic import new_figure

__all__ = ["reliability"]

_EDGES = np.array([0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0])


def reliability(stated: Sequence[float], right: Sequence[bool]) -> Figure:
    """Shares that were right, by the probability that was stated; a count beside each point.

    Bars are one binomial standard error.

    Args:
        stated: probabilities, ``(n,)``.
        right: whether it came true, ``(n,)``.
    """
    p, hit = np.asarray(stated, np.float64), np.asarray(right, np.float64)
    which = np.clip(np.digitize(p, _EDGES[1:-1]), 0, len(_EDGES) - 2)
    figure = new_figure(1, width=4.6, height=4.2)
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    for k in np.unique(which):
        of = which == k
        count, share = int(of.sum()), float(hit[of].mean())
        error = float(np.sqrt(max(share * (1 - share), 0.25 / count) / count))
        axis.errorbar(p[of].mean(), share, error, fmt="o", color="#3b6ea5", capsize=3)
        axis.annotate(f" {count}", (p[of].mean(), share), va="top", fontsize=8, color="0.35")
    axis.set(
        xlabel="stated confidence", ylabel="runs with a cosine of .99 or more",
        xlim=(-0.03, 1.06), ylim=(-0.03, 1.06),
    )  # fmt: skip
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure

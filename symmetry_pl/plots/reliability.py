"""What was stated against what came true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from symmetry_pl.plots.basic import new_figure

__all__ = ["reliability", "wilson"]

_EDGES = np.array([0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0])


def wilson(share: float, count: int) -> tuple[float, float]:
    """Ends of Wilson's interval of one standard error of a share, both within [0, 1].

    (p + 1/2n ± √(p (1 − p)/n + 1/4n²)) / (1 + 1/n)

    Args:
        share: p of the trials that came true.
        count: n of them.

    >>> wilson(1.0, 1), wilson(0.5, 3)
    ((0.5, 1.0), (0.25, 0.75))
    """
    half = float(np.sqrt(share * (1 - share) / count + 0.25 / count**2))
    middle, scale = share + 0.5 / count, 1 + 1 / count
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def reliability(stated: Sequence[float], right: Sequence[bool]) -> Figure:
    """Shares that were right, by the probability that was stated; a count beside each point.

    Bars are Wilson's interval of one standard error (1927), which stays between 0 and 1.

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
        low, high = wilson(share, count)
        bars = [[max(share - low, 0.0)], [max(high - share, 0.0)]]  # of rounding
        axis.errorbar(p[of].mean(), share, bars, fmt="o", color="#3b6ea5", capsize=3)
        axis.annotate(f" {count}", (p[of].mean(), share), va="top", fontsize=8, color="0.35")
    axis.set(
        xlabel="stated confidence", ylabel="runs with a cosine of .99 or more",
        xlim=(-0.03, 1.06), ylim=(-0.03, 1.06),
    )  # fmt: skip
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    return figure

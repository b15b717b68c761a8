"""What a split of a table is measured against: regressions of y on x, and a leak put in by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from torch import Tensor

from symmetry_pl.information.probes import MIN_POINTS, probe

__all__ = ["LEAKS", "regressions", "visible_leak"]

LEAKS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Shares of Z1 that are put into Z0, in deviations."""

_UNSEEN = 1.6  # reported where the probe sees none of them
_PENALTIES = np.logspace(-3, 5, 17)


def regressions(data: Any) -> dict[str, float]:
    """Summed absolute errors of y on the test rows, as ``mae_y``, of regressions on x.

    Args:
        data: the datamodule; nothing is computed without its sets.

    Returns:
        ``mae_y_boosting``, gradient boosting at scikit-learn's defaults, and ``mae_y_ridge``.
    """
    if not hasattr(data, "split"):
        return {}
    (x, y), (x_test, y_test) = (_whole(data.split(name)) for name in ("train", "test"))
    boosted = np.stack(
        [
            HistGradientBoostingRegressor(random_state=0).fit(x, column).predict(x_test)
            for column in y.T
        ],
        axis=1,
    )
    linear = RidgeCV(_PENALTIES).fit(x, y).predict(x_test).reshape(y_test.shape)
    errors = {"mae_y_boosting": boosted, "mae_y_ridge": linear}
    return {name: float(np.abs(found - y_test).sum(1).mean()) for name, found in errors.items()}


def visible_leak(z0: Tensor, z1: Tensor, y: Tensor, seed: int = 0) -> float:
    r"""The smallest t whose leak the held-out probe sees on these very rows.

    .. math:: \tilde z_0 = z_0 + t\, (z_1 \cdot b)\, a

    with z1 and z0 in deviations of each column and a, b random unit vectors. The probe sees it
    where its information or its R² is above the 95 % quantile of the permutation null.

    Args:
        z0: codes ``(N, d0)``.
        z1: codes ``(N, d1)``.
        y: targets ``(N, t)``.
        seed: of the directions.

    Returns:
        One of ``LEAKS``; 1.6 where it sees none of them, NaN for too few rows for a probe.
    """
    if len(z0) < MIN_POINTS:
        return float("nan")
    rng = np.random.default_rng(seed)
    codes, informative = (_in_deviations(z.double().numpy()) for z in (z0, z1))
    a, b = (_unit(rng.normal(size=z.shape[1])) for z in (codes, informative))
    for t in LEAKS:
        found = probe(codes + t * np.outer(informative @ b, a), y.double().numpy(), seed=seed)
        if found.mi > found.mi_null95 or found.r2 > max(0.0, found.r2_null95):
            return t
    return _UNSEEN


def _whole(data: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, y = data.__getitems__(range(len(data)))[:2]
    return x.double().numpy(), y.double().numpy()


def _in_deviations(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spread = z.std(0)
    return (z - z.mean(0)) / np.where(spread > 0, spread, 1.0)


def _unit(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return direction / np.linalg.norm(direction)

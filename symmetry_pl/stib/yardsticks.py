"""What the prediction of y from z1 is measured against: regressions of y on x."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV

__all__ = ["regressions"]

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


def _whole(data: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, y = data.__getitems__(range(len(data)))[:2]
    return x.double().numpy(), y.double().numpy()

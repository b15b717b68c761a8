"""Quantities that a flow conserves, by name, so that a description of data can name one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["INVARIANTS", "lotka_volterra", "lotka_volterra_gradient"]

Array = npt.NDArray[np.float64]


def lotka_volterra(x: Array) -> Array:
    r"""What predators and prey conserve, of the logarithms of their numbers.

    .. math:: H(u, v) = e^u - u + \tfrac43\, e^v - \tfrac23\, v, \quad
        \dot u = -\partial_v H, \; \dot v = \partial_u H

    Constants are those of Yang et al. (2024). H is least at (0, −ln 2), where nothing moves.

    Args:
        x: b pairs (u, v) side by side, ``(…, 2 b)``.

    Returns:
        ``(…, b)``.

    >>> round(float(lotka_volterra(np.array([0.0, -np.log(2)]))[0]), 3)
    2.129
    """
    u, v = x[..., 0::2], x[..., 1::2]
    found: Array = np.exp(u) - u + 4 / 3 * np.exp(v) - 2 / 3 * v
    return found


def lotka_volterra_gradient(x: Array) -> Array:
    """The gradient of H at points ``(…, 2)``, of that shape."""
    found: Array = np.exp(x) * (1, 4 / 3) - (1, 2 / 3)
    return found


INVARIANTS: dict[str, Callable[[Array], Array]] = {"lotka_volterra": lotka_volterra}
"""Of samples ``(…, d)`` to one value for each vector that a sample is made of."""

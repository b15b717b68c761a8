"""Data with a known answer: the noisy spiral of STIB, section 4.1, and codes of it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest


def make_spiral(n: int, seed: int = 0) -> SimpleNamespace:
    """x uniform on a square, y on a spiral at t = 2 x0 + x1 + noise, and what is orthogonal to t.

    `u` is orthogonal to t (but not independent: the square is no circle); `q`, the conditional
    distribution function of x1 given 2 x0 + x1, is uniform and independent of y.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-4, 4, (n, 2))
    s = 2 * x[:, 0] + x[:, 1]
    t = s + 0.1 * rng.standard_normal(n)
    y = 0.55 * t[:, None] * np.stack([np.cos(t), np.sin(t)], 1) + 0.2 * rng.standard_normal((n, 2))
    low, high = np.maximum(-4, s - 8), np.minimum(4, s + 8)
    q = ((x[:, 1] - low) / (high - low))[:, None]
    return SimpleNamespace(x=x, y=y, t=t[:, None], q=q, u=x[:, :1] - 2 * x[:, 1:])


@pytest.fixture(scope="session")
def spiral() -> SimpleNamespace:
    return make_spiral(10_000)


@pytest.fixture(scope="session")
def small_spiral() -> SimpleNamespace:
    return make_spiral(4_000)


@pytest.fixture
def gaussian_pair():
    """`(n, dims, rho) -> z, y, information`: d pairs of correlation ρ, I = −d/2 log(1 − ρ²)."""

    def make(n: int, dims: int, rho: float, seed: int = 0):
        rng = np.random.default_rng(seed)
        z, noise = rng.standard_normal((2, n, dims))
        y = rho * z + math.sqrt(1 - rho**2) * noise
        return z, y, -dims / 2 * math.log(1 - rho**2)

    return make

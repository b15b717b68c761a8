"""Pairs of points on the closed orbits of predators and prey."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from numpy.polynomial import Chebyshev

from symmetry_pl.groups.invariants import lotka_volterra, lotka_volterra_gradient

__all__ = ["flow", "orbit_pairs", "period"]

Array = npt.NDArray[np.float64]

_CENTRE = (0.0, -math.log(2))
_LEVELS = (3.0, 4.5)
_APART = 0.2  # in time, of the two points
_STEPS = 400  # that a period takes: levels are kept to 2e-7
_NEWTON = 60


def orbit_pairs(level: Array, phase: Array) -> Array:
    """Points at a share of the period of their orbit, and .2 of time later.

    Args:
        level: H ``(B,)``, in 3 … 4.5.
        phase: share of the period since v was −ln 2 and rose, ``(B,)``.

    Returns:
        (u, v, u', v') ``(B, 4)``.
    """
    start = np.repeat([_CENTRE], len(level), axis=0)
    start[:, 0] += _radius(level, np.zeros(len(level)))[0]
    first = flow(start, phase * period(level), _STEPS)
    second = flow(first, np.full(len(level), _APART), _STEPS // 25)
    return np.concatenate([first, second], axis=1)


def period(level: Array) -> Array:
    """The time that a closed orbit takes, of levels ``(B,)`` of H in 3 … 4.5."""
    found: Array = _period()(level)
    return found


def flow(x: Array, time: Array, steps: int) -> Array:
    """Points ``(B, 2)`` after times ``(B,)``, by Runge and Kutta's rule of order 4."""
    h = (time / steps)[:, None]

    def slope(at: Array) -> Array:
        return lotka_volterra_gradient(at)[:, ::-1] * (-1, 1)

    for _ in range(steps):
        one = slope(x)
        two = slope(x + h / 2 * one)
        three = slope(x + h / 2 * two)
        x = x + h / 6 * (one + 2 * two + 2 * three + slope(x + h * three))
    return x


def _radius(level: Array, angle: Array) -> tuple[Array, Array]:
    """Distance of a level from the centre along a ray, and the slope of H there."""
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    radius = np.full(angle.shape, 8.0)  # beyond all levels: H is convex, and Newton only falls
    for _ in range(_NEWTON):
        x = _CENTRE + radius[..., None] * ray
        slope = (lotka_volterra_gradient(x) * ray).sum(-1)
        radius = radius - (lotka_volterra(x)[..., 0] - level) / slope
    return radius, slope


@cache
def _period() -> Chebyshev:
    """The period as a polynomial of the level."""
    angle = 2 * math.pi * np.arange(1024) / 1024

    def at(level: Array) -> Array:
        radius, slope = _radius(level[:, None], np.broadcast_to(angle, (len(level), len(angle))))
        found: Array = 2 * math.pi * (radius / slope).mean(-1)  # dt = r dθ / (∂H/∂r)
        return found

    found: Chebyshev = Chebyshev.interpolate(at, 20, domain=list(_LEVELS))
    return found

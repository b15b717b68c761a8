"""Schedules as pure functions of training progress, so that a resumed run repeats them exactly.

Progress is the fraction of training batches seen, from 0 (first batch) towards 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """The factor 1, always."""
    return 1.0


def warmup_cosine(warmup: float = 0.0, floor: float = 0.0, start: float = 0.0) -> Schedule:
    """Linear warm-up from ``start`` to 1, then half a cosine down to ``floor``.

    Args:
        warmup: fraction of training spent on the warm-up.
        floor: factor at the end of training.
        start: factor at the first batch, where there is a warm-up.

    >>> f = warmup_cosine(0.1)
    >>> f(0.05), f(0.1), round(f(0.55), 6), f(1.0)
    (0.5, 1.0, 0.5, 0.0)
    """

    def factor(progress: float) -> float:
        if progress < warmup:
            return start + (1.0 - start) * progress / warmup
        share = min(1.0, (progress - warmup) / (1.0 - warmup))
        return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * share))

    return factor


def within(start: float, end: float, schedule: Schedule) -> Schedule:
    """``schedule`` over one part of training, at its first value before and its last after it.

    >>> f = within(0.5, 1.0, warmup_cosine())
    >>> f(0.2), f(0.5), round(f(0.75), 6), f(1.0)
    (1.0, 1.0, 0.5, 0.0)
    """

    def factor(progress: float) -> float:
        return schedule(min(1.0, max(0.0, (progress - start) / (end - start))))

    return factor


def ramp(start: float, end: float) -> Schedule:
    """0 before ``start``, linear in between, 1 from ``end`` on; a step where they coincide.

    >>> f = ramp(0.2, 0.4)
    >>> f(0.1), round(f(0.3), 6), f(0.9)
    (0.0, 0.5, 1.0)
    """

    def factor(progress: float) -> float:
        if progress < start:
            return 0.0
        return 1.0 if progress >= end else (progress - start) / (end - start)

    return factor


class GeometricGrowth:
    """λ_b = min(limit, λ_0 · growth^⌊b / every⌋) after b batches (STIB, Algorithm 1, line 24).

    Args:
        start: λ_0 > 0.
        growth: factor a step, > 0; 1 keeps λ_0.
        every: batches between two steps.
        limit: largest value; ``None`` for none.

    Raises:
        ValueError: if a number is out of range.

    >>> grow = GeometricGrowth(0.7, 1.03, every=300)
    >>> grow(299), round(grow(300), 4), f"{grow(150_000):.2g}"
    (0.7, 0.721, '1.8e+06')
    """

    def __init__(
        self, start: float, growth: float, every: int = 1, limit: float | None = None
    ) -> None:
        if start <= 0:
            raise ValueError(f"lambda_start must be positive, got {start}")
        if growth <= 0:
            raise ValueError(
                f"lambda_growth must be positive (1 keeps lambda constant), got {growth}"
            )
        if every < 1:
            raise ValueError(f"lambda_every must be at least one batch, got {every}")
        self.start, self.growth, self.every, self.limit = start, growth, every, limit

    def __call__(self, batches: int) -> float:
        """λ after ``batches`` batches."""
        value = self.start * self.growth ** (batches // self.every)
        return value if self.limit is None else min(value, self.limit)

    def __repr__(self) -> str:
        return f"GeometricGrowth({self.start} × {self.growth}^(batches // {self.every}))"


def geometric_decay(total: float) -> Schedule:
    """``total`` to the power of progress: the rate falls by the same factor in equal times.

    Args:
        total: factor at the end of training, in (0, 1].

    Raises:
        ValueError: if ``total`` is out of range.

    >>> f = geometric_decay(0.01)
    >>> f(0.0), round(f(0.5), 6), round(f(1.0), 6)
    (1.0, 0.1, 0.01)
    """
    if not 0 < total <= 1:
        raise ValueError(f"lr_decay is the factor at the end of training, in (0, 1], got {total}")

    def factor(progress: float) -> float:
        return float(total**progress)

    return factor


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": warmup_cosine(floor=0.02),
    "one_cycle": warmup_cosine(warmup=0.1),
}


def named_schedule(name: str) -> Schedule:
    """One of ``constant``, ``cosine``, ``one_cycle`` (10 % warm-up, then cosine).

    ``cosine`` ends at 2 % of the rate, so that an adversary still follows at the end.

    Raises:
        ValueError: if there is no schedule of that name.
    """
    if name not in SCHEDULES:
        raise ValueError(f"lr_schedule must be one of {sorted(SCHEDULES)}, got {name!r}")
    return SCHEDULES[name]

"""What changes over training, as pure functions, so that a resumed run repeats it exactly."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "cosine", "geometric")


def scheduled(progress: float, schedule: str, warmup: float, start: float, end: float) -> float:
    """Factor of a learning rate: a linear warm-up from ``start`` to 1, then a schedule to ``end``.

    Args:
        progress: in [0, 1].
        schedule: ``constant``, ``cosine`` or ``geometric``.
        warmup: share of the warm-up.
        start: factor at progress 0, where there is a warm-up.
        end: factor at progress 1; of a constant schedule, 1.

    >>> [round(scheduled(p, "cosine", 0.1, 0.0, 0.0), 6) for p in (0.05, 0.1, 0.55, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    >>> [round(scheduled(p, "geometric", 0.0, 0.0, 0.01), 6) for p in (0.0, 0.5, 1.0)]
    [1.0, 0.1, 0.01]
    """
    if progress < warmup:
        return start + (1.0 - start) * progress / warmup
    share = 1.0 if warmup >= 1 else (progress - warmup) / (1.0 - warmup)
    if schedule == "cosine":
        return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * share))
    return float(end**share) if schedule == "geometric" else 1.0


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
        if limit is not None and limit < start:
            raise ValueError(f"lambda_max must be at least lambda_start {start}, got {limit}")
        self.start, self.growth, self.every, self.limit = start, growth, every, limit

    def __call__(self, batches: int) -> float:
        """λ after ``batches`` batches."""
        value = self.start * self.growth ** (batches // self.every)
        return value if self.limit is None else min(value, self.limit)

    def __repr__(self) -> str:
        return f"GeometricGrowth({self.start} × {self.growth}^(batches // {self.every}))"

"""Which random numbers are whose, of data that are drawn."""

from __future__ import annotations

__all__ = ["STREAMS"]

STREAMS = {"train": 0, "val": 1, "test": 2}
"""Number streams of the splits of data that are drawn at random."""

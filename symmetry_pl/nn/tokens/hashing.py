"""Numbers that depend on nothing but integers: scrambled bits, the same on every machine."""

from __future__ import annotations

from torch import Tensor

__all__ = ["GOLDEN", "mix"]

GOLDEN = -7046029254386353131
"""2⁶⁴ / golden ratio as a signed integer."""

_MIXERS = (-4658895280553007687, -7723592293110705685)


def mix(x: Tensor) -> Tensor:
    """Scramble 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    for bits, factor in zip((30, 27), _MIXERS, strict=True):
        x = (x ^ ((x >> bits) & ((1 << (64 - bits)) - 1))) * factor
    return x ^ ((x >> 31) & ((1 << 33) - 1))

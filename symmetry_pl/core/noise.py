"""Noise that is a pure function of the run's seed and the batch counter."""

from __future__ import annotations

import torch
from torch import Tensor


class Noise:
    """Draws of one batch at a time; there is no state to save.

    ``begin`` seeds it from (seed, batch counter), so that a resumed run draws what an
    uninterrupted one would have drawn.
    """

    def __init__(self) -> None:
        self._generator: torch.Generator | None = None

    def begin(self, seed: int, batch: int, device: torch.device) -> None:
        """Seed the draws of a batch."""
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device)
        self._generator.manual_seed(mix_seed(seed, batch))

    @property
    def begun(self) -> bool:
        """Whether there is anything to draw from."""
        return self._generator is not None

    def draw(self, shape: tuple[int, ...], dtype: torch.dtype | None) -> Tensor:
        """Standard normal numbers of ``shape``."""
        assert self._generator is not None, "begin comes first"
        return torch.randn(
            *shape,
            generator=self._generator,
            device=self._generator.device,
            dtype=dtype if dtype is not None else torch.get_default_dtype(),
        )


def mix_seed(seed: int, counter: int) -> int:
    """A well-mixed 63-bit seed from two integers (the finaliser of splitmix64).

    >>> mix_seed(0, 1) != mix_seed(1, 0)
    True
    """
    mask = 2**64 - 1
    z = (seed * 0x9E3779B97F4A7C15 + (counter + 1) * 0xD1B54A32D192ED03) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1

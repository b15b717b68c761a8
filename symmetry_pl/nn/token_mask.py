"""What a decoder asks of a language whose sequences have rules."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

__all__ = ["TokenMask"]


class TokenMask(Protocol):
    """Which symbols may come next, step by step; ``molecules.SymbolMask`` is one."""

    def start(self, batch: int) -> Any:
        """State before the first position of ``batch`` sequences."""

    def allowed(self, state: Any) -> Tensor:
        """Boolean ``(B, V)``: the symbols that may come next; never none."""

    def step(self, state: Any, ids: Tensor) -> Any:
        """State after the symbols ``ids`` ``(B,)``."""

    def __call__(self, logits: Tensor) -> Tensor:
        """Ids ``(B, L)`` that obey the mask, from the logits ``(B, L, V)`` of all positions."""

"""Who moves which parameters, and the parts training falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from symmetry_pl.core.schedules import Schedule, constant

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


@dataclass(frozen=True)
class Player:
    """A named optimiser with what it may move.

    Args:
        parts: the modules and parameters that are this player's, by name and never by position.
        lr: learning rate at schedule factor 1.
        schedule: factor of the learning rate at a given progress.
        optimizer: ``"adam"``, ``"adamw"`` or ``"sgd"``.
        options: further keyword arguments of the optimiser, e.g. ``{"betas": (0.5, 0.9)}``.
        clip_norm: largest norm of the player's whole gradient; ``None`` leaves it alone.
    """

    parts: Sequence[nn.Module | nn.Parameter]
    lr: float
    schedule: Schedule = constant
    optimizer: str = "adam"
    options: dict[str, Any] | None = None
    clip_norm: float | None = None

    @cached_property
    def moved(self) -> list[nn.Parameter]:
        """All parameters of the parts, each once."""
        found: dict[int, nn.Parameter] = {}
        for part in self.parts:
            for p in [part] if isinstance(part, nn.Parameter) else part.parameters():
                found[id(p)] = p
        return list(found.values())

    def build(self) -> torch.optim.Optimizer:
        """The optimiser, in its fused form where torch has one (one kernel a step)."""
        if self.optimizer not in _OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {sorted(_OPTIMIZERS)}: {self.optimizer!r}")
        if self.lr <= 0:
            raise ValueError(f"a learning rate must be positive, got {self.lr}")
        kind: Any = _OPTIMIZERS[self.optimizer]
        return kind(self.moved, lr=self.lr, fused=True, **(self.options or {}))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Phase:
    """A named part of training that ends at progress ``until`` (1 for the last)."""

    name: str
    until: float

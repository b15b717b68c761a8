"""What a ``PropertyGenerator`` is asked in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from symmetry_pl.stib.guided_draws import Steering

__all__ = ["TargetingProtocol"]


@dataclass(frozen=True)
class TargetingProtocol:
    """How many molecules are asked for, and how they are drawn.

    Args:
        targets: how many held-out molecules lend their properties; 0 to draw nothing.
        draws: molecules for each of them.
        strength: s of the guidance, 1 for none.
        temperature: T of the draws.
        patience: λ, what an end costs that is off the aim, in nats a standard deviation; 0 for
            nothing, and without effect where there are no running properties.
        likelihoods: held-out molecules whose likelihood is measured.
        best_of: draws of which the model's own sums choose one, in rows of their own; 0 for none.

    Raises:
        ValueError: for a number out of range.
    """

    targets: int = 100
    draws: int = 10
    strength: float = 2.0
    temperature: float = 0.5
    patience: float = 40.0
    likelihoods: int = 2000
    best_of: int = 4

    def __post_init__(self) -> None:
        least = {"targets": 0, "draws": 1, "likelihoods": 1, "best_of": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(
                    f"model.protocol.{name} must be a whole number of at least {low}, got {value!r}"
                )
        bounds = {"strength": "at least 0", "temperature": "more than 0", "patience": "at least 0"}
        for name, bound in bounds.items():
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or value < 0 or (value == 0 and name == "temperature"):
                raise ValueError(f"model.protocol.{name} must be {bound}, got {value!r}")

    @property
    def steering(self) -> Steering:
        """How the draws are led to their aim."""
        return Steering(self.strength, self.temperature, self.patience)

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> TargetingProtocol:
        """The protocol with some options of a user's own.

        Raises:
            ValueError: for an option that it does not have, or a number out of range.

        >>> TargetingProtocol.of({"best_off": 0})
        Traceback (most recent call last):
        ValueError: model.protocol has no option 'best_off'; there are targets, draws, strength,
            temperature, patience, likelihoods, best_of
        """
        known = [field.name for field in fields(cls)]
        for name in options or {}:
            if name not in known:
                raise ValueError(
                    f"model.protocol has no option {name!r}; there are {', '.join(known)}"
                )
        return cls(**(options or {}))

"""Who moves which parameters, and how: the options a config gives, over a method's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypedDict

import torch
from torch import nn

from symmetry_pl.core.phases import Length, Phases, in_batches, parse_length
from symmetry_pl.core.schedules import SCHEDULES, scheduled

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
_OF_OPTIMIZER = ("weight_decay", "betas", "eps")


class PlayerOptions(TypedDict, total=False):
    """Options of a player; what a config leaves out keeps the method's default.

    Attributes:
        lr: learning rate at factor 1.
        optimizer: ``adam``, ``adamw`` or ``sgd``.
        weight_decay: of the optimiser.
        betas: of Adam and AdamW.
        eps: of Adam and AdamW.
        clip_norm: largest norm of the player's whole gradient; null leaves it alone.
        schedule: ``constant``, ``cosine`` (half a cosine from 1 to ``end``) or ``geometric``
            (``end`` to the power of progress), after the warm-up.
        warmup: length of a linear warm-up from ``start`` to 1; a share is one of the leg.
        start: factor at the first batch, where there is a warm-up.
        end: factor at the end.
        in_phase: the same options, in one phase; the optimiser itself stays.
    """

    lr: float
    optimizer: str
    weight_decay: float
    betas: list[float]
    eps: float
    clip_norm: float | None
    schedule: Literal["constant", "cosine", "geometric"]
    warmup: Length
    start: float
    end: float
    in_phase: dict[str, dict[str, Any]]


_KNOWN = tuple(PlayerOptions.__annotations__)


@dataclass(frozen=True)
class Player:
    """A named optimiser with what it may move; its schedule runs once over each leg.

    Args:
        parts: the modules and parameters that are this player's, by name and never by position.
        options: how it moves them.
        legs: each a tuple of phases in a row; one over the whole training if there are none.
            Before its first leg a player has the first factor of the schedule, after a leg the
            last.
    """

    parts: Sequence[nn.Module | nn.Parameter]
    options: PlayerOptions = field(default_factory=lambda: PlayerOptions())
    legs: Sequence[Sequence[str]] = ()

    @cached_property
    def moved(self) -> list[nn.Parameter]:
        """All parameters of the parts, each once."""
        found: dict[int, nn.Parameter] = {}
        for part in self.parts:
            for p in [part] if isinstance(part, nn.Parameter) else part.parameters():
                found[id(p)] = p
        return list(found.values())

    def within(self, options: Mapping[str, Any]) -> Player:
        """This player with the options of a config over its own; ``in_phase`` merges by phase."""
        own: dict[str, Any] = dict(self.options)
        phases = {name: dict(given) for name, given in own.get("in_phase", {}).items()}
        for name, given in (options.get("in_phase") or {}).items():
            phases[name] = {**phases.get(name, {}), **given}
        merged: Any = {**own, **options, "in_phase": phases}
        return replace(self, options=merged)

    def option(self, name: str, phase: str, default: Any = None) -> Any:
        """An option as it is in a phase."""
        given: dict[str, Any] = self.options.get("in_phase", {}).get(phase, {})
        return given.get(name, self.options.get(name, default))

    def build(self) -> torch.optim.Optimizer:
        """The optimiser, in its fused form where torch has one (one kernel a step)."""
        kind: Any = _OPTIMIZERS[self.options.get("optimizer", "adam")]
        given = {k: _plain(v) for k, v in self.options.items() if k in _OF_OPTIMIZER}
        return kind(self.moved, lr=self.options["lr"], fused=True, **given)  # type: ignore[no-any-return]

    def settings(self, phases: Phases, clock: int, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """What the optimiser's parameter groups have at a batch: ``lr``, and what phases change.

        Args:
            phases: of the training.
            clock: batches since its start.
            defaults: the optimiser's own.
        """
        phase = phases.at(clock)[0]
        lr: float = self.option("lr", phase)
        found = {"lr": lr * self._factor(phases, clock, phase)}
        for name in self._changing:
            found[name] = _plain(self.option(name, phase, defaults[name]))
        return found

    @cached_property
    def _changing(self) -> set[str]:
        """Options of the optimiser that some phase changes."""
        given = self.options.get("in_phase", {}).values()
        return {name for options in given for name in options if name in _OF_OPTIMIZER}

    def _factor(self, phases: Phases, clock: int, phase: str) -> float:
        """Factor of the learning rate: the schedule at the progress of the player's leg."""
        leg = self._leg(phases, clock)
        begin, end = phases.span(*leg)
        progress = phases.progress(clock, *leg)
        warmup = self.option("warmup", phase)
        share = 0.0
        if warmup is not None and end > begin:
            share = in_batches(warmup, "warmup", end - begin, phases.per_epoch) / (end - begin)
        return scheduled(
            progress,
            self.option("schedule", phase, "constant"),
            min(1.0, share),
            self.option("start", phase, 0.0),
            self.option("end", phase, 0.0),
        )

    def _leg(self, phases: Phases, clock: int) -> Sequence[str]:
        """The last leg that has begun, or the first."""
        if not self.legs:
            return ()
        spans = [(phases.span(*leg), leg) for leg in self.legs]
        begun = [leg for (begin, end), leg in spans if begin <= clock and begin < end]
        return begun[-1] if begun else self.legs[0]


def check_options(player: str, options: Mapping[str, Any], inside: str = "") -> None:
    """Refuse options of a player that are unknown or out of range.

    Raises:
        ValueError: naming ``model.players.<player>.<option>``.
    """
    where = f"model.players.{player}{inside}"
    if not isinstance(options, Mapping):
        raise ValueError(f"{where} takes options by name, got {options!r}")
    known = [name for name in _KNOWN if not inside or name not in ("optimizer", "in_phase")]
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"{where} has no option {name!r}; there are {known}")
        if name == "in_phase":
            for phase, given in value.items():
                check_options(player, given, f".in_phase.{phase}")
        elif not _acceptable(name, value):
            raise ValueError(f"{where}.{name} {_WANTED[name]}, got {value!r}")
    if "warmup" in options:
        parse_length(options["warmup"], f"{where}.warmup")
    if options.get("schedule") == "geometric" and not options.get("end", 1.0) > 0:
        raise ValueError(f"{where}.end must be positive on a geometric schedule")


_WANTED = {
    "lr": "must be a positive number",
    "optimizer": f"must be one of {sorted(_OPTIMIZERS)}",
    "weight_decay": "must be a number of at least 0",
    "betas": "must be two numbers in [0, 1)",
    "eps": "must be a positive number",
    "clip_norm": "must be a positive number, or null for none",
    "schedule": f"must be one of {list(SCHEDULES)}",
    "warmup": "is a length such as '2 epochs', '500 batches' or '30 %'",
    "start": "must be a factor of at least 0",
    "end": "must be a factor of at least 0",
}


def _acceptable(name: str, value: Any) -> bool:
    """Whether a value is one the option can have."""
    if name == "optimizer":
        return value in _OPTIMIZERS
    if name == "schedule":
        return value in SCHEDULES
    if name == "warmup":
        return isinstance(value, str)
    if name == "betas":
        return len(value) == 2 and all(_number(b) and 0 <= b < 1 for b in value)
    if name == "clip_norm" and value is None:
        return True
    if not _number(value):
        return False
    return bool(value > 0 if name in ("lr", "eps", "clip_norm") else value >= 0)


def _plain(value: Any) -> Any:
    """Betas are a pair to torch and a list to YAML."""
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)

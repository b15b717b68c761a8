"""The parts training falls into, as lengths that a config can say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Length = str
"""``"2 epochs"``, ``"500 batches"`` or ``"30 %"``."""

_LENGTH = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(epochs?|batch(?:es)?|%)\s*")


def parse_length(length: Length, option: str) -> tuple[float, str]:
    """The number and the unit (``epochs``, ``batches`` or ``%``) of a length.

    Raises:
        ValueError: for anything else, naming ``option``.

    >>> parse_length("2 epochs", "model.phases.hold"), parse_length("30 %", "model.y_ramp")
    ((2.0, 'epochs'), (30.0, '%'))
    """
    found = _LENGTH.fullmatch(length) if isinstance(length, str) else None
    if found is None:
        raise ValueError(
            f"{option} is a length such as '2 epochs', '500 batches' or '30 %', got {length!r}"
        )
    unit = {"e": "epochs", "b": "batches", "%": "%"}[found[2][0]]
    number = float(found[1])
    if unit == "%" and number > 100:
        raise ValueError(f"{option} is more than all of it: {length!r}")
    return number, unit


def in_batches(length: Length, option: str, whole: float, per_epoch: float) -> float:
    """A length in batches.

    Args:
        length: which.
        option: its name, for messages.
        whole: batches that 100 % are.
        per_epoch: batches an epoch.

    >>> in_batches("30 %", "model.y_ramp", 1000, 50), in_batches("2 epochs", "…", 1000, 50)
    (300.0, 100.0)
    """
    number, unit = parse_length(length, option)
    return number * {"%": whole / 100, "epochs": per_epoch, "batches": 1.0}[unit]


@dataclass(frozen=True)
class Phases:
    """When each phase begins and ends, in batches since the last start: a function of the clock.

    Args:
        names: of all phases, in order.
        rest: the one that takes what the others leave.
        lengths: of the others; one that is not named has length 0.
        total: batches of the whole training.
        per_epoch: batches an epoch.

    Raises:
        ValueError: for an unknown name, a length of ``rest``, or more than there is.

    >>> phases = Phases(("pretrain", "play", "finetune"), "play",
    ...                 {"pretrain": "2 epochs", "finetune": "30 %"}, total=100, per_epoch=10)
    >>> phases.at(0), phases.at(45), phases.at(70)
    (('pretrain', 0.0), ('play', 0.5), ('finetune', 0.0))
    """

    names: tuple[str, ...]
    rest: str
    lengths: Mapping[str, Length]
    total: float
    per_epoch: float

    def __post_init__(self) -> None:
        check_lengths(self.names, self.rest, self.lengths)
        taken = sum(self._batches(name) for name in self.lengths)
        if taken > self.total * (1 + 1e-9):
            said = ", ".join(f"{name}: {length}" for name, length in self.lengths.items())
            raise ValueError(
                f"model.phases ({said}) take {taken:g} batches and training has {self.total:g}: "
                "shorten them or raise trainer.max_epochs"
            )

    def _batches(self, name: str) -> float:
        option = f"model.phases.{name}"
        return in_batches(self.lengths[name], option, self.total, self.per_epoch)

    @cached_property
    def _spans(self) -> dict[str, tuple[float, float]]:
        lengths = {name: self._batches(name) for name in self.lengths}
        lengths[self.rest] = max(0.0, self.total - sum(lengths.values()))
        found, at = {}, 0.0
        for name in self.names:
            found[name] = (at, at + lengths.get(name, 0.0))
            at = found[name][1]
        return found

    def span(self, *names: str) -> tuple[float, float]:
        """First and last batch (exclusive) of phases in a row; of all phases if none is named."""
        chosen = names or self.names
        return self._spans[chosen[0]][0], self._spans[chosen[-1]][1]

    def at(self, clock: int) -> tuple[str, float]:
        """The phase of a batch, and the progress within it, in [0, 1]."""
        last = self.rest
        for name in self.names:
            begin, end = self.span(name)
            if clock < end:
                return name, (clock - begin) / (end - begin)
            last = name if end > begin else last
        return last, 1.0

    def progress(self, clock: int, *names: str) -> float:
        """Progress within phases in a row: 0 before the first, 1 after the last."""
        begin, end = self.span(*names)
        if clock < begin or end <= begin:
            return 0.0 if clock < begin else 1.0
        return min(1.0, (clock - begin) / (end - begin))


def check_lengths(names: Sequence[str], rest: str, lengths: Mapping[str, Length]) -> None:
    """Refuse lengths of phases that there are not, before there is a trainer.

    Raises:
        ValueError: for an unknown name, a length of ``rest``, or one that cannot be read.
    """
    for name, length in lengths.items():
        if name not in names:
            raise ValueError(f"model.phases has no phase {name!r}; there are {list(names)}")
        if name == rest:
            raise ValueError(f"model.phases.{rest} takes what the others leave: leave it out")
        parse_length(length, f"model.phases.{name}")


def leading_epochs(
    names: tuple[str, ...],
    rest: str,
    lengths: Mapping[str, Length],
    chosen: Sequence[str],
    max_epochs: int,
    option: str,
) -> int:
    """Whole epochs that the first phases last, before the batches of an epoch are known.

    Args:
        names: of all phases, in order.
        rest: the one that takes what the others leave.
        lengths: of the others.
        chosen: the phases asked for; those before them have length 0.
        max_epochs: of the training.
        option: what asks, for messages.

    Raises:
        ValueError: if they are not the first, or end inside of an epoch.

    >>> leading_epochs(("pretrain", "play"), "play", {"pretrain": "25 %"}, ["pretrain"], 8, "…")
    2
    """
    if not chosen:
        return 0
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise ValueError(f"{option} names no phase of the model: {unknown[0]!r}; {list(names)}")
    for name, length in lengths.items():
        if parse_length(length, f"model.phases.{name}")[1] == "batches":
            raise ValueError(
                f"{option} changes the data at an epoch's end, and model.phases.{name} is "
                f"{length!r}: give it epochs"
            )
    phases = Phases(names, rest, lengths, max_epochs, 1)
    begin, end = phases.span(*chosen)
    if begin > 0 or abs(end - round(end)) > 1e-6:
        raise ValueError(
            f"{option} wants whole epochs from the first one on, and the phases {list(chosen)} "
            f"last from epoch {begin:g} to {end:g}: change model.phases"
        )
    return round(end)

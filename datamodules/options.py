"""Checks of options that datamodules share, each one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from symmetry_pl.core.description import DataDescription
from symmetry_pl.core.registry import check_choice as _check_choice
from symmetry_pl.messages import quoted

__all__ = ["check_at_least", "check_choice", "check_csv", "check_kind", "refuse_options"]


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse an option of the data that is not among its choices.

    >>> check_choice("dtype", "float16", ("float32", "float64"))
    Traceback (most recent call last):
    ValueError: data.dtype must be float32 or float64, got 'float16'
    """
    _check_choice(f"data.{name}", value, choices)


def check_at_least(least: float, **options: float | None) -> None:
    """Refuse options below the least they may be, or not finite; None is not given.

    >>> check_at_least(1, samples=0)
    Traceback (most recent call last):
    ValueError: data.samples must be at least 1, got 0
    """
    for name, value in options.items():
        if value is not None and not least <= value < math.inf:
            raise ValueError(f"data.{name} must be at least {least}, got {value}")


def check_csv(delimiter: str | None, decimal: str | None = None) -> None:
    """Refuse what cannot be between cells of a CSV file, or within its numbers; None is not given.

    >>> check_csv("::")
    Traceback (most recent call last):
    ValueError: data.delimiter must be one character, got '::'
    """
    check_choice("decimal", decimal, (None, ".", ","))
    if delimiter is not None and len(delimiter) != 1:
        raise ValueError(f"data.delimiter must be one character, got {quoted(delimiter)}")
    if decimal is not None and decimal == delimiter == ".":
        raise ValueError("data.delimiter and data.decimal are both '.'")


def check_kind(model: DataDescription, kind: str, otherwise: str, who: str = "the model") -> None:
    """Refuse a model of data of another kind.

    Args:
        model: what it knows of its data.
        kind: that it must have.
        otherwise: how the sentence goes on.
        who: how it begins.

    >>> check_kind(DataDescription("vector", (2,)), "image", "and these are images")
    Traceback (most recent call last):
    ValueError: the model was trained on data of the kind 'vector', and these are images
    """
    if model.kind != kind:
        raise ValueError(f"{who} was trained on data of the kind {model.kind!r}, {otherwise}")


def refuse_options(options: Iterable[str], of_files: Sequence[str]) -> None:
    """Refuse options that say how a file is read, of data that are in memory.

    >>> refuse_options({"scale": True, "key": "x"}, ("file", "key"))
    Traceback (most recent call last):
    ValueError: data.key is of a file, and these data are in memory: leave it out
    """
    for name in options:
        if name in of_files:
            raise ValueError(
                f"data.{name} is of a file, and these data are in memory: leave it out"
            )

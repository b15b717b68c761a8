"""What a user wants of molecules, as the options say it: names, values, distances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from symmetry_pl.core import DataDescription

__all__ = ["check_possible", "far_off", "full_name", "named", "several", "values"]

_LEAST = {"qed_rdkit": 0.0, "weight_rdkit": 1.0, "psa_rdkit": 0.0}
_MOST = {"qed_rdkit": 1.0}
_FAR = 4.0  # standard deviations: one molecule of tens of thousands


def named(
    option: str, text: str, data: DataDescription, known: Sequence[str] | None = None
) -> tuple[str, float]:
    """Name of a target and number of one ``name=number``; ``logp`` is ``logp_rdkit`` for short.

    Args:
        option: that it was given for, for messages.
        text: what was given.
        data: what the model was trained on.
        known: names that may be given; all targets if None.

    Raises:
        ValueError: for a name that there is not, what is no number, or what no molecule has.
    """
    name, _, value = text.partition("=")
    name = full_name(option, name, data.target_names if known is None else known)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{option} must be {name}=number, got {text!r}")
    return name, number


def full_name(option: str, name: str, known: Sequence[str]) -> str:
    """A target's name among those that are known; ``logp`` is ``logp_rdkit`` for short.

    Raises:
        ValueError: for a name that there is not.

    >>> full_name("--property", "logp", ["logp_rdkit", "gap"])
    'logp_rdkit'
    """
    name = f"{name}_rdkit" if name not in known and f"{name}_rdkit" in known else name
    if name not in known:
        raise ValueError(f"{option}: the model knows no {name!r}, only {', '.join(known)}")
    return name


def check_possible(option: str, name: str, number: float) -> None:
    """Refuse a value that no molecule has.

    Raises:
        ValueError: for such a value.

    >>> check_possible("--property", "qed_rdkit", 1.7)
    Traceback (most recent call last):
    ValueError: --property: qed_rdkit is at most 1, got 1.7
    """
    if number < _LEAST.get(name, -math.inf):
        raise ValueError(f"{option}: {name} is at least {_LEAST[name]:g}, got {number:g}")
    if number > _MOST.get(name, math.inf):
        raise ValueError(f"{option}: {name} is at most {_MOST[name]:g}, got {number:g}")


def values(
    text: str, data: DataDescription, known: Sequence[str] | None = None
) -> tuple[str, list[float]]:
    """Name of a target and numbers of one ``name=number,number,…`` of ``--property``.

    Raises:
        ValueError: as ``named``, for a value twice, or one that no molecule has.
    """
    name, _, several = text.partition("=")
    found = [named("--property", f"{name}={value}", data, known) for value in several.split(",")]
    name, numbers = found[0][0], [number for _, number in found]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"--property: {text!r} has a value twice")
    for number in numbers:
        check_possible("--property", name, number)
    return name, numbers


def several(wanted: Mapping[str, Sequence[float]], out: Path) -> str | None:
    """The property with several values, if there is one, where ``out`` can hold the result.

    Raises:
        ValueError: if there are two, or ``out`` is of the other kind.
    """
    names = [name for name, numbers in wanted.items() if len(numbers) > 1]
    if len(names) > 1:
        raise ValueError(
            f"--property: {names[0]} and {names[1]} have several values, only one may have them"
        )
    if names and out.exists() and not out.is_dir():
        raise ValueError(f"--out: several values are written to a folder, and {out} is a file")
    if not names and out.is_dir():
        raise ValueError(f"--out: molecules are written to a file, and {out} is a folder")
    return names[0] if names else None


def far_off(wanted: Mapping[str, Sequence[float]], data: DataDescription) -> list[str]:
    """A sentence for each value that is far from what the model was trained on."""
    lines = []
    for name, numbers in wanted.items():
        i = data.target_names.index(name)
        if not data.target_scale:
            continue
        for number in numbers:
            distance = abs(number - data.target_mean[i]) / data.target_scale[i]
            if distance > _FAR:
                lines.append(
                    f"{name}={number:g} is {distance:.1f} standard deviations from the mean of the "
                    "training molecules: expect molecules that miss it"
                )
    return lines

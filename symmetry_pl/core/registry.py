"""Networks, groups and frames by name with options by name, so that hyper-parameters stay plain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def build_named(
    what: str,
    registry: Mapping[str, Callable[..., T]],
    name: str,
    sizes: tuple[Any, ...],
    options: Mapping[str, Any],
) -> T:
    """``registry[name](*sizes, **options)``, or one sentence that says what is wrong.

    Args:
        what: name of the option that holds ``name``; its options are called ``{what}_options``.
        registry: classes whose first ``len(sizes)`` arguments are the sizes.
        name: which class.
        sizes: positional arguments that the caller decides.
        options: keyword arguments that the user decides.

    Raises:
        ValueError: for an unknown name or option, naming those that exist, or a missing option.
    """
    if name not in registry:
        raise ValueError(f"{what} must be one of {sorted(registry)}, got {name!r}")
    parameters = list(inspect.signature(registry[name]).parameters.values())[len(sizes) :]
    known = [parameter.name for parameter in parameters]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"{what}_options has no option {unknown[0]!r}; {what} {name!r} takes {known}"
        )
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise ValueError(f"{what}_options must give {parameter.name!r} for {what} {name!r}")
    return registry[name](*sizes, **options)

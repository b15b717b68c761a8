"""Options that are names: of networks, groups and frames, and those with a fixed set of values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

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
        name: which class; also ``package.module.Class``, a user's own with the same arguments.
        sizes: positional arguments that the caller decides.
        options: keyword arguments that the user decides.

    Raises:
        ValueError: for an unknown name or option, naming those that exist, or a missing option.
    """
    factory = find_named(what, registry, name)
    parameters = list(inspect.signature(factory).parameters.values())[len(sizes) :]
    known = [parameter.name for parameter in parameters]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"{what}_options has no option {unknown[0]!r}; {what} {name!r} takes {known}"
        )
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise ValueError(f"{what}_options must give {parameter.name!r} for {what} {name!r}")
    return factory(*sizes, **options)


def find_named(what: str, registry: Mapping[str, Callable[..., T]], name: str) -> Callable[..., T]:
    """What a name stands for: an entry of the registry, or a dotted path of a user's own.

    Args:
        what: the option, for messages.
        registry: what there is by name.
        name: which.

    Raises:
        ValueError: for a name that there is not, or a path that cannot be imported.

    >>> find_named("clock", {}, "datetime.date").__name__
    'date'
    """
    if name in registry:
        return registry[name]
    place, _, attribute = name.rpartition(".")
    if not place:
        raise ValueError(
            f"{what} must be one of {sorted(registry)}, or the path package.module.Class of your "
            f"own, got {name!r}"
        )
    try:
        found: Callable[..., T] = getattr(import_module(place), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{what} {name!r} cannot be imported: {error}") from error
    return found


def check_choice(option: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a value that is not among those an option may have, in one sentence.

    Args:
        option: as a user writes it, such as ``model.rank``.
        value: what was given.
        choices: all values there are, two at least.

    Raises:
        ValueError: naming them.

    >>> check_choice("model.rank", "groving", ("full", "growing"))
    Traceback (most recent call last):
    ValueError: model.rank must be full or growing, got 'groving'
    """
    if value not in choices:
        listed = f"{', '.join(map(str, choices[:-1]))} or {choices[-1]}"
        raise ValueError(f"{option} must be {listed}, got {value!r}")


def check_literals(function: Callable[..., Any], options: Mapping[str, Any], where: str) -> None:
    """Check every option that ``function`` annotates with a ``Literal``, as the YAML parser does.

    Args:
        function: whose annotations say what there is, such as ``type(self).__init__``.
        options: values by name; others than those annotated so are left alone.
        where: what options begin with, ``model`` or ``data``.

    Raises:
        ValueError: for the first value that is not among its choices.

    >>> def build(rank: Literal["full", "growing"] = "full"): ...
    >>> check_literals(build, {"rank": "groving"}, "model")
    Traceback (most recent call last):
    ValueError: model.rank must be full or growing, got 'groving'
    """
    for name, hint in get_type_hints(function).items():
        if get_origin(hint) is Literal and name in options:
            check_choice(f"{where}.{name}", options[name], get_args(hint))

"""Options that are names: of networks, groups and frames, and those with a fixed set of values."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
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
        name: which class; or the path of one of the user's own, ``my.module.Class``, that takes
            the same sizes first.
        sizes: positional arguments that the caller decides.
        options: keyword arguments that the user decides.

    Raises:
        ValueError: for an unknown name or option, naming those that exist, a missing option, or a
            path that leads to nothing that takes the sizes.
    """
    check_name(what, registry, name)
    factory = registry[name] if name in registry else imported(name, what)
    if not callable(factory):
        raise ValueError(f"{what} {name!r} is no class: {factory!r}")
    signature = inspect.signature(factory)
    parameters = list(signature.parameters.values())[len(sizes) :]
    known = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    unknown = [option for option in options if option not in known]
    if unknown and not any(p.kind == p.VAR_KEYWORD for p in parameters):
        raise ValueError(
            f"{what}_options has no option {unknown[0]!r}; {what} {name!r} takes {known}"
        )
    for parameter in parameters:
        needed = parameter.name in known and parameter.default is parameter.empty
        if needed and parameter.name not in options:
            raise ValueError(f"{what}_options must give {parameter.name!r} for {what} {name!r}")
    try:
        signature.bind(*sizes, **options)
    except TypeError as error:
        raise ValueError(
            f"{what} {name!r} must take {len(sizes)} sizes first, then its options: {error}"
        ) from error
    return factory(*sizes, **options)


def check_name(what: str, registry: Mapping[str, object], name: str) -> None:
    """Refuse a name that is neither registered nor a path, before anything is built.

    Raises:
        ValueError: naming those that there are.
    """
    if name not in registry and "." not in name:
        raise ValueError(
            f"{what} must be one of {sorted(registry)}, got {name!r}; "
            "a class of your own is named by its path, my.module.Class"
        )


def imported(path: str, what: str) -> Any:
    """What stands at ``my.module.Class``.

    Args:
        path: module and attribute.
        what: what names it, for messages.

    Raises:
        ValueError: if there is no such module or attribute.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ValueError(f"{what} {path!r} cannot be imported: {error}") from error


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


def check_finite(options: Any, where: str) -> None:
    """Refuse options that are NaN or infinite, however deep they are nested: none means either.

    Args:
        options: values by name, lists of them, or one.
        where: what they are below, such as ``model``.

    Raises:
        ValueError: naming the first.

    >>> check_finite({"players": {"flow": {"lr": float("nan")}}}, "model")
    Traceback (most recent call last):
    ValueError: model.players.flow.lr must be a finite number, got nan
    """
    if isinstance(options, Mapping):
        for name, value in options.items():
            check_finite(value, f"{where}.{name}")
    elif isinstance(options, (list, tuple)):
        for value in options:
            check_finite(value, where)
    elif isinstance(options, float) and not math.isfinite(options):
        raise ValueError(f"{where} must be a finite number, got {options}")


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

"""Options of a model that only a test asks for: there the command line wins over a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from symmetry_pl.training.arguments import flat

__all__ = ["given_options", "put_back"]


def given_options(args: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those of a model's options that the command line itself gives, whole or an entry of them.

    >>> given_options(["--model.protocol.draws=2", "--model.width", "8"], ["protocol", "phases"])
    ['protocol']
    """
    words = [word.partition("=")[0].removeprefix("--model.") for word in args if word[:2] == "--"]
    paths = [word.removeprefix("init_args.").partition(".")[0] for word in words]
    return [name for name in names if name in paths]


def put_back(model: Any, given: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give a model's options the values of the command line again.

    Args:
        model: the section ``model`` of a config, as the checkpoint has it; changed in place.
        given: options to values.

    Returns:
        What the checkpoint had and what there is now, by the path of each option that changed.
    """
    changes: dict[str, tuple[Any, Any]] = {}
    for name, value in given.items():
        for part in ("init_args", "dict_kwargs"):
            section = model.get(part)
            if section is None or name not in section:
                continue
            before, after = flat(section[name], name), flat(value, name)
            section[name] = deepcopy(value)
            changes |= {
                f"model.{key}": (before.get(key), after.get(key))
                for key in sorted(before.keys() | after.keys())
                if before.get(key) != after.get(key)
            }
    return changes

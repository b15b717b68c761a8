"""Single entries of nested options on the command line."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader

from symmetry_pl.training.yaml_text import check_yaml

__all__ = ["with_whole_entries"]


def with_whole_entries(args: list[str]) -> list[str]:
    """``--model.players.flow.lr=1e-3`` as the whole of ``model.players`` with this entry changed.

    The parser merges one level of a dict option; of what lies deeper it would keep this one entry
    and silently drop its neighbours in the configs.

    >>> with_whole_entries(["--model.players={flow: {lr: 1}}", "--model.players.flow.end=0"])[-1]
    '--model.players={flow: {lr: 1, end: 0}}'
    """
    known: dict[str, dict[str, Any]] = {"model": {}, "data": {}}
    found: list[str] = []
    words = list(args)
    while words:
        argument = words.pop(0)
        name, equals, value = argument.partition("=")
        section, _, path = name.removeprefix("--").partition(".")
        said = [argument]
        if name in ("--config", "-c") or (section in known and path not in ("", "help")):
            if not equals and words:
                value = words.pop(0)
                said.append(value)
            if section in known and not name.endswith("+"):
                option, *keys = path.removeprefix("init_args.").split(".")
                before = known[section].get(option)
                known[section][option] = entry = _with_entry(before, keys, _read(value))
                if len(keys) > 1 or (keys and isinstance(before, dict)):
                    flow = yaml.safe_dump(
                        entry, default_flow_style=True, sort_keys=False, width=10**6
                    )
                    said = [f"--{section}.{option}={flow.strip()}"]
            elif Path(value).is_file():
                for part in known:
                    known[part] |= _options(_read(Path(value).read_text("utf-8-sig")), part)
        found += said
    return found


def _read(text: str) -> Any:
    """YAML as the parser reads it; text that is none stays as it is, for the parser to refuse."""
    try:
        check_yaml(text)
        return get_loader("yaml")(text)
    except yaml.YAMLError:
        return text


def _options(config: Any, part: str) -> dict[str, Any]:
    """Options of ``model`` or ``data`` in a config; none where there is no such section."""
    section = config.get(part) if isinstance(config, dict) else None
    options = section.get("init_args") if isinstance(section, dict) else None
    return options if isinstance(options, dict) else {}


def _with_entry(whole: Any, keys: list[str], value: Any) -> Any:
    """``whole`` with ``value`` at ``keys``; it is left alone itself."""
    if not keys:
        return value
    merged = deepcopy(whole) if isinstance(whole, dict) else {}
    inner = merged
    for key in keys[:-1]:
        if not isinstance(inner.get(key), dict):
            inner[key] = {}
        inner = inner[key]
    inner[keys[-1]] = value
    return merged

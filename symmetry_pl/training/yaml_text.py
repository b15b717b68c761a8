"""YAML as configs are: small, flat trees in UTF-8; what only looks small is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from symmetry_pl.messages import shortened

__all__ = ["check_yaml", "read_yaml_file"]

_LARGEST = 1 << 20  # bytes of a config
_NODES = 100_000
_DEPTH = 50


def read_yaml_file(path: Path, option: str = "--config") -> dict[str, Any]:
    """The options in a config file.

    Args:
        path: the file.
        option: what names it, for messages.

    Raises:
        ValueError: if it cannot be read, is no YAML, or no options by name.
    """
    where = f"{option}: {path}"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{where} cannot be read ({error.strerror})") from error
    if len(raw) > _LARGEST:
        raise ValueError(f"{where} has {len(raw):,} bytes, and a config at most {_LARGEST:,}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not text in UTF-8 (byte {error.start})") from error
    try:
        check_yaml(text)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" on line {error.problem_mark.line + 1}"
        raise ValueError(f"{where} is not YAML{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a date of month 13, for one
        raise ValueError(f"{where} is not YAML: {shortened(str(error), 200)}") from error
    if content is not None and not isinstance(content, dict):
        raise ValueError(f"{where} holds a {type(content).__name__}, not options by name")
    return content or {}


def check_yaml(text: str) -> None:
    """Refuse YAML that becomes much more than it is: a few lines of aliases make millions of nodes.

    Raises:
        yaml.YAMLError: for it, and for what is no YAML.
    """
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            _expanded(node, {}, set(), 0)
    except RecursionError:
        raise yaml.YAMLError(f"it is nested deeper than {_DEPTH} levels") from None


def _expanded(node: yaml.Node | None, known: dict[int, int], above: set[int], depth: int) -> int:
    """Nodes below one, those of aliases counted as often as they are named."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) in above:
        raise yaml.YAMLError("an alias in it names what it is part of")
    if depth > _DEPTH:
        raise yaml.YAMLError(f"it is nested deeper than {_DEPTH} levels")
    if id(node) not in known:
        above.add(id(node))
        parts = [p for item in node.value for p in (item if isinstance(item, tuple) else (item,))]
        count = 1
        for part in parts:
            count += _expanded(part, known, above, depth + 1)
            if count > _NODES:
                raise yaml.YAMLError(f"its aliases make more than {_NODES:,} values of it")
        above.remove(id(node))
        known[id(node)] = count
    return known[id(node)]

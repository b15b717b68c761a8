"""What the command line means before Lightning's parser sees it, and options as plain names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from symmetry_pl.runs.folders import config_root, run_of_checkpoint

__all__ = ["flat", "with_saved_config", "with_shipped_configs"]


def flat(section: Any, prefix: str = "") -> dict[str, Any]:
    """Nested options as one level of dotted names."""
    plain = section.as_dict() if hasattr(section, "as_dict") else section
    if not isinstance(plain, dict):
        return {prefix: plain} if prefix else {}
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= flat(value, f"{prefix}.{key}" if prefix else key)
    return found


def with_saved_config(args: list[str]) -> list[str]:
    """``--config`` of the run a checkpoint lies in, where the user names only the checkpoint."""
    words = [word for argument in args for word in argument.split("=", 1)]
    if "--ckpt_path" not in words[:-1] or "--config" in words or "-c" in words:
        return args
    config = run_of_checkpoint(words[words.index("--ckpt_path") + 1]) / "config.yaml"
    return [args[0], "--config", str(config), *args[1:]] if config.is_file() else args


def with_shipped_configs(args: list[str]) -> list[str]:
    """``--config stib/spiral.yaml`` means the shipped config where no such file is here."""
    found = list(args)
    for i, argument in enumerate(found):
        name, equals, value = argument.partition("=")
        if name not in ("--config", "-c") or (not equals and i + 1 == len(found)):
            continue
        value = value if equals else found[i + 1]
        shipped = config_root() / value
        if not Path(value).is_file() and shipped.is_file():
            found[i if equals else i + 1] = f"{name}={shipped}" if equals else str(shipped)
    return found

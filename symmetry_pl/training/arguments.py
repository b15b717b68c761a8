"""What the command line means before Lightning's parser sees it, and options as plain names."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import get_loader

from symmetry_pl.messages import shortened
from symmetry_pl.runs.folders import LOG_ROOT, config_root, newest_run, run_of_checkpoint
from symmetry_pl.runs.named import checkpoint_path
from symmetry_pl.training.yaml_text import check_yaml, read_yaml_file

__all__ = [
    "check_class_names",
    "check_configs",
    "check_options",
    "flat",
    "read_config",
    "with_saved_config",
    "with_shipped_configs",
    "with_todays_names",
]

_DATA = ("--data", "--data.class_path")


def flat(section: Any, prefix: str = "") -> dict[str, Any]:
    """Nested options as one level of dotted names."""
    plain = section.as_dict() if hasattr(section, "as_dict") else section
    if not isinstance(plain, dict):
        return {prefix: plain} if prefix else {}
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= flat(value, f"{prefix}.{key}" if prefix else key)
    return found


def todays_name(name: Any) -> Any:
    """``datamodules.QM9DataModule``, as older files say, is ``symmetry_pl.datamodules.…`` today.

    A class that is not ours is that of a folder ``datamodules`` of the user's own.

    >>> todays_name("datamodules.QM9DataModule"), todays_name("datamodules.Mine")
    ('symmetry_pl.datamodules.QM9DataModule', 'datamodules.Mine')
    """
    if isinstance(name, str) and name.startswith("datamodules."):
        from symmetry_pl import datamodules

        own = name.rpartition(".")[2]
        if own in datamodules.__all__:
            return f"symmetry_pl.datamodules.{own}"
    return name


def with_todays_names(args: list[str]) -> list[str]:
    """The arguments, with the class of the data by its name of today."""
    found = list(args)
    for i, argument in enumerate(args):
        option, equals, value = argument.partition("=")
        if option in _DATA and equals:
            found[i] = f"{option}={todays_name(value)}"
        elif i and args[i - 1] in _DATA:
            found[i] = todays_name(argument)
    return found


def read_config(text: str) -> Any:
    """YAML as the parser reads it, with the class of the data by its name of today.

    Raises:
        yaml.YAMLError: also for YAML that becomes much more than it is (``check_yaml``).
    """
    check_yaml(text)
    content = get_loader("yaml")(text)
    data = content.get("data") if isinstance(content, dict) else None
    if isinstance(data, str):
        content["data"] = todays_name(data)
    elif isinstance(data, dict) and "class_path" in data:
        data["class_path"] = todays_name(data["class_path"])
    return content


def with_saved_config(args: list[str]) -> list[str]:
    """``--config`` of the run a checkpoint lies in, where the user names only the checkpoint.

    ``last`` and ``best`` lie in the newest run of ``--run_name``.

    Raises:
        ValueError: if they are those of no run that is named.
        FileNotFoundError: if there is no such checkpoint.
    """
    words = [word for argument in args for word in argument.split("=", 1)]
    if "--ckpt_path" not in words[:-1] or "--config" in words or "-c" in words:
        return args
    name = words[words.index("--ckpt_path") + 1]
    if name == "null":
        return args
    if name in ("last", "best"):
        run_names = _values(args, "--run_name")
        if not run_names:
            raise ValueError(
                f"--ckpt_path {name} is that of a run: say of which with --run_name or --config, "
                "or give the path of a checkpoint"
            )
        root = Path([LOG_ROOT, *_values(args, "--log_root")][-1])
        folder = newest_run(root / run_names[-1], name)
    else:
        folder = run_of_checkpoint(str(checkpoint_path(name, "--ckpt_path")))
    config = folder / "config.yaml"
    return [args[0], "--config", str(config), *args[1:]] if config.is_file() else args


def with_shipped_configs(args: list[str]) -> list[str]:
    """``--config stib/spiral.yaml`` means the shipped config where no such file is here.

    So does ``configs/stib/spiral.yaml``, as it is written in a checkout.
    """
    found = list(args)
    for i, argument in enumerate(found):
        name, equals, value = argument.partition("=")
        if name not in ("--config", "-c") or (not equals and i + 1 == len(found)):
            continue
        value = value if equals else found[i + 1]
        shipped = config_root() / value.removeprefix("configs/")
        if not Path(value).is_file() and shipped.is_file():
            found[i if equals else i + 1] = f"{name}={shipped}" if equals else str(shipped)
    return found


def check_configs(args: list[str]) -> None:
    """Refuse config files that are not there, or are no configs, before the parser reads them.

    Raises:
        ValueError: as ``read_yaml_file``.
        FileNotFoundError: for one that is not there, with one of a similar name.
    """
    for name in [*_values(args, "--config"), *_values(args, "-c")]:
        if name and not Path(name).is_file():
            shipped = [p.relative_to(config_root()).as_posix() for p in shipped_configs()]
            near = difflib.get_close_matches(name.removeprefix("configs/"), shipped, 1)
            guess = f": did you mean {near[0]}?" if near else ", here or among the shipped ones"
            raise FileNotFoundError(f"--config: there is no config {shortened(name)}{guess}")
    _configs(args)


def shipped_configs() -> list[Path]:
    """All configs that come with the package."""
    return sorted(config_root().rglob("*.yaml"))


def check_options(args: list[str]) -> None:
    """Refuse options of Lightning's that would have no effect here.

    Raises:
        ValueError: for ``--trainer.default_root_dir``.
    """
    words = [*_values(args, "--trainer.default_root_dir"), *_in_configs(args, "default_root_dir")]
    if any(word is not None for word in words):
        raise ValueError(
            "--trainer.default_root_dir has no effect, as runs live in "
            "<log_root>/<run_name>/version_k: use --log_root"
        )


def check_class_names(args: list[str], bases: Mapping[str, type]) -> None:
    """Refuse a bare class name that there is not, and guess which one was meant.

    Args:
        args: the command's.
        bases: option (``model``, ``data``) to the base of its classes.

    Raises:
        ValueError: in one sentence.
    """
    for option, base in bases.items():
        known = _subclasses(base)
        named: list[Any] = [*_values(args, f"--{option}"), *_values(args, f"--{option}.class_path")]
        for section in _sections(args, option):
            named.append(section.get("class_path") if isinstance(section, dict) else section)
        for name in named:
            bare = isinstance(name, str) and name.isidentifier()
            if bare and name not in known and not Path(str(name)).exists():
                near = difflib.get_close_matches(str(name), known, 1, 0.5)
                alike = [k for k in known if k.lower() == str(name).lower()] or near
                guess = f"did you mean {alike[0]}?" if alike else f"there are {', '.join(known)}"
                raise ValueError(f"--{option}: there is no class {name}: {guess}")


def _subclasses(base: type) -> list[str]:
    """Names of all classes below a base that can be made."""
    found: set[str] = set()
    waiting: list[type] = [base]
    while waiting:
        kinds: list[type] = waiting.pop().__subclasses__()
        for kind in kinds:
            waiting.append(kind)
            if not inspect.isabstract(kind):
                found.add(kind.__name__)
    return sorted(found)


def _values(args: list[str], option: str) -> list[str]:
    """What is given for an option, as ``--option value`` or ``--option=value``."""
    pairs = zip(args, [*args[1:], ""], strict=True)
    apart = [value for name, value in pairs if name == option]
    return apart + [a.partition("=")[2] for a in args if a.startswith(f"{option}=")]


def _configs(args: list[str]) -> list[dict[str, Any]]:
    """The config files of the command."""
    names = [*_values(args, "--config"), *_values(args, "-c")]
    return [read_yaml_file(Path(name)) for name in names if name]


def _sections(args: list[str], option: str) -> list[Any]:
    return [config[option] for config in _configs(args) if config.get(option)]


def _in_configs(args: list[str], option: str) -> list[Any]:
    sections = _sections(args, "trainer")
    return [section.get(option) for section in sections if isinstance(section, dict)]

"""The files a system's figures come from, found without importing them."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

__all__ = ["code_files", "data_digests", "digest", "files_digest", "module_file"]

_PACKAGE = Path(__file__).resolve().parents[1]
_NAME = _PACKAGE.name
_MODULE = re.compile(rf"({_NAME}(?:\.\w+)+)(?::\w+)?")


def code_files(config: Path) -> dict[str, Path]:
    """Code of the classes that a config names, and all they import of this package.

    Files are those of the imports that stand in the text, inside functions too and those written as
    dotted names; painters, which only draw, and imports for type checkers alone are left out.

    Args:
        config: a YAML file; every `class_path` in it is followed.

    Returns:
        Name below the package's parent to path, e.g. `symmetry_pl/stib/stib.py`; of a class of
        the user's own its module's name, and what that imports of this package.

    Raises:
        ValueError: if a class is nowhere to be found.
    """
    found: dict[str, Path] = {}
    waiting: list[str] = []
    for name in _class_paths(yaml.safe_load(config.read_text())):
        module = _classes().get(name.rpartition(".")[2])
        if module is None:
            outside = _outside(name)
            found[f"{name.rpartition('.')[0].replace('.', '/')}.py"] = outside
            waiting += _imports(outside)
        else:
            waiting.append(module)
    while waiting:
        module = waiting.pop()
        path = module_file(module)
        name = f"{module.replace('.', '/')}{'/__init__' if _is_package(path) else ''}.py"
        if path is not None and name not in found:
            found[name] = path
            waiting += _imports(path)
    return dict(sorted(found.items()))


def digest(text: str | bytes) -> str:
    """The first 16 hexadecimal digits of a SHA-256.

    >>> digest("a")
    'ca978112ca1bbdca'
    """
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


def files_digest(files: dict[str, Path]) -> str:
    """One digest of names and contents."""
    return digest("\n".join(f"{name} {digest(path.read_bytes())}" for name, path in files.items()))


def module_file(module: str) -> Path | None:
    """File of a module of this package; None where there is none.

    >>> module_file("symmetry_pl.reproduce.sources").name, module_file("symmetry_pl.nothing")
    ('sources.py', None)
    """
    parts = module.split(".")
    if parts[0] != _NAME:
        return None
    base = _folder(parts[1]) if len(parts) > 1 else _PACKAGE
    path = base.joinpath(*parts[2:])
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _folder(room: str) -> Path:
    """A room, or the top-level folder of that name where links are not to be had."""
    inside = _PACKAGE / room
    beside = _PACKAGE.parent / room
    return beside if room == "datamodules" and not inside.is_dir() else inside


def _is_package(path: Path | None) -> bool:
    return path is not None and path.name == "__init__.py"


def _class_paths(options: Any) -> Iterator[str]:
    """Every `class_path` of a config, at any depth."""
    if isinstance(options, dict):
        for key, value in options.items():
            if key == "class_path":
                yield value
            else:
                yield from _class_paths(value)
    elif isinstance(options, list):
        for value in options:
            yield from _class_paths(value)


def _outside(class_path: str) -> Path:
    """File of a class that is not of this package, which is not imported for that."""
    module = class_path.rpartition(".")[0]
    try:
        spec = find_spec(module) if module else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise ValueError(f"no class {class_path} to be found: its code cannot be followed")
    return Path(spec.origin)


@cache
def _classes() -> dict[str, str]:
    """Class to module, for every class at the top of a file."""
    found: dict[str, str] = {}
    rooms = sorted({*(p.name for p in _PACKAGE.iterdir() if p.is_dir()), "datamodules"})
    for room in rooms:
        folder = _folder(room).resolve()
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            for name in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.M):
                found.setdefault(name, ".".join((_NAME, room, *inner)))
    return found


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Modules of this package that a file imports."""
    return tuple(dict.fromkeys(_walk(ast.parse(path.read_text(encoding="utf-8")))))


def _walk(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if module_file(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and module_file(node.module):
            yield from _from(node.module, [alias.name for alias in node.names])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            dotted = _MODULE.fullmatch(node.value)
            if dotted and not dotted[1].endswith(".painter") and module_file(dotted[1]):
                yield dotted[1]
        yield from _walk(node)


def _from(module: str, names: Iterable[str]) -> Iterator[str]:
    """Modules behind `from module import names`; a package hands on what it imports itself."""
    for name in names:
        if module_file(f"{module}.{name}"):
            yield f"{module}.{name}"
        elif _is_package(path := module_file(module)) and path is not None:
            yield _handed_on(path, name) or module
        else:
            yield module


def _handed_on(package: Path, name: str) -> str | None:
    """Where the `__init__` of a package imports a name from."""
    for node in ast.walk(ast.parse(package.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and module_file(node.module):
            names = [alias.asname or alias.name for alias in node.names]
            if name in names:
                return node.module
    return None


def data_digests(paths: Sequence[Path], homes: dict[str, Path]) -> dict[str, str]:
    """Digests of data files, by names that begin with the home they lie in.

    Args:
        paths: files that were read.
        homes: name to folder; a file in none of them is no data.
    """
    found: dict[str, str] = {}
    for path in sorted({p.resolve() for p in paths}):
        for name, home in homes.items():
            if path.is_file() and path.is_relative_to(home.resolve()):
                inner = path.relative_to(home.resolve()).as_posix()
                found.setdefault(f"{name}/{inner}", _file_digest(path, path.stat().st_mtime_ns))
    return found


@cache
def _file_digest(path: Path, _changed: int) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum.update(chunk)
    return checksum.hexdigest()[:16]

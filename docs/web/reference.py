"""The API pages: modules of public names and those that a page names, and links to them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parents[1]
PACKAGE = DOCS.parent / "symmetry_pl"

ROOMS = {
    "stib": "STIB and its kin",
    "sgm": "SGM",
    "lens": "SymmetryLens, its rivals, hidden domains",
    "groups": "Groups and their names",
    "datamodules": "Data",
    "fitted": "Fitted models",
    "estimators": "Estimators",
    "information": "Information",
    "metrics": "Figures of merit",
    "molecules": "Molecules",
    "nn": "Networks",
    "core": "Core: what a method is made of",
    "callbacks": "Callbacks",
    "testing": "Checks of your own groups and networks",
    "generate": "New molecules",
    "plots": "Drawings",
    "reproduce": "Tables of the papers",
}
"""A page of the reference each, in the order of the navigation."""

_SPAN = re.compile(r"(?<![`\[\w])`([\w./]+)`(?![`\]])")
_BLOCK = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"(?<![\w/])([a-z_]+(?:/\w+)*)\.py\b")


def module_of(path: Path) -> str:
    """The dotted name of a file of the package.

    >>> module_of(PACKAGE / "core" / "clock.py")
    'symmetry_pl.core.clock'
    """
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def exports(path: Path) -> dict[str, str]:
    """The names that an ``__init__`` gives on, with the modules that they come from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
        for alias in node.names
        if not alias.name.startswith("_") and node.module.startswith("symmetry_pl.")
    }


@cache
def names() -> dict[str, str]:
    """What a page may call an object, short or by its room, and where it is defined.

    >>> names()["STIB"], names()["information.ksg"]
    ('symmetry_pl.stib.stib.STIB', 'symmetry_pl.information.ksg.ksg')
    """
    found: dict[str, str] = {}
    for room in ROOMS:
        for path in sorted((PACKAGE / room).glob("**/__init__.py")):
            inside = module_of(path).removesuffix(".__init__").removeprefix("symmetry_pl.")
            for name, module in exports(path).items():
                found[f"{inside}.{name}"] = found[name] = f"{module}.{name}"
    return found


@cache
def defined(module: str) -> frozenset[str]:
    """Public functions and classes of a module, and methods as ``Class.method``."""
    path = PACKAGE.parent / f"{module.replace('.', '/')}.py"
    if not path.is_file():
        return frozenset()
    kinds = (ast.FunctionDef, ast.ClassDef)
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            found.add(node.name)
            if isinstance(node, ast.ClassDef):
                inner = (part.name for part in node.body if isinstance(part, ast.FunctionDef))
                found |= {f"{node.name}.{name}" for name in inner if not name.startswith("_")}
    return frozenset(found)


def target_of(span: str) -> str | None:
    """The identifier that a code span of a page stands for, None if it is no part of the API.

    >>> target_of("stib/bottleneck.py"), target_of("STIB.model_loss")
    ('symmetry_pl.stib.bottleneck', 'symmetry_pl.stib.stib.STIB.model_loss')
    >>> target_of("lens.losses.alignment")
    'symmetry_pl.lens.losses.alignment'
    """
    if "/" in span:
        path = PACKAGE / span
        found = path.suffix == ".py" and path.is_file() and span.split("/")[0] in ROOMS
        return module_of(path) if found else None
    if span in names():
        return names()[span]
    head, _, method = span.rpartition(".")
    if head in names():
        module, _, owner = names()[head].rpartition(".")
        return f"{module}.{owner}.{method}" if f"{owner}.{method}" in defined(module) else None
    for cut in (span.find("."), span.rfind(".")):  # room.module.name, room.module
        if cut > 0:
            full = f"symmetry_pl.{span}"
            module, _, name = full.rpartition(".")
            if name in defined(module) and span.split(".")[0] in ROOMS:
                return full
    return None


def cited(pages: list[Path]) -> set[str]:
    """The modules of everything that the pages name."""
    found = set()
    for page in pages:
        for text in _BLOCK.split(page.read_text(encoding="utf-8"))[::2]:
            for span in _SPAN.findall(text):
                target = target_of(span)
                if target is not None:
                    found.add(home_of(target))
    return found


def home_of(target: str) -> str:
    """The module of an identifier.

    >>> home_of("symmetry_pl.stib.stib.STIB.model_loss")
    'symmetry_pl.stib.stib'
    """
    while not (PACKAGE.parent / f"{target.replace('.', '/')}.py").is_file():
        target = target.rpartition(".")[0]
    return target


def modules(room: str, pages: list[Path]) -> list[str]:
    """The modules on a room's page: of its public names, and that a page names."""
    if (PACKAGE / f"{room}.py").is_file():
        return [f"symmetry_pl.{room}"]
    public = {home_of(target) for target in names().values()}
    below = f"symmetry_pl.{room}."
    return sorted(name for name in public | cited(pages) if name.startswith(below))


def page(room: str, pages: list[Path]) -> str:
    """The text of a room's page."""
    blocks = "\n\n".join(f"::: {name}" for name in modules(room, pages))
    return f"# {ROOMS[room]}\n\n{blocks}\n"


def linked(text: str) -> str:
    """A page whose code spans lead to the reference, where they name a part of it.

    >>> print(linked("By `information.ksg`, not `x`."))
    By [`information.ksg`][symmetry_pl.information.ksg.ksg], not `x`.
    """

    def link(found: re.Match[str]) -> str:
        target = target_of(found[1])
        return found[0] if target is None else f"[{found[0]}][{target}]"

    parts = _BLOCK.split(text)  # fenced blocks stay as they are
    parts[::2] = [_SPAN.sub(link, part) for part in parts[::2]]
    return "".join(parts)

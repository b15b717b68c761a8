"""Imports go one way: the rules of docs/architecture.md, over every file of the package.

Imports inside functions count; those under ``TYPE_CHECKING`` count for rooms, not for circles.
"""

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "symmetry_pl"
FAMILIES = {"stib", "sgm", "lens"}
BELOW_FAMILIES = {"core", "groups", "information", "nn", "molecules", "metrics"}
MAY = {
    "core": set(),
    "information": set(),
    "nn": set(),
    "molecules": set(),
    "runs": set(),
    "groups": {"core"},
    "plots": {"information"},
    "metrics": {"information", "molecules", "groups"},
    "stib": BELOW_FAMILIES,
    "sgm": BELOW_FAMILIES | {"runs"},  # where checkpoints that come with the package lie
    "lens": BELOW_FAMILIES,
    "datamodules": {"core", "groups", "molecules"},
    "checkpoints": {"core", "runs"},
    "callbacks": {"core", "metrics", "molecules", "runs"},
    "generate": {
        *("core", "datamodules", "stib", "molecules", "information", "metrics", "plots", "runs")
    },
    "fitted": {"core", "datamodules", "generate", "molecules", "runs", *FAMILIES},
    "export": {"core", "runs", *FAMILIES},
    "estimators": {"core", "fitted", "training", "datamodules", *FAMILIES},
    "training": {"core", "runs", "callbacks", "datamodules", *FAMILIES},
    "reproduce": {
        *("training", "core", "metrics", "information", "molecules", "plots", "runs"),
        *("datamodules", "groups"),
    },
    "testing": {"groups"},
    "messages": set(),
    "rng": set(),
    "cli": {"runs"},  # it finds commands by a table of names
    "__main__": {"cli"},
    "": {
        "estimators",
        "fitted",
        "groups",
        "runs",
        *FAMILIES,
    },  # the package itself: public names, when they are first asked for
}
"""Room to the rooms its files may import, itself, ``messages`` and ``rng`` apart."""

FILES = {
    "symmetry_pl." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    # a link is not walked into by every Python: the data are listed by their own folder
    if "datamodules" not in path.relative_to(PACKAGE).parts
} | {
    "symmetry_pl.datamodules."
    + ".".join(path.relative_to(PACKAGE.parent / "datamodules").with_suffix("").parts): path
    for path in sorted((PACKAGE.parent / "datamodules").rglob("*.py"))
}


def room_of(module):
    return [*module.split("."), ""][1].replace("__init__", "")


def imports(path):
    """Modules that a file imports, and whether only for type checkers."""
    tree = ast.parse(path.read_text())
    typing_only = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only |= {id(inner) for child in node.body for inner in ast.walk(child)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if is_module(name) else node.module for name in inner]
        for name in names:
            yield name, id(node) in typing_only


def is_module(name):
    return name in FILES or f"{name}.__init__" in FILES


def ours(path):
    return [(n, t) for n, t in imports(path) if n == "symmetry_pl" or n.startswith("symmetry_pl.")]


def test_every_room_has_its_rule():
    assert {room_of(module) for module in FILES} == set(MAY)


@pytest.mark.parametrize("room", MAY)
def test_a_room_imports_only_those_below_it(room):
    for module, path in FILES.items():
        if room_of(module) != room:
            continue
        may = MAY[room] | {room, "messages", "rng"}
        if path.name == "painter.py" and room in FAMILIES:
            may = may | {"plots"}
        used = {room_of(name) for name, _ in ours(path) if name != "symmetry_pl"}
        assert used <= may, f"{module} imports {sorted(used - may)}"


def test_files_of_a_room_import_files_and_not_its_door():
    for module, path in FILES.items():
        parts = module.split(".")
        if parts[-1] == "__init__" or len(parts) < 3:
            continue
        doors = {".".join(parts[:k]) for k in range(2, len(parts))}
        used = {name for name, _ in ours(path)}
        assert not used & doors, f"{module} imports {sorted(used & doors)}"


def test_rooms_of_data_do_not_know_each_other():
    for module, path in FILES.items():
        parts = module.split(".")
        if parts[1] == "datamodules" and len(parts) == 4:
            rooms = {name.split(".")[2] for name, _ in ours(path) if name.count(".") == 3}
            assert rooms <= {parts[2], "files"}, module


def test_there_is_no_circle_of_files():
    graph = {
        module: {
            name if name in FILES else f"{name}.__init__"
            for name, typing_only in ours(path)
            if not typing_only and is_module(name)
        }
        for module, path in FILES.items()
    }
    done, trail = set(), []

    def visit(module):
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module in done:
            return
        trail.append(module)
        for other in sorted(graph[module]):
            visit(other)
        trail.pop()
        done.add(module)

    for module in graph:
        visit(module)


def test_the_record_of_runs_needs_the_standard_library_alone():
    for module, path in FILES.items():
        if room_of(module) == "runs":
            others = {name.split(".")[0] for name, _ in imports(path)} - {"symmetry_pl"}
            assert others <= sys.stdlib_module_names, f"{module} imports {others}"


def test_nflows_stays_with_the_flows_and_data_have_one_name():
    for module, path in FILES.items():
        for name, _ in imports(path):
            if name.split(".")[0] == "nflows":
                assert module.startswith("symmetry_pl.nn.flows."), module
            assert name.split(".")[0] != "datamodules", module


def test_a_checkout_has_every_datamodule_once(monkeypatch):
    """From the root of a checkout, ``datamodules`` is importable, too."""
    monkeypatch.syspath_prepend(str(PACKAGE.parent))
    ours, theirs = map(import_module, ("symmetry_pl.datamodules", "datamodules"))
    assert all(getattr(ours, name) is getattr(theirs, name) for name in ours.__all__)
    with pytest.raises(ModuleNotFoundError):
        import_module("datamodules.vectors.arrays")
    monkeypatch.delitem(sys.modules, "datamodules")  # as other tests of this process find it

"""build_named: classes of the registry, classes of the user's own, and what is refused."""

from __future__ import annotations

import sys

import pytest

from symmetry_pl.core.registry import build_named


class Box:
    def __init__(self, width, height, colour="red", *, depth):
        self.said = (width, height, colour, depth)


def build(name, sizes=(1, 2), **options):
    return build_named("box", {"plain": Box}, name, sizes, options)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's own."""
    (tmp_path / "my_boxes.py").write_text(
        "class Mine:\n"
        "    def __init__(self, width, height, lid=True, **rest):\n"
        "        self.said = (width, height, lid, rest)\n"
        "class Flat:\n"
        "    def __init__(self, width): ...\n"
        "size = 3\n"
    )
    (tmp_path / "broken_boxes.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_boxes", None)


def test_a_name_takes_sizes_and_options():
    assert build("plain", depth=3).said == (1, 2, "red", 3)


def test_a_path_leads_to_a_class_of_the_users_own(module):
    assert build("my_boxes.Mine", lid=False).said == (1, 2, False, {})
    assert build("my_boxes.Mine", hinge="brass").said == (1, 2, True, {"hinge": "brass"})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("plian", {}, r"box must be one of \['plain'\] or a path my.module.Class, got 'plian'"),
        ("plain", {"deep": 1}, r"no option 'deep'; box 'plain' takes \['colour', 'depth'\]"),
        ("plain", {}, "box_options must give 'depth' for box 'plain'"),
        ("no_such.Box", {}, "box 'no_such.Box' cannot be imported: No module named 'no_such'"),
        ("my_boxes.Nine", {}, "cannot be imported: module 'my_boxes' has no attribute 'Nine'"),
        ("broken_boxes.Box", {}, "cannot be imported: No module named 'no_such_package'"),
        (".Box", {}, "box '.Box' cannot be imported"),
        ("my_boxes.size", {}, "box 'my_boxes.size' is no class: 3"),
        ("my_boxes.Flat", {}, "box 'my_boxes.Flat' must take 2 sizes first"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(module, name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)

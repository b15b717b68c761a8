"""Options with a fixed set of values are checked in Python as in YAML."""

from typing import Literal

import pytest

from symmetry_pl.core.registry import check_choice, check_literals

Kind = Literal["a", "b", "c"]


class Model:
    def __init__(self, size: int, kind: Kind = "a", way: Literal[1, 2] = 1) -> None: ...


def test_a_choice_that_there_is_not_is_one_sentence():
    check_choice("model.kind", "a", ("a", "b"))
    with pytest.raises(ValueError, match=r"^model\.kind must be a, b or c, got 'd'$"):
        check_choice("model.kind", "d", ("a", "b", "c"))


def test_literals_are_read_from_annotations():
    check_literals(Model.__init__, {"size": 3, "kind": "c", "way": 2}, "model")
    check_literals(Model.__init__, {"other": "d"}, "model")
    with pytest.raises(ValueError, match=r"data\.way must be 1 or 2, got 3"):
        check_literals(Model.__init__, {"kind": "b", "way": 3}, "data")

"""Docstrings as Markdown: examples as blocks of code, formulas as formulas."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*?(?=^ *$|\Z)", re.DOTALL | re.MULTILINE)
_FORMULA = re.compile(r"^( *)\.\. math:: (.*)$", re.MULTILINE)


def as_markdown(text: str) -> str:
    """The docstring with fenced examples.

    >>> print(as_markdown("Half.\\n\\n>>> 1 / 2\\n0.5"))
    Half.
    <BLANKLINE>
    ```pycon
    >>> 1 / 2
    0.5
    ```
    """

    def fenced(found: re.Match[str]) -> str:
        indent = found["indent"]
        return f"{indent}```pycon\n{found[0].rstrip()}\n{indent}```\n"

    text = _FORMULA.sub(r"\1$$\n\1\2\n\1$$", text)
    return _EXAMPLE.sub(fenced, text).rstrip("\n")


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)

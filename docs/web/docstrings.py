"""Docstrings as Markdown: examples as blocks of code, formulas as formulas."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*?(?=^ *$|\Z)", re.DOTALL | re.MULTILINE)
_FORMULA = re.compile(r"^( *)\.\. math:: ?((?:.+\n?)+)", re.MULTILINE)
_INLINE = re.compile(r":math:`([^`]*)`")


def as_markdown(text: str) -> str:
    r"""The docstring with fenced examples.

    >>> print(as_markdown("Half.\n\n>>> 1 / 2\n0.5"))
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

    def formula(found: re.Match[str]) -> str:
        lines = (f"{found[1]}{line.strip()}" for line in found[2].rstrip().splitlines())
        return "\n".join([f"{found[1]}$$", *lines, f"{found[1]}$$", ""])

    text = _INLINE.sub(r"$\1$", _FORMULA.sub(formula, text))
    return _EXAMPLE.sub(fenced, text).rstrip("\n")


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)

"""What the argument parser complains of, in one sentence."""

from __future__ import annotations

import re

from symmetry_pl.messages import shortened

__all__ = ["parser_sentence"]

_KEY = re.compile(r'Parser key "([^"]*)"')
_TYPE = re.compile(r"<class '(?:[\w.]*\.)?(\w+)'>")
_EMPTY = re.compile(r"\s*(?:Subtypes: .*|Errors:|Does not validate .*|Given value type: .*)")


def parser_sentence(message: str) -> str:
    """The option, and the first thing that is wrong with its value.

    The parser tells all that it has tried, on up to a dozen indented lines.

    >>> parser_sentence('''Parser key "trainer.max_epochs":
    ...   Does not validate against any of the Union subtypes
    ...   Subtypes: [<class 'int'>, <class 'NoneType'>]
    ...   Errors:
    ...     - Expected a <class 'int'>
    ...     - Expected a <class 'NoneType'>
    ...   Given value type: <class 'str'>
    ...   Given value: 1.5''')
    '--trainer.max_epochs: expected int or null, got 1.5'
    """
    keys = [key for key in _KEY.findall(message) if key]
    lines = [line for line in message.splitlines() if not _EMPTY.fullmatch(line)]
    said = [_KEY.sub("", line).strip(" :-") for line in lines]
    found = [line for line in said if line]
    given = next((s.partition(": ")[2] for s in found if s.startswith("Given value: ")), None)
    found = [line for line in found if not line.startswith(("Given value: ", "Problem with given"))]
    wanted = [_TYPE.findall(line) for line in found if line.startswith("Expected a ")]
    if wanted and wanted[0] and found[0].startswith("Expected a "):
        got = found[0].partition("Got value: ")[2] or given
        kinds = dict.fromkeys("null" if w[0] == "NoneType" else w[0] for w in wanted if w)
        what = f"expected {' or '.join(kinds)}, got {shortened(str(got))}"
    elif found:
        what = shortened(_TYPE.sub(r"\1", found[0]), 300)
        what = what if what.isupper() else what[0].lower() + what[1:]
    else:
        what = "is not understood"
    return f"--{'.'.join(keys)}: {what}" if keys else what

"""A parser of arguments that complains in one sentence."""

from __future__ import annotations

import argparse
from typing import NoReturn

from symmetry_pl.messages import shortened

__all__ = ["SentenceParser"]


class SentenceParser(argparse.ArgumentParser):
    """One that raises what is wrong, for the command to print, and prints no usage.

    >>> SentenceParser().parse_args(["--nosuch"])
    Traceback (most recent call last):
    ValueError: unrecognized arguments: --nosuch
    """

    def error(self, message: str) -> NoReturn:
        """Raise it.

        Raises:
            ValueError: always.
        """
        raise ValueError(shortened(message, 300))

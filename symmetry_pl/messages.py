"""What a user gave, as messages quote it: never a thousand characters of it."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed", "quoted", "shortened"]


def listed(items: Sequence[str], most: int = 10, count: int | None = None) -> str:
    """Items with commas, and how many are left out.

    Args:
        items: the first ones at least.
        most: how many are named.
        count: how many there are, if not all of them are given.

    >>> listed(["a", "b", "c"], 2), listed(["a", "b"], count=5)
    ('a, b and 1 more', 'a, b and 3 more')
    """
    shown = [shortened(item, 120) for item in items[:most]]
    more = (count or len(items)) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def shortened(text: str, most: int = 80) -> str:
    """A text of at most ``most`` characters, whose middle is left out where it is longer.

    >>> shortened("C" * 1000, 20)
    'CCCCCCCCC … CCCCCCCC'
    """
    if len(text) <= most:
        return text
    end = (most - 3) // 2
    return f"{text[: most - 3 - end]} … {text[-end:]}"


def quoted(value: object, most: int = 80) -> str:
    """A value as Python writes it, shortened.

    >>> quoted("a b"), quoted(1.5)
    ("'a b'", '1.5')
    """
    return shortened(repr(value), most)

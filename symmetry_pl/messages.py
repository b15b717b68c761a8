"""What messages quote of a user, never a thousand characters of it; and what helps with disks."""

from __future__ import annotations

import errno
from collections.abc import Sequence

__all__ = ["listed", "of_the_disk", "quoted", "shortened"]

_FREE = "free some room, or write elsewhere with --log_root (generate, reproduce: --out)"
_MAY = "write where you may, with --log_root (generate, reproduce: --out)"
_ROOM = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or write elsewhere with --log_root",
    errno.EROFS: _MAY,
    errno.EACCES: _MAY,
    errno.EPERM: _MAY,
    errno.ENOTDIR: _MAY,
    errno.ENAMETOOLONG: "choose a shorter --run_name",
}
"""What helps where a disk does not take what is written."""


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


def of_the_disk(error: OSError) -> str | None:
    """What could not be written, why, and what helps; None where no disk is to blame.

    >>> of_the_disk(OSError(errno.ENOSPC, "No space left on device", "a.ckpt"))[:50]
    'a.ckpt cannot be written (No space left on device)'
    """
    remedy = _ROOM.get(error.errno or 0)
    if remedy is None:
        return None
    place = shortened(str(error.filename or ""), 200) or "a file of the run's folder"
    return (
        f"{place} cannot be written ({error.strerror or error}): {remedy}; what was whole before "
        "is still there, and a fit goes on from its last checkpoint with --ckpt_path last"
    )

"""Fragments: pieces of several symbols, learned by byte-pair encoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_SYMBOLS", "Merge", "apply_fragments", "join", "learn_fragments"]

# Why the text of a fragment is enough to know which two pieces make it, and why several orders of
# work agree. Replay merges in learned order, and look at any stretch of symbols whose two ends
# are borders of pieces at some moment. No merge has crossed its ends until then, and a run of one
# piece is paired from its left, so the stretch was split as it would have been alone. Hence two
# pieces with the joined text of a fragment are, until it is replayed, always the same two, and
# after that they never stand side by side: no fragment is learned twice, and joining the earliest
# fragment first wherever it arises does what replaying does.

Merge = tuple[int, int]
"""Ids of the two pieces that a fragment joins, in their order."""

MOST_SYMBOLS = 2**15 - 1
"""Symbols in a vocabulary with fragments, padding included, so that ids fit into 16 bits."""

_Ids = npt.NDArray[np.int16]
_ROOM = MOST_SYMBOLS + 1
_CHUNK = 1 << 18  # ids that stay in the processor's cache


def join(ids: Sequence[int], merges: Mapping[Merge, int]) -> list[int]:
    """Join pieces of one sequence until no two neighbours make a fragment.

    The fragment learned earliest comes first, and of its places the leftmost.

    Args:
        ids: base symbols.
        merges: the id of each fragment; later ones are greater.

    Example:
        >>> join([1, 2, 2, 2], {(2, 2): 3, (1, 3): 4})
        [4, 2]
    """
    pieces = list(ids)
    while True:
        pairs = enumerate(pairwise(pieces))
        found = min(((merges[pair], i) for i, pair in pairs if pair in merges), default=None)
        if found is None:
            return pieces
        fragment, i = found
        pieces[i : i + 2] = [fragment]


def learn_fragments(ids: npt.NDArray[np.integer], first: int, count: int) -> dict[Merge, int]:
    """Learn fragments by byte-pair encoding (Gage 1994; Sennrich et al. 2016).

    Time and again the two neighbours that occur most often become a new piece. Places that
    overlap, as in a run of three equal pieces, count each; of equally frequent pairs the one of
    smaller ids is taken.

    Args:
        ids: base symbols ``(N, L)``, padding 0 at the ends alone.
        first: id of the first fragment, above all of ``ids``.
        count: fragments wanted. There are fewer if no pair occurs twice any more.

    Returns:
        The id of each fragment, by the pair it joins, in the order they were learned.

    Raises:
        ValueError: if there would be more than ``MOST_SYMBOLS``, or ``count`` is negative.

    Example:
        >>> learn_fragments(np.array([[1, 2, 2], [1, 2, 0]]), first=3, count=9)
        {(1, 2): 3}
    """
    if not 0 <= count <= MOST_SYMBOLS - first:
        raise ValueError(
            f"{first} symbols leave room for 0 to {MOST_SYMBOLS - first} fragments, got {count}"
        )
    flat = _flatten(ids)
    merges: dict[Merge, int] = {}
    counts = Counter(_occurrences(flat, np.arange(len(flat) - 1)))
    queue = [(-n, code) for code, n in counts.items() if n > 1]
    heapify(queue)
    while len(merges) < count and queue:
        n, code = heappop(queue)
        if counts[code] != -n:
            continue  # its count has changed since it was queued, and it was queued again
        left, right = divmod(code, _ROOM)
        merges[left, right] = new = first + len(merges)
        at = _places(flat, left, right)
        lost = _occurrences(flat, _union(len(flat), at - 1, at, at + 1))
        flat = _replace(flat, at, new)
        at -= np.arange(len(at))
        gained = _occurrences(flat, _union(len(flat), at - 1, at))
        counts.subtract(lost)
        counts.update(gained)
        for changed in (*lost, *gained):
            if counts[changed] > 1:
                heappush(queue, (-counts[changed], changed))
    return merges


def apply_fragments(ids: npt.NDArray[np.integer], merges: Mapping[Merge, int]) -> _Ids:
    """Join all rows at once, as ``join`` does one.

    Args:
        ids: base symbols ``(N, L)``, padding 0 at the ends alone.
        merges: the id of each fragment, in the order they were learned.

    Returns:
        Ids ``(N, L')``, where L' is the length of the longest row.

    Example:
        >>> apply_fragments(np.array([[1, 2, 2], [1, 2, 0]]), {(1, 2): 3})
        array([[3, 2],
               [3, 0]], dtype=int16)
    """
    height = max(1, _CHUNK // max(1, ids.shape[1]))
    parts = []
    for start in range(0, len(ids), height):
        flat = _flatten(ids[start : start + height])
        for (left, right), new in merges.items():
            flat = _replace(flat, _places(flat, left, right), new)
        parts.append(flat[1:])
    flat = np.concatenate([np.empty(0, np.int16), *parts])
    lengths = np.diff(np.flatnonzero(flat == 0), prepend=-1) - 1
    joined = np.zeros((len(ids), lengths.max(initial=0)), np.int16)
    joined[np.arange(joined.shape[1]) < lengths[:, None]] = flat[flat > 0]
    return joined


def _flatten(ids: npt.NDArray[np.integer]) -> _Ids:
    """All rows in one, with a 0 before, between and behind them."""
    bordered = np.pad(ids, ((0, 0), (0, 1))).astype(np.int16)
    keep = bordered > 0
    keep[:, -1] = True
    return np.concatenate([np.zeros(1, np.int16), bordered[keep]])


def _places(flat: _Ids, left: int, right: int) -> npt.NDArray[np.int64]:
    """Where the pair begins; in runs of one piece, where pairing from the left begins it."""
    at = np.flatnonzero((flat[:-1] == left) & (flat[1:] == right))
    if left == right:
        number = np.arange(len(at))
        in_run = np.diff(at, prepend=-2) == 1
        at = at[(number - np.maximum.accumulate(np.where(in_run, 0, number))) % 2 == 0]
    return at


def _replace(flat: _Ids, at: npt.NDArray[np.int64], new: int) -> _Ids:
    """Put one piece in place of the two that begin at each of these places."""
    if not len(at):
        return flat
    flat[at] = new
    return np.delete(flat, at + 1)


def _union(size: int, *places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places below ``size`` that are in any of these, each once: quicker than sorting."""
    found = np.zeros(size, bool)
    for at in places:
        found[at] = True
    return np.flatnonzero(found)


def _occurrences(flat: _Ids, at: npt.NDArray[np.int64]) -> dict[int, int]:
    """How often each pair begins at these places; one that has a 0 is none."""
    left, right = flat[at].astype(np.int64), flat[at + 1]
    codes, counts = np.unique((left * _ROOM + right)[(left > 0) & (right > 0)], return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))

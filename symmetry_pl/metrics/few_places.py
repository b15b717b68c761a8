"""Optimal transport of many points to a few places that hold some of them each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["cost_to_few"]

Array = npt.NDArray[np.float64]
_LESS = 1e-12  # by which a path must be shorter to replace another: rounding makes no circles


def cost_to_few(cost: Array, room: npt.NDArray[np.int64]) -> float:
    r"""The least mean cost of N points in m places, of which place b holds ``room[b]``.

    .. math:: \min_\pi \frac1N \sum_i c_{i, \pi(i)}, \qquad |\pi^{-1}(b)| = r_b

    Each point begins at its nearest place. Then one point after another leaves a place that is too
    full: along the cheapest chain of moves to one with room, by which a plan that is the best for
    its numbers leads to the best for the next ones (successive shortest paths). A chain visits
    places, not points, so that this is exact in a second where a matching of all points takes
    half a minute.

    Args:
        cost: c, ``(N, m)``.
        room: r, ``(m,)``, N in all.

    Raises:
        ValueError: if there is not room for just N points.

    >>> cost_to_few(np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([1, 1]))
    0.5
    """
    count, places = cost.shape
    if room.shape != (places,) or int(room.sum()) != count:
        raise ValueError(f"{count} points need as much room, got {room.tolist()}")
    at = cost.argmin(1)
    load = np.bincount(at, minlength=places)
    move = np.full((places, places), np.inf)  # cost of the cheapest move from a to b
    mover = np.zeros((places, places), np.int64)

    def look(a: int) -> None:
        """The cheapest moves from a place."""
        here = np.flatnonzero(at == a)
        if not len(here):
            move[a] = np.inf
            return
        apart = cost[here] - cost[here, a][:, None]
        best = apart.argmin(0)
        move[a], mover[a] = apart[best, np.arange(places)], here[best]
        move[a, a] = np.inf

    for a in range(places):
        look(a)
    for _ in range(int((load - room).clip(0).sum())):
        path = _cheapest_chain(move, load > room, load < room)
        chain = [(int(mover[a, b]), b) for a, b in path]
        for point, b in chain:
            at[point] = b
        load[path[0][0]] -= 1
        load[path[-1][1]] += 1
        for a in {place for step in path for place in step}:
            look(a)
    return float(cost[np.arange(count), at].mean())


def _cheapest_chain(
    move: Array, full: npt.NDArray[np.bool_], free: npt.NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Steps (a, b) from a place that is too full to one with room, in order (Bellman and Ford)."""
    places = len(move)
    paid = np.where(full, 0.0, np.inf)
    before = np.full(places, -1)
    for _ in range(places):
        through = paid[:, None] + move
        best = through.argmin(0)
        less = through[best, np.arange(places)] < paid - _LESS
        less &= ~full  # a chain from a later place that is too full is cheaper still
        if not less.any():
            break
        before[less] = best[less]
        paid = np.where(less, through[best, np.arange(places)], paid)
    b = int(np.where(free, paid, np.inf).argmin())
    steps: list[tuple[int, int]] = []
    for _ in range(places):  # a chain visits a place once
        if before[b] < 0:
            break
        steps.append((int(before[b]), b))
        b = int(before[b])
    return steps[::-1]

"""The order of items in which neighbours fit best: a tour, improved move by move."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Order = npt.NDArray[np.int64]

_LONGEST = 3  # of the pieces that are moved as a whole
_GAIN = 1e-12  # of the largest affinity; less is rounding


def improve_order(affinity: Matrix, order: Order, closed: bool = False) -> Order:
    r"""Raise Σ_k affinity[o_k, o_{k+1}] by the best move at a time until no move does.

    Moves turn a stretch around (2-opt), or put up to three items elsewhere, either way around
    (or-opt). An open chain is a tour with one more item that fits all others equally badly.

    A move counts only if it raises the sum itself, added up anew without rounding. The sum is a
    function of the tour, so no tour comes back and the search ends, whatever rounding does to the
    gains of moves.

    Args:
        affinity: ``(n, n)``, finite; (A + Aᵀ) / 2 is used, as a product in floating point is not
            symmetric on every processor.
        order: a permutation of 0 … n − 1 to begin with.
        closed: whether the last item is a neighbour of the first.

    Returns:
        The order, ``(n,)``; of a closed one, begun at the item that the given one began with.

    Raises:
        ValueError: if an affinity is not finite.

    >>> line = np.abs(np.subtract.outer(range(5), range(5)))
    >>> improve_order(-line.astype(float), np.array([1, 0, 4, 3, 2])).tolist()
    [4, 3, 2, 1, 0]
    """
    n = len(order)
    if not np.isfinite(affinity).all():
        raise ValueError("items cannot be ordered: an affinity is NaN or infinite")
    weights = np.zeros((n + 1, n + 1))
    weights[:n, :n] = 0.5 * (affinity + affinity.T)
    least = _GAIN * max(float(np.abs(weights).max()), 1e-300)
    tour = order if closed else np.append(order, n)
    total = _total(weights, tour)
    while True:
        here = weights[np.ix_(tour, tour)]
        moves = [_best_turn(here), *(_best_move(here, size) for size in range(1, _LONGEST + 1))]
        moved = tour[max(moves, key=lambda move: move[0])[1]]
        raised = _total(weights, moved)
        if not raised > total + least:
            break
        tour, total = moved, raised
    first = order[0] if closed else n
    turned = np.roll(tour, -int(np.flatnonzero(tour == first)[0]))
    return turned if closed else turned[1:]


def _total(weights: Matrix, tour: Order) -> float:
    """Sum of the weights along a tour, rounded once."""
    return math.fsum(weights[tour, np.roll(tour, -1)].tolist())


def _best_turn(here: Matrix) -> tuple[float, Order]:
    """Gain and result of turning around the best stretch i + 1 … j."""
    n = len(here)
    step = here[np.arange(n), np.arange(1, n + 1) % n]
    across = np.roll(here, (-1, -1), (0, 1))
    gain = here + across - step[:, None] - step
    gain[np.tril_indices(n, 1)] = -np.inf
    i, j = np.unravel_index(int(gain.argmax()), gain.shape)
    places = np.arange(n)
    places[i + 1 : j + 1] = places[i + 1 : j + 1][::-1]
    return float(gain[i, j]), places


def _best_move(here: Matrix, size: int) -> tuple[float, Order]:
    """Gain and result of the best new place of ``size`` items in a row."""
    n = len(here)
    if n < size + 3:
        return -np.inf, np.arange(n)
    best, places = -np.inf, np.arange(n)
    for start in range(n):
        rolled = np.roll(np.arange(n), -start)  # the items come first
        w = here[np.ix_(rolled, rolled)]
        rest = np.arange(size, n)
        left, right = rest[:-1], rest[1:]
        removed = w[n - 1, size] - w[n - 1, 0] - w[size - 1, size]
        for head, tail in ((0, size - 1), (size - 1, 0)):
            gain = removed + w[left, head] + w[tail, right] - w[left, right]
            k = int(gain.argmax())
            if gain[k] > best:
                piece = np.arange(size) if head == 0 else np.arange(size)[::-1]
                moved = np.concatenate([rest[: k + 1], piece, rest[k + 1 :]])
                best, places = float(gain[k]), rolled[moved]
    return best, places

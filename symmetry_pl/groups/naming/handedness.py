r"""Groups of O(3) from their rotations: which elements mirror, and Schoenflies' symbol for that.

(det g) g of a group G of O(3) is a group K of rotations. Either nothing mirrors and G = K; or
−1 is in G, which then is K and −K; or the elements that do not mirror are a subgroup P of half as
many, and G is P and −(K without P).
"""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.groups.rotations import angles_between, multiply

__all__ = ["handed"]

_SHARE = 0.2  # of its uniform share, from which an element counts as present
_INVERTED = {"T": "Th", "O": "Oh", "I": "Ih", "SO(2)": "C∞h", "O(2)": "D∞h", "all": "O(3)"}


def handed(
    symbol: str, elements: Tensor, counts: Tensor, mirrored: Tensor
) -> tuple[str, Tensor] | None:
    """Symbol of the group of O(3), and signs of its elements.

    Args:
        symbol: of K.
        elements: of K as quaternions ``(k, 4)``, the main axis' rotations first; of none if K is
            continuous.
        counts: samples in each part of K, ``(c,)``; of a circle's arcs, or all samples together.
        mirrored: those of them that mirror.

    Returns:
        The symbol, and whether rotations and mirror images of each part belong to the group,
        ``(c, 2)``; None if what does not mirror is no subgroup, so that there is no group.
    """
    share = _SHARE * counts.mean() / 2
    there = torch.stack([counts - mirrored > share, mirrored > share], 1)
    proper, improper = there[:, 0], there[:, 1]
    if not bool(improper.any()):
        return symbol, there
    if bool(there.all()):
        return _inverted(symbol), there
    if bool((proper == improper).any()) or not bool(proper[0]):
        return None
    if not len(elements):
        half = len(counts) // 2
        mirrors = bool(proper[:half].all()) and not bool(proper[half:].any())
        return ("C∞v", there) if symbol == "O(2)" and mirrors else None
    kept = elements[proper]
    products = multiply(kept[:, None], kept).flatten(0, 1)
    if 2 * len(kept) != len(elements) or float(angles_between(products, kept).amin(1).max()) > 0.1:
        return None
    return _halved(symbol, proper), there


def _inverted(symbol: str) -> str:
    """Of K and −K."""
    if symbol in _INVERTED:
        return _INVERTED[symbol]
    n = int(symbol[1:])
    if symbol[0] == "C":
        return "Ci" if n == 1 else f"S{2 * n}" if n % 2 else f"C{n}h"
    return f"D{n}d" if n % 2 else f"D{n}h"


def _halved(symbol: str, proper: Tensor) -> str:
    """Of P and −(K without P)."""
    if symbol == "O":
        return "Td"
    n = int(symbol[1:])
    if symbol[0] == "C":
        half = n // 2
        return "Cs" if half == 1 else f"C{half}h" if half % 2 else f"S{n}"
    if n == 2 or bool(proper[:n].all()):
        return f"C{n}v"
    return f"D{n // 2}h" if n // 2 % 2 else f"D{n // 2}d"

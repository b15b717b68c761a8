"""The public function: a name for a group, from noisy samples of its elements."""

from __future__ import annotations

from typing import Any

from symmetry_pl.groups.naming.candidates import candidates
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.groups.naming.sample import Coset, read_sample
from symmetry_pl.groups.naming.verdict import judge

__all__ = ["name_group"]


def name_group(
    elements: Any,
    weights: Any = None,
    *,
    coset: Coset | None = None,
    largest: int = 24,
    tolerance: float = 1.0,
) -> NamedGroup:
    r"""Name the group that noisy elements of SO(2), O(2), SO(3) or O(3) are of, if they are of one.

    Groups that the samples suggest are fitted as mixtures about their elements, each with an
    orientation, a jitter σ, a share of outliers and shares of the elements,

    .. math:: p(g) = \pi_0 + (1 - \pi_0) \sum_{h \in H} \pi_h\, V (2\pi\sigma^2)^{-m/2}
        e^{-\theta(g,\, F h F^\top)^2 / 2\sigma^2}

    and compared by BIC with circles, with the uniform law, and with modes that are free to lie
    anywhere. The best is a group if no part of it is missing. Deterministic.

    Args:
        elements: orthogonal matrices ``(N, 2, 2)`` or ``(N, 3, 3)``, at least 20; a tensor, an
            array or a list.
        weights: ``(N,)``, at least 0; all the same if None.
        coset: ``"right"`` for elements of H c and ``"left"`` for those of c H with an unknown c,
            such as frames against a prototype. Relative elements of random pairs are named, whose
            jitter is √2 times as large.
        largest: order of an axis at most, above which turns about it are SO(2).
        tolerance: how far modes may be from the elements of a group, in degrees, beside their
            standard errors.

    Returns:
        Name, order, axes and evidence.

    Raises:
        ValueError: for other shapes, matrices that are not orthogonal, or too few elements.

    >>> from symmetry_pl.groups import cyclic
    >>> found = name_group(cyclic(4, axis=(0.0, 1.0, 0.0)).elements.repeat(25, 1, 1))
    >>> found.name, found.order, found.uniform
    ('C4 about (0.00, 1.00, 0.00)', 4, True)
    """
    if largest < 2 or tolerance < 0:
        raise ValueError(
            f"largest must be 2 or more and tolerance not negative, got {largest}, {tolerance}"
        )
    sample = read_sample(elements, weights, coset)
    return judge(sample, candidates(sample, largest), tolerance)

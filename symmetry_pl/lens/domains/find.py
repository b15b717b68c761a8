"""From scrambled vectors alone to the domain of their positions: products of lines.

1. *Neighbours.* Partial correlations are local: what two pixels share beyond what all others say
   of them (``affinity``).
2. *Squares* of four neighbours whose diagonals are weaker are the pieces of a lattice
   (``squares``). Each that is glued to an edge forces the cells of its corners, so that nothing is
   optimised and neither shape nor size need be given (``growth``). Gaps and wrong cells at the
   border are mended by sums of partial correlations (``repair``). A torus and a cylinder are grown
   as if cut open; edges across the cut say how long its rings are (``periods``). A line has no
   squares: there the strongest edges make one path, which may close (``line``).
3. *Halves.* Each half of the samples is searched by itself. Where both put pixels on the same
   places, where neighbours alone put them there, and where no neighbours lie apart, there is a
   domain; whether the covariance depends on displacements alone is tested on the half that the
   places are not from (``verdict``).

That pixels can be put in order by what they share is an old observation (Le Roux, Bengio, Lamblin,
Joliveau and Kégl 2007); squares and the verdict are ours. Data must be permuted; rotated ones
are unmixed first (``mixed``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.moments import Moments
from symmetry_pl.lens.domains.search import Layout, layout_of
from symmetry_pl.lens.domains.stationary import stationary_share
from symmetry_pl.lens.domains.verdict import Verdict, judged, judged_stationary
from symmetry_pl.metrics.places import aligned, chance_level, steps

__all__ = [
    "EVIDENCE",
    "FoundDomain",
    "correlated",
    "find_domain",
    "kind_of",
    "translations",
    "uneven",
]

Search = Callable[[Tensor, tuple[Tensor, Tensor]], Layout]
"""Correlations of samples, and those of two halves of them, to a layout."""

_OF_DOMAIN = ("samples", "live", "correlated", "agreement", "p_value", "completeness", "local")
EVIDENCE = (*_OF_DOMAIN, "stationary", "uneven")
"""Names of the figures that verdicts are made of."""


@dataclass(frozen=True)
class FoundDomain:
    """A hidden domain, and how far to trust it.

    Attributes:
        places: number of the cell of each input, −1 for inputs that are always the same or found
            no place, ``(d,)``.
        live: which inputs ever change, ``(d,)`` of bool.
        domain: the cells; the last axis counts fastest.
        halves: places in the searches of either half of the samples, ``(2, d)``.
        half_domains: their cells.
        figures: by the names of ``EVIDENCE``.
        grown: when each input was glued to a lattice, as of ``Layout``, ``(d,)``; None for others.
    """

    places: Tensor
    live: Tensor
    domain: Domain
    halves: Tensor
    half_domains: tuple[Domain, Domain]
    figures: dict[str, float]
    grown: Tensor | None = field(default=None, kw_only=True)

    @property
    def kind(self) -> str:
        """What the pixels were put on, one of ``DOMAINS`` of ``verdict``, trusted or not."""
        return kind_of(self.domain)

    @property
    def verdict(self) -> Verdict:
        """Whether there is such a domain."""
        return judged(self.kind, **{name: self.figures[name] for name in _OF_DOMAIN})

    @property
    def stationarity(self) -> Verdict:
        """Whether the law is stationary along it."""
        return judged_stationary(self.verdict, self.figures["stationary"], self.figures["uneven"])

    def generators(self) -> Tensor:
        """One a dimension, ``(g, d, d)``, float64."""
        return translations(self.places, self.domain)


def kind_of(domain: Domain) -> str:
    """The topology of a line; of two, ``lattice``, ``cylinder`` or ``torus``.

    >>> kind_of(Domain(((5, "ring"), (7, "chain"))))
    'cylinder'
    """
    if domain.dimensions == 1:
        return domain.axes[0][1]
    return ("lattice", "cylinder", "torus")[sum(one == "ring" for _, one in domain.axes)]


def translations(places: Tensor, domain: Domain) -> Tensor:
    r"""The matrices that move what is at a cell to the next one along each axis.

    .. math:: G_e = \sum_a q_{a+e} q_a^\top

    with q_a the input at cell a. What would leave a chain, or come to a cell without an input, is
    lost.

    Args:
        places: cell of each input, −1 without one, ``(d,)``.
        domain: the cells.

    Returns:
        ``(g, d, d)``, float64.
    """
    size = len(places)
    found = torch.zeros(domain.dimensions, size, size, dtype=torch.float64)
    for axis in range(domain.dimensions):
        pairs = steps(places, domain, axis)
        found[axis, pairs[:, 1], pairs[:, 0]] = 1.0
    return found


def find_domain(x: Tensor, search: Search = layout_of) -> FoundDomain:
    """Find the places of scrambled pixels from unlabelled samples.

    Dimension, topology and size of the domain are found as well. Takes a second at d = 784 and
    below a minute at 2,304, beside the covariance; deterministic, as there is nothing random in it.

    Limits. Inputs must be the pixels in another order, not mixtures of them; images have one
    channel; lattices have at least three rows, and rings of a torus or cylinder five cells. Rows
    must not depend on each other: quarters are every fourth row, and halves agree too easily where
    neighbours are alike.

    Args:
        x: samples, ``(n, d)`` with n ≥ 16 and at least three pixels that change.
        search: from correlations ``(m, m)`` and those of two halves to a layout.

    Raises:
        ValueError: for samples that cannot be used.
    """
    moments = Moments(x)
    quarters = [moments.correlation([k]) for k in range(4)]
    parts = (moments.correlation([0, 1]), moments.correlation([2, 3]))
    whole = search(moments.correlation(), parts)
    halves = [
        search(part, (quarters[a], quarters[b]))
        for part, (a, b) in zip(parts, ((0, 1), (2, 3)), strict=True)
    ]
    # places of each half on the correlations of the other
    shares = [
        stationary_share(quarters[a], quarters[b], one.places, one.domain)
        for one, (a, b) in zip(halves, ((2, 3), (0, 1)), strict=True)
    ]
    match = _agreement(halves[0], halves[1])
    live = len(moments.live)
    figures = {
        "samples": float(moments.samples),
        "live": float(live),
        "correlated": correlated(*parts),
        "agreement": match / live,
        "p_value": chance_level(match, whole.domain),
        "completeness": min(one.completeness for one in (whole, *halves)),
        "local": min(one.local for one in (whole, *halves)),
        "stationary": sum(shares) / 2,
        "uneven": uneven(*(moments.covariance(pair).diagonal() for pair in ([0, 1], [2, 3]))),
    }
    alive = torch.zeros(moments.dim, dtype=torch.bool)
    alive[moments.live] = True
    return FoundDomain(
        _spread(whole, moments),
        alive,
        whole.domain,
        torch.stack([_spread(one, moments) for one in halves]),
        (halves[0].domain, halves[1].domain),
        figures,
        grown=None if whole.grown is None else _of_all(whole.grown, moments),
    )


def _agreement(one: Layout, other: Layout) -> int:
    """Number of pixels that two layouts place alike."""
    return int(aligned(one.places, one.domain, other.places, other.domain).sum())


def _spread(layout: Layout, moments: Moments) -> Tensor:
    """Places of all inputs, from those of the live ones."""
    return _of_all(layout.places, moments)


def _of_all(values: Tensor, moments: Moments) -> Tensor:
    """Numbers of all inputs, −1 for those that are always the same."""
    found = torch.full((moments.dim,), -1)
    found[moments.live] = values
    return found


def correlated(first: Tensor, second: Tensor) -> float:
    """Agreement of the correlations of two sets off the diagonal, in standard errors.

    Args:
        first: correlations in some samples, ``(m, m)``.
        second: those in others.
    """
    upper = torch.triu_indices(len(first), len(first), 1)
    one, other = (part[upper[0], upper[1]] for part in (first, second))
    noise = (one.square().sum() * other.square().sum() / len(one)).sqrt()
    return float((one @ other) / noise) if noise > 0 else 0.0


def uneven(first: Tensor, second: Tensor) -> float:
    """Standard deviation over pixels of the variance, of its mean; without sampling errors.

    Args:
        first: variances in some samples, ``(m,)``.
        second: those in others.
    """
    one, other = first - first.mean(), second - second.mean()
    shared = float(one @ other) / len(one)
    return float(max(shared, 0.0) ** 0.5 / (first.mean() * second.mean()).sqrt())

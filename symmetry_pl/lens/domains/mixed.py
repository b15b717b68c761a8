"""Domains behind a rotation or another mixing: undo it, then put the components on a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.find import FoundDomain, correlated, translations, uneven
from symmetry_pl.lens.domains.moments import Moments, correlation_of
from symmetry_pl.lens.domains.nonnegative import (
    NEGATIVE,
    negative_share,
    nonnegative_rotation,
    nonnegative_unmixing,
)
from symmetry_pl.lens.domains.search import Layout, layout_of
from symmetry_pl.lens.domains.stationary import stationary_share
from symmetry_pl.lens.domains.two_valued import are_two_valued, two_valued_unmixing
from symmetry_pl.lens.domains.unmix import same_signs, unmixed
from symmetry_pl.lens.domains.windows import ONE_LAW, stationary_chain
from symmetry_pl.metrics.places import aligned, chance_level

__all__ = ["WAYS", "FoundMixedDomain", "Mixing", "find_mixed_domain"]

Mixing: TypeAlias = Literal["orthogonal", "linear"]
Way: TypeAlias = Literal["non-negative", "independent", "two-valued"]
_Unmix: TypeAlias = Callable[[Tensor, Tensor | None, int], Tensor]

WAYS: tuple[Way, ...] = ("non-negative", "independent", "two-valued")
"""What pixels are told apart by; checkpoints have their numbers."""

_HALVES = ((0, 2), (1, 3))  # quarters; rows in turn
_SAME = 0.5**0.5  # of two orthogonal bases, more than one row of the one is nearest to one
_SELDOM = (0.1, 0.002)  # a live pixel passes this part of its greatest value in so many samples
_SEEN = 8192
_SHORT = 5  # positions from which a chain can be made stationary


@dataclass(frozen=True)
class FoundMixedDomain(FoundDomain):
    """A hidden domain of components: ``places`` and all else are those of the rows of ``basis``.

    Attributes:
        basis: W, ``(d, d)``; row k gives component k. Orthogonal where the mixing is, but of
            two-valued pixels.
        half_bases: the same of either half, in an order of its own, ``(2, d, d)``.
        way: what components were told apart by.
    """

    basis: Tensor
    half_bases: Tensor
    way: Way

    def generators(self) -> Tensor:
        """W⁻¹ G W of the translations G of components, ``(g, d, d)``, float64."""
        return carried(translations(self.places, self.domain), self.basis)


def carried(moves: Tensor, basis: Tensor) -> Tensor:
    """W⁻¹ G W of maps G of components ``(g, d, d)``: what they do to the inputs."""
    found: Tensor = torch.linalg.solve(basis, moves @ basis)
    return found


def find_mixed_domain(x: Tensor, seed: int = 0, mixing: Mixing = "orthogonal") -> FoundMixedDomain:
    """Find the domain of pixels that one secret matrix has mixed.

    Pixels that have two values each are told apart by that, behind a rotation or any matrix
    (``two_valued_unmixing``); it is the way if rows that one half of the samples gives have two
    values in the other half too, nine tenths of them, and then the only one. Pixels that are never
    negative are told apart by their sign, however they depend on each other: behind a rotation by
    ``nonnegative_rotation``, behind any other matrix by ``nonnegative_unmixing``. Where that finds
    no domain and the mixing is a rotation, independent components are tried (``unmixed``), which
    are the pixels where the law is made of waveforms of one sign that are hardly wider than a
    pixel. The order of the pixels is what remains, and that is ``find_domain``. What unmixes is not
    symmetry. Each half of the samples is unmixed and searched by itself. Takes seconds at d = 100
    and nine CPU-minutes at 784, and before that the look for two values: on digits, which have
    some rows that do, 2 CPU-seconds at d = 100, 7 at 196 and 25 at 400.

    Limits. Samples of which a mean was taken off are no longer non-negative; natural images have
    no zeros. Halves then agree on something else, or on nothing, and the verdict says so as far as
    that shows.

    Args:
        x: samples, ``(n, d)``.
        seed: of the first rotations.
        mixing: ``orthogonal`` or ``linear``.

    Raises:
        ValueError: for samples that cannot be used, or another mixing.
    """
    check_choice("mixing", mixing, ("orthogonal", "linear"))
    moments = Moments(x)
    if len(moments.live) < moments.dim:
        raise ValueError(
            f"{moments.dim - len(moments.live)} of {moments.dim} inputs never change, and "
            "mixing reaches all of them: leave such inputs out"
        )
    x = x.detach().cpu()
    two = _two_valued(x, seed)
    if two is not None:
        return _found(x, moments, "two-valued", two_valued_unmixing, seed, two)
    if mixing == "linear":
        return _found(x, moments, "non-negative", _any_mixing, seed)
    first = nonnegative_rotation(x[::2], None, seed)
    if negative_share(x[1::2][:_SEEN], first) < NEGATIVE:
        found = _found(x, moments, "non-negative", nonnegative_rotation, seed, first)
        if found.verdict.found:
            return found
    return _found(x, moments, "independent", unmixed, seed)


def _two_valued(x: Tensor, seed: int) -> Tensor | None:
    """Rows of two values in one half of the samples, if they have two in the other half too."""
    try:
        basis = two_valued_unmixing(x[::2], None, seed)
    except ValueError:  # of singular samples other ways may say more
        return None
    return basis if are_two_valued(x[1::2], basis) else None


def _any_mixing(x: Tensor, start: Tensor | None, seed: int) -> Tensor:
    """Rows of the largest volume; those of a chain near them along which windows have one law."""
    basis = nonnegative_unmixing(x, start, seed)
    parts = [x[k::4].double() @ basis.T for k in range(4)]
    first, second = (torch.cat([parts[a], parts[b]]).T.corrcoef() for a, b in _HALVES)
    layout = layout_of((first + second) / 2, (first, second))
    whole = bool((layout.places >= 0).all()) and len(basis) >= _SHORT
    if not whole or layout.domain.axes[0] != (len(basis), "chain"):
        return basis
    chain, misfit = stationary_chain(x, basis[layout.places.argsort()])
    return chain if misfit < ONE_LAW else basis


def _found(
    x: Tensor,
    moments: Moments,
    way: Way,
    unmix: _Unmix,
    seed: int,
    first: Tensor | None = None,
) -> FoundMixedDomain:
    """What one way finds; ``first`` is what it makes of the first half, where that is known."""
    bases, layouts, alive, shares = [], [], [], []
    for number, (a, b) in enumerate(_HALVES):
        half = x[number::2]
        basis = first if number == 0 and first is not None else unmix(half, None, seed + number)
        if way != "non-negative":
            basis = _signed(basis, moments, (a, b))
        bases.append(basis)
        alive.append(_live(half, basis, way))
        chosen = basis[alive[-1]]
        layouts.append(_layout(moments, chosen, ((a,), (b,))))
        # places of each half on the correlations of the other
        one, other = (_correlation(moments, chosen, (k,)) for k in _HALVES[1 - number])
        shares.append(stationary_share(one, other, layouts[-1].places, layouts[-1].domain))
    whole = unmix(x, bases[0], seed)
    if way != "non-negative":
        whole = _signed(whole, moments, range(4))
    live = _live(x, whole, way)
    layout = _layout(moments, whole[live], _HALVES)
    halves = [_spread(one, on) for one, on in zip(layouts, alive, strict=True)]
    domains = (layouts[0].domain, layouts[1].domain)
    match = _agreement(bases, halves, domains)
    every = [layout, *layouts]
    pair = [_correlation(moments, bases[0][alive[0]], half) for half in _HALVES]
    variances = [
        (whole[live] @ moments.covariance(half) @ whole[live].T).diagonal() for half in _HALVES
    ]
    count = int(live.sum())
    figures = {
        "samples": float(moments.samples),
        "live": float(count),
        "correlated": correlated(*pair),
        "agreement": match / count,
        "p_value": chance_level(match, layout.domain),
        "completeness": min(one.completeness for one in every),
        "local": min(one.local for one in every),
        "stationary": sum(shares) / 2,
        "uneven": uneven(*variances),
    }
    return FoundMixedDomain(
        places=_spread(layout, live),
        live=live,
        domain=layout.domain,
        halves=torch.stack(halves),
        half_domains=domains,
        figures=figures,
        basis=whole,
        half_bases=torch.stack(bases),
        way=way,
    )


def _live(x: Tensor, basis: Tensor, way: Way) -> Tensor:
    """Which components are more than seldom far from zero, ``(d,)`` of bool."""
    if way != "non-negative":
        return torch.ones(len(basis), dtype=torch.bool)
    part, seldom = _SELDOM
    y = x[:: max(1, len(x) // _SEEN)].double() @ basis.T
    level = y.square().mean().sqrt()
    often = (y > part * y.amax(0).clamp(min=float(level))).double().mean(0)
    return often > seldom


def _spread(layout: Layout, live: Tensor) -> Tensor:
    """Places of all components, from those of the live ones."""
    places = torch.full((len(live),), -1)
    places[live] = layout.places
    return places


def _signed(basis: Tensor, moments: Moments, quarters: Sequence[int]) -> Tensor:
    """Rows with the signs that tie neighbours positively."""
    covariance = basis @ moments.covariance(quarters) @ basis.T
    return same_signs(covariance)[:, None] * basis


def _correlation(moments: Moments, basis: Tensor, quarters: tuple[int, ...]) -> Tensor:
    return correlation_of(basis @ moments.covariance(quarters) @ basis.T)


def _layout(
    moments: Moments, basis: Tensor, parts: tuple[tuple[int, ...], tuple[int, ...]]
) -> Layout:
    """The layout of components over two sets of quarters."""
    first, second = (_correlation(moments, basis, part) for part in parts)
    return layout_of(_correlation(moments, basis, parts[0] + parts[1]), (first, second))


def _agreement(bases: list[Tensor], halves: list[Tensor], domains: tuple[Domain, Domain]) -> int:
    """Number of components that both halves have, and put on the same place."""
    overlap = bases[0] @ torch.linalg.inv(bases[1])
    overlap = (overlap / overlap.norm(dim=1, keepdim=True)).abs()
    nearest = overlap.max(1)
    there = halves[1][nearest.indices]
    there = torch.where(nearest.values > _SAME, there, -1)
    return int(aligned(halves[0], domains[0], there, domains[1]).sum())

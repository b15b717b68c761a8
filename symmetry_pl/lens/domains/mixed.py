"""Domains behind a rotation: undo it by independent components, then put these on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens.domains.find import FoundDomain, correlated, translations, uneven
from symmetry_pl.lens.domains.moments import Moments, correlation_of
from symmetry_pl.lens.domains.search import Layout, layout_of
from symmetry_pl.lens.domains.stationary import stationary_share
from symmetry_pl.lens.domains.unmix import same_signs, unmixed
from symmetry_pl.metrics.places import aligned, chance_level

__all__ = ["FoundMixedDomain", "find_mixed_domain"]

_HALVES = ((0, 2), (1, 3))  # quarters; rows in turn
_SAME = 0.5**0.5  # of two orthogonal bases, more than one row of the one is nearest to one


@dataclass(frozen=True)
class FoundMixedDomain(FoundDomain):
    """A hidden domain of components: ``places`` and all else are those of the rows of ``basis``.

    Attributes:
        basis: W, ``(d, d)``, orthogonal; row k is the direction of component k.
        half_bases: the same of either half, in an order of its own, ``(2, d, d)``.
    """

    basis: Tensor
    half_bases: Tensor

    def generators(self) -> Tensor:
        """Wᵀ G W of the translations G of components, ``(g, d, d)``, float64."""
        moves = translations(self.places, self.domain)
        return self.basis.T @ moves @ self.basis


def find_mixed_domain(x: Tensor, seed: int = 0) -> FoundMixedDomain:
    """Find the domain of pixels that one secret rotation has mixed.

    Independent components (``unmixed``) are the pixels where the law is made of waveforms of one
    sign that are hardly wider than a pixel; their order and signs are what remains, and that is
    ``find_domain``. What is unmixed here is by independence, and not by symmetry. Each half of the
    samples is unmixed and searched by itself. Takes a second at d = 144 and 40,000 samples.

    Limits. Waveforms with edges of both signs, or wider than about 1.5 pixels, natural images, and
    digits in the middle of their image have other independent components than pixels. Halves then
    agree on something else, or on nothing, and the verdict says so as far as that shows.

    Args:
        x: samples, ``(n, d)``, of which no combination is constant.
        seed: of the first rotations.

    Raises:
        ValueError: for samples that cannot be used.
    """
    moments = Moments(x)
    if len(moments.live) < moments.dim:
        raise ValueError(
            f"{moments.dim - len(moments.live)} of {moments.dim} inputs never change, and a "
            "rotation mixes all of them: leave such inputs out"
        )
    x = x.detach().cpu()
    bases, layouts, shares = [], [], []
    for number, (a, b) in enumerate(_HALVES):
        basis = _signed(unmixed(x[number::2], seed=seed + number), moments, (a, b))
        layouts.append(_layout(moments, basis, ((a,), (b,))))
        bases.append(basis)
        first, second = (_correlation(moments, basis, (k,)) for k in _HALVES[1 - number])
        found = layouts[-1]
        shares.append(stationary_share(first, second, found.places, found.domain))
    whole = _signed(unmixed(x, start=bases[0]), moments, range(4))
    layout = _layout(moments, whole, _HALVES)
    match = _agreement(bases, layouts)
    every = [layout, *layouts]
    pair = [_correlation(moments, bases[0], half) for half in _HALVES]
    variances = [(whole @ moments.covariance(half) @ whole.T).diagonal() for half in _HALVES]
    figures = {
        "samples": float(moments.samples),
        "live": float(moments.dim),
        "correlated": correlated(*pair),
        "agreement": match / moments.dim,
        "p_value": chance_level(match, layout.domain),
        "completeness": min(one.completeness for one in every),
        "local": min(one.local for one in every),
        "stationary": sum(shares) / 2,
        "uneven": uneven(*variances),
    }
    return FoundMixedDomain(
        places=layout.places,
        live=torch.ones(moments.dim, dtype=torch.bool),
        domain=layout.domain,
        halves=torch.stack([one.places for one in layouts]),
        half_domains=(layouts[0].domain, layouts[1].domain),
        figures=figures,
        basis=whole,
        half_bases=torch.stack(bases),
    )


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


def _agreement(bases: list[Tensor], layouts: list[Layout]) -> int:
    """Number of components that both halves have, and put on the same place."""
    overlap = (bases[0] @ bases[1].T).abs()
    nearest = overlap.max(1)
    there = layouts[1].places[nearest.indices]
    there = torch.where(nearest.values > _SAME, there, -1)
    return int(aligned(layouts[0].places, layouts[0].domain, there, layouts[1].domain).sum())

r"""How sure a name is: tests of closure, of presence and of uniformity.

* *Closure*: products of the modes come back to modes. The statistic is the mean distance from
  products of pairs to the next mode, against sets of the identity and as many elements less one of
  the uniform law: a Monte Carlo test.
* *Presence*: no part of the group is empty. Each part's count is tested against what outliers, or
  for a continuous group a fifth of its uniform share, would give; the largest p counts, which is
  the intersection–union test of "some part is missing".
* *Uniformity*: a χ² test of the counts.
"""

from __future__ import annotations

import math

import torch
from scipy.stats import binom, chi2, poisson
from torch import Tensor

from symmetry_pl.groups.naming.circles import ARCS, circle_coordinates
from symmetry_pl.groups.naming.mixtures import Fit
from symmetry_pl.groups.naming.sample import Sample
from symmetry_pl.groups.rotations import angles_between, matrix_of, multiply

__all__ = [
    "all_present",
    "ball_counts",
    "closure_p_value",
    "even_p_value",
    "few",
    "hollow",
    "uniform_p_value",
]

SHARE = 0.2  # of the uniform share, below which a part of a group counts as missing
SURE = 0.01  # chance at which a missing part is taken for an accident
BALL = 0.06  # part of the group in a ball whose count is tested
_SETS = 499
_MOST_PAIRS = 100
_BALLS = 200
_PLACES = 1000


def closure_p_value(sample: Sample, modes: Tensor) -> float:
    """Chance that random elements are as closed as the modes ``(k, 4)``, the identity first."""
    k = len(modes)
    generator = torch.Generator().manual_seed(0)
    pairs = torch.cartesian_prod(torch.arange(1, k), torch.arange(1, k)).view(-1, 2)
    pairs = pairs[torch.randperm(len(pairs), generator=generator)[:_MOST_PAIRS]]
    found = _openness(modes, pairs)
    as_closed = 0
    for _ in range(_SETS):
        drawn = sample.uniform(k, generator)
        drawn[0] = modes.new_tensor([1.0, 0.0, 0.0, 0.0])
        as_closed += _openness(drawn, pairs) <= found
    return (1 + as_closed) / (1 + _SETS)


def few(counts: Tensor, expected: float, disjoint: bool = True) -> tuple[int, float]:
    """How many parts have less than a fifth of their share, and the chance of that by accident."""
    low = math.ceil(SHARE * expected) - 1
    missing = int((counts.round() <= low).sum())
    chance = float(poisson.cdf(low, expected))
    if not missing:
        return 0, 1.0
    if not disjoint:
        return missing, min(1.0, len(counts) * chance)
    return missing, float(binom.sf(missing - 1, len(counts), chance))


def all_present(counts: Tensor, empty: float) -> float:
    """Chance that a part which gets ``empty`` samples of its own had as many as the least one."""
    least = round(float(counts.min()))
    return float(poisson.sf(least - 1, max(empty, 1e-12))) if least > 0 else 1.0


def uniform_p_value(counts: Tensor, spreads: Tensor | None = None) -> float:
    r"""Of the test that all parts are as likely as each other.

    .. math:: \sum_k (c_k - \mu)^2 / (\mu\, s_k), \quad
        \mu = \textstyle\sum_k (c_k / s_k) / \sum_k (1 / s_k)

    is χ² with one degree less than there are parts, for counts of variance s_k times their mean.

    Args:
        counts: c, ``(k,)``.
        spreads: s, ``(k,)``; 1 if None.
    """
    if len(counts) < 2:
        return 1.0
    spread = torch.ones_like(counts) if spreads is None else spreads.clamp(min=1e-3)
    mean = (counts / spread).sum() / (1 / spread).sum()
    statistic = float(((counts - mean).square() / spread).sum() / mean.clamp(min=1e-9))
    return float(chi2.sf(statistic, len(counts) - 1))


def ball_counts(sample: Sample) -> Tensor:
    """Weights of the samples in balls of 6 % of the group about many elements, ``(200,)``."""
    centres = sample.uniform(_BALLS, torch.Generator().manual_seed(1))
    inside = angles_between(sample.q, centres) < _radius(sample)
    return sample.weights @ inside.double()


def even_p_value(sample: Sample) -> float:
    r"""Of a test that elements follow the uniform law.

    On SO(3) that of Rayleigh, 3 N \|mean R\|² being χ² with 9 degrees; in the plane χ² of arcs.
    """
    if sample.plane:
        place, _, flips = circle_coordinates(sample.q, torch.eye(3, dtype=torch.float64))
        arc = (place / (2 * math.pi) * ARCS).long().clamp(max=ARCS - 1) + ARCS * flips
        cells = ARCS * (2 if bool(sample.mirrors.any()) else 1)
        counts = torch.zeros(cells, dtype=place.dtype).index_add(0, arc, sample.weights)
        return uniform_p_value(counts)
    mean = (sample.weights[:, None, None] * matrix_of(sample.q)).sum(0) / sample.count
    return float(chi2.sf(float(3 * sample.count * mean.square().sum()), 9))


def hollow(sample: Sample, fit: Fit) -> float:
    """The part of the group where the density of a law about points is below a fifth of uniform."""
    places = sample.uniform(_PLACES, torch.Generator().manual_seed(2))
    m, square = sample.tangent, angles_between(places, fit.elements).square()
    peak = sample.log_volume - m / 2 * math.log(2 * math.pi * fit.jitter**2)
    bumps = torch.exp(peak - square / (2 * fit.jitter**2)) @ fit.shares
    return float((fit.outliers + (1 - fit.outliers) * bumps < SHARE).double().mean())


def _radius(sample: Sample) -> float:
    """Of a ball of that part of the group, by halving."""
    low, high = 0.0, math.pi
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if sample.within(middle) < BALL else (low, middle)
    return high


def _openness(modes: Tensor, pairs: Tensor) -> float:
    products = multiply(modes[pairs[:, 0]], modes[pairs[:, 1]])
    return float(angles_between(products, modes).amin(1).mean()) if len(pairs) else math.inf

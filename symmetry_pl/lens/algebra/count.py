"""How many generators a law has: a test of the rank of its equations."""

from __future__ import annotations

from typing import NamedTuple

import torch
from scipy.stats import gamma
from torch import Tensor

from symmetry_pl.lens.algebra.equations import Directions, mean_equations, residuals, solve
from symmetry_pl.lens.algebra.moment_functions import FunctionBank

__all__ = ["Count", "count_generators"]

_ROWS = 4000  # samples that the variance of the statistic is taken from


class Count(NamedTuple):
    """Of how many generators the samples do not disagree.

    Args:
        generators: g, the largest number up to which no test has refused.
        p_kept: of the test of g generators; 1 for g = 0, which is no hypothesis.
        p_refused: of the test of g + 1; 0 if there are no more matrices.
    """

    generators: int
    p_kept: float
    p_refused: float


class _Statistic(NamedTuple):
    value: float
    mean: float
    variance: float


def count_generators(bank: FunctionBank, z: Tensor, level: float) -> Count:
    r"""Test 1, 2, … generators in turn, and stop at the first number that is refused.

    One half of the samples ``(n, d)`` gives g directions Θ, weights R and the space L that the
    other directions' equations do not reach; on the other half

    .. math:: T = n\, \|L^\top R\, \bar A\, \Theta\|^2

    is noise alone if g generators leave the law alone: errors of Θ are seen through the other
    directions only, which L does not see (as in the rank test of Kleibergen and Paap, 2006). Both
    halves take both parts. T is compared with the gamma law of its mean and variance
    (Satterthwaite), both from the scatter of single samples.

    Args:
        bank: what the law is tested with.
        z: whitened samples.
        level: probability of refusing what is true, of each test.
    """
    halves = z[::2], z[1::2]
    fits = [solve(bank, half) for half in halves]
    others = [(half, mean_equations(bank, half)) for half in reversed(halves)]
    most, kept = z.shape[1] ** 2, 1.0
    for g in range(1, most):
        parts = [_statistic(bank, fit, *other, g) for fit, other in zip(fits, others, strict=True)]
        value, mean, variance = (sum(column) for column in zip(*parts, strict=True))
        p = float(gamma.sf(value, mean**2 / variance, scale=variance / mean))
        if p < level:
            return Count(g - 1, kept, p)
        kept = p
    return Count(most - 1, kept, 0.0)


def _statistic(bank: FunctionBank, fit: Directions, z: Tensor, mean: Tensor, g: int) -> _Statistic:
    """T with the mean and the variance that it has under the hypothesis."""
    rest = fit.root @ fit.mean @ fit.basis[g:].flatten(1).T
    orthogonal = torch.linalg.qr(rest, mode="complete")[0]
    left = orthogonal[:, rest.shape[1] :].T @ fit.root
    shift = left @ mean @ fit.basis[:g].flatten(1).T
    some = z[:_ROWS]
    noise = torch.einsum("ef,nfg->neg", left, residuals(bank, some, fit.basis[:g])).flatten(1)
    noise = noise - noise.mean(0)
    gram = noise @ noise.T
    energies = gram.diagonal()
    n = len(some)
    # samples with themselves would add the fourth moment
    square = (gram.square().sum() - energies.square().sum()) / (n * (n - 1))
    return _Statistic(
        float(len(z) * shift.square().sum()), float(energies.mean()), float(2 * square)
    )

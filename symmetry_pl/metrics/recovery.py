"""How alike images that were recovered from scrambled pixels are to the true ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.information import Reduce

__all__ = [
    "image_correlation",
    "image_correlation_floor",
    "shift_correlation",
    "turned_axes",
]

_DRAWS = 5  # random rotations that the floor is a mean over


def turned_axes(found: Domain, truth: Domain) -> Iterator[Tensor]:
    """Orders ``(d,)`` of found positions that put their axes in the order of the true ones.

    None where lengths or topologies of axes differ.

    >>> grid = Domain(((2, "chain"), (3, "chain")))
    >>> [order.tolist() for order in turned_axes(grid, Domain(grid.axes[::-1]))]
    [[0, 3, 1, 4, 2, 5]]
    """
    places = torch.arange(found.size).view([length for length, _ in found.axes])
    for order in permutations(range(found.dimensions)):
        if tuple(found.axes[axis] for axis in order) == truth.axes:
            yield places.permute(order).flatten()


def image_correlation(
    images: Tensor,
    found: Domain,
    true_images: Tensor,
    truth: Domain,
    reduce: Reduce | None = None,
) -> float:
    """Mean Pearson correlation of recovered and true images, over pixels of each sample.

    Of all symmetries of the grid (8 of a square) and both signs the best counts, one for all
    samples; images without variance, found or true, do not. 1 at best, 0 where shapes differ.

    Args:
        images: ``(B, d)``.
        found: positions of their pixels.
        true_images: of the same samples, ``(B, d)``.
        truth: positions of theirs.
        reduce: sum over processes, for the mean over the samples of all.

    >>> x = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))
    >>> round(image_correlation(-x.flip(1), Domain.line(6), x, Domain.line(6)), 6)
    1.0
    """
    one, other = _normalised(images), _normalised(true_images)
    shown = one.any(1) & other.any(1)
    products, count = one[shown].T @ other[shown], shown.sum().double()
    if reduce is not None:
        products, count = reduce(products), reduce(count)
    products = products / count.clamp_min(1)
    pixels = torch.arange(truth.size, device=products.device)
    scores = [
        products[axes[order].to(products.device), pixels].sum().abs()
        for axes in turned_axes(found, truth)
        for order in truth.orders()
    ]
    return float(max(scores, default=torch.zeros(())))


def shift_correlation(signals: Tensor, true_signals: Tensor, reduce: Reduce | None = None) -> float:
    r"""Mean over samples of the best Pearson correlation of any cyclic shift, either way round.

    .. math:: \frac{1}{B} \sum_b \max_{k, \pm} |\rho(y_{b, \pm t + k}, s_{b, t})|

    r of signals on a line as Efe and Özakın (2026) count it: each sample has a shift of its own,
    and samples without variance count 0. Its ceiling is that of the truth with itself, the share of
    samples that are not blank; its floor is high, as a shift is searched.

    Args:
        signals: recovered, ``(B, d)``.
        true_signals: of the same samples, ``(B, d)``.
        reduce: sum over processes.

    >>> x = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))
    >>> round(shift_correlation(-x.flip(1).roll(2, 1), x), 6)
    1.0
    """
    one, other = (torch.fft.rfft(_normalised(part)) for part in (signals, true_signals))
    ways = torch.stack([one * other.conj(), one.conj() * other.conj()], 1)
    best = torch.fft.irfft(ways, signals.shape[1]).abs().amax((1, 2))
    total, count = best.sum(), best.new_tensor(len(best))
    if reduce is not None:
        total, count = reduce(total), reduce(count)
    return float(total / count.clamp_min(1))


def image_correlation_floor(
    true_images: Tensor, truth: Domain, reduce: Reduce | None = None
) -> float:
    """The same of random rotations of the true images: what chance makes of the best of all."""
    generator = torch.Generator().manual_seed(0)
    size = truth.size
    found = []
    for _ in range(_DRAWS):
        normal = torch.randn(size, size, generator=generator, dtype=torch.float64)
        turn = torch.linalg.qr(normal).Q.to(true_images)
        found.append(image_correlation(true_images @ turn, truth, true_images, truth, reduce))
    return sum(found) / _DRAWS


def _normalised(images: Tensor) -> Tensor:
    """Each row less its mean, of length 1; 0 where it is constant, to rounding."""
    wide = images.double()
    centred = wide - wide.mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    return torch.where(length > 1e-6 * wide.norm(dim=1, keepdim=True), centred / length, 0.0)

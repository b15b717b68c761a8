"""The energy distance of two samples, and of a sample to itself after a move."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from symmetry_pl.metrics.dealt import GatheredPairs

__all__ = ["EnergyDistance", "energy_distance"]

_MOST = 1500  # samples a side; distances are between each two


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    r"""Share of the distances between two samples that is not within them (Székely and Rizzo).

    .. math:: 1 - \frac{E\|a - a'\| + E\|b - b'\|}{2\, E\|a - b\|}

    0 if and only if the laws are equal; pairs are of two different samples.

    Args:
        a: ``(N, d)``, two rows at least.
        b: ``(M, d)``, two rows at least.

    Returns:
        A scalar; up to 1 and, by chance, slightly below 0.

    >>> energy_distance(torch.zeros(2, 1), torch.ones(2, 1))
    tensor(1.)
    """
    within = sum(torch.cdist(c, c).sum() / (len(c) * (len(c) - 1)) for c in (a, b))
    return 1 - within / (2 * torch.cdist(a, b).mean())


class EnergyDistance(GatheredPairs):
    """Keeps inputs and targets, to compare one half of them, moved, with the other half.

    Args:
        kwargs: as of ``torchmetrics.Metric``.
    """

    def between(
        self, move: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Distance of the even samples, moved, to the odd ones, and the same without the move.

        Columns are in units of their standard deviation among the odd samples.
        """
        x, y = self.compute()
        half = min(len(x) // 2, _MOST)
        even, odd = (x[: 2 * half : 2], y[: 2 * half : 2]), (x[1::2][:half], y[1::2][:half])
        other = torch.cat(odd, 1).double()
        scale = other.std(0).clamp(min=1e-12)
        mine, still = (torch.cat(pair, 1).double() / scale for pair in (move(*even), even))
        return energy_distance(mine, other / scale), energy_distance(still, other / scale)

"""How much prototypes still tell of the transformation, and how much of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

__all__ = ["PrototypeSpread", "magnitude", "relative_magnitude"]

_ROUNDING = 1e-5  # a mean squared distance is 0 below this share of the mean square


class PrototypeSpread(Metric):
    r"""Spread of the prototypes of K transformed copies of an image ÷ spread of the copies.

    .. math:: W = \frac{1}{N K}\sum_{n,k} \|p_{nk} - \bar p_n\|^2, \qquad
        D = \operatorname{mean}_{n \ne m,\, k,\, l} \|p_{nk} - p_{ml}\|^2

    and the same of the copies. ``compute`` returns a dict of scalars without dimension:

    - ``prototype_spread``: W of the prototypes ÷ W of the copies: 0 for perfect prototypes, 1 where
      nothing is learned.
    - ``prototype_spread_median``: the median over images of the same ratio of one image; a few
      images whose prototype flips count little in it. Images whose copies are all equal are left
      out.
    - ``prototype_distance``: D of the prototypes ÷ D of the copies: below 1 they tell less of the
      image, by being small or alike.
    - ``prototype_spread_relative``: W / D of the prototypes ÷ W / D of the copies. Prototypes that
      shrink do not lower it; it is infinite where all prototypes are one.

    All are over the images of all batches and processes, D over all their pairs. What has too
    few images (D needs two) is NaN.

    Args:
        kwargs: as of ``torchmetrics.Metric``.

    >>> copies = torch.randn(8, 5, 1, 4, 4)  # 8 copies of 5 images
    >>> spread = PrototypeSpread()
    >>> spread.update(0.5 * copies, copies)
    >>> for name, value in spread.compute().items():
    ...     print(name, round(value.item(), 3))
    prototype_spread 0.25
    prototype_spread_median 0.25
    prototype_distance 0.25
    prototype_spread_relative 1.0
    """

    full_state_update = False
    higher_is_better = False
    is_differentiable = False
    within: Tensor
    means: Tensor
    count: Tensor
    totals: list[Tensor]
    ratios: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Sums over images, of prototypes and of copies: meanₖ ‖pₙₖ − p̄ₙ‖² and ‖p̄ₙ‖².
        self.add_state("within", torch.zeros(2), dist_reduce_fx="sum")
        self.add_state("means", torch.zeros(2), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")
        # Σ p̄ₙ, flat, one vector a process: one that has seen no image does not know its length.
        self.add_state("totals", [], dist_reduce_fx="cat")
        self.add_state("pixels", torch.tensor(0), dist_reduce_fx="max")
        self.add_state("ratios", [], dist_reduce_fx="cat")

    def update(self, prototypes: Tensor, copies: Tensor) -> None:
        """Add prototypes and the copies they are of, ``(K, B, C, H, W)`` or ``(K, B, n, d)``."""
        if prototypes.shape != copies.shape or copies.ndim not in (4, 5) or len(copies) < 2:
            raise ValueError(
                "prototypes and copies must have one shape (K, B, C, H, W) or (K, B, n, d) "
                "with K of at least 2, "
                f"got {tuple(prototypes.shape)} and {tuple(copies.shape)}."
            )
        p = torch.stack([prototypes.detach(), copies.detach()]).flatten(3)
        # Half precision is too coarse for sums; with the background at 0 they cancel less.
        p = 1 + p.to(torch.promote_types(p.dtype, torch.float32))
        mean = p.mean(1)
        deviations = (p - mean.unsqueeze(1)).square().sum(3).mean(1)
        self.within = self.within + deviations.sum(1)
        self.means = self.means + mean.square().sum((1, 2))
        self.count = self.count + copies.shape[1]
        self.pixels = torch.full_like(self.count, p.shape[-1])
        self.totals = [sum(self.totals, mean.sum(1).flatten())]
        vary = deviations[1] > 0
        self.ratios.append(deviations[0, vary] / deviations[1, vary])

    def compute(self) -> dict[str, Tensor]:
        """The figures over all batches, scalars by name."""
        spread = self.within[0] / self.within[1]
        between = self._between()
        distance = between[0] / between[1]
        relative = torch.where(distance == 0, float("inf"), spread / distance)
        ratios = dim_zero_cat(self.ratios) if len(self.ratios) else self.within[:0]
        median = ratios.quantile(0.5) if len(ratios) else spread.new_tensor(math.nan)
        return {
            "prototype_spread": spread,
            "prototype_spread_median": median,
            "prototype_distance": distance,
            "prototype_spread_relative": relative,
        }

    def _between(self) -> Tensor:
        """D of prototypes and of copies, ``(2,)``, up to one factor."""
        if self.count < 2:
            return self.within.new_full((2,), float("nan"))
        totals = dim_zero_cat(self.totals).view(-1, 2, int(self.pixels)).sum(0)
        squares = self.count * (self.within + self.means)
        between = squares - self.within - totals.square().sum(1)
        return torch.where(between > _ROUNDING * squares, between, 0.0)


class _Chart(Protocol):
    """The coordinates of a group of ``symmetry_pl.groups``."""

    bounds: tuple[float, ...]
    periods: tuple[float | None, ...]

    def coordinates(self, element: Tensor) -> Tensor: ...


def magnitude(group: _Chart, element: Tensor) -> Tensor:
    """Mean |η| over images of every coordinate, in units of its bound.

    Coordinates with a period are brought within half of it. A coordinate that is never drawn has
    no unit and counts as 0.

    Args:
        group: whose elements they are.
        element: ``(B, …)``.

    Returns:
        ``(dim,)``, of the group's coordinates.
    """
    eta = group.coordinates(element)
    bounds = eta.new_tensor(group.bounds)
    # The remainder by infinity, where there is no period, is the number itself.
    periods = eta.new_tensor([math.inf if p is None else p for p in group.periods])
    size = torch.remainder(eta.abs(), periods)
    size = torch.minimum(size, periods - size)
    return torch.where(bounds > 0, size.mean(0) / bounds, 0.0)


def relative_magnitude(group: _Chart, elements: Sequence[Tensor]) -> Tensor:
    """Mean |η| of every iterate of the inference ÷ that of the first (SGM, Fig. 11).

    With f(x), f(x̂), f of the prototype's prototype, … the second and later ratios are 0 for a
    perfect f. A first iterate that is the identity for every image has found nothing, so that
    then all ratios are 1, not 0.

    Args:
        group: whose elements they are.
        elements: of the first iterate, the second, …, each ``(B, …)``.

    Returns:
        ``(len(elements),)``; the first is 1.
    """
    means = torch.stack([magnitude(group, element).sum() for element in elements])
    return torch.where(means[0] > 0, means / means[0], 1.0)

"""Scores of inferred transformations that no change of all prototypes alike can better."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

__all__ = ["CopyTransport", "PrototypeRetrieval"]

_BLANK = 1e-6  # standard deviation of pixels below which a picture shows nothing


class CopyTransport(Metric):
    r"""How far a copy of an image, carried onto another by inferred elements, is from it.

    With copies x_a = T_{g_a} x and x_b = T_{g_b} x, and h = f of each,

    .. math:: \frac{\sum \|T_{h_b} T_{h_a}^{-1} x_a - x_b\|^2}{\sum \|x_a - x_b\|^2}

    and the same with the true g in place of h, which is the floor, and with the elements of another
    pair. 0 is a perfect copy, 1 is what leaving x_a where it is gives.

    It sees elements only, never a prototype, and has one value for f and for f' = c then f, with
    any element c, even another one for each image: prototypes of f' are those of f under c⁻¹,
    shrunk, magnified, turned or pushed out of the frame, while

    .. math:: T_{h'_b} T_{h'_a}^{-1} = T_{h_b} T_c T_c^{-1} T_{h_a}^{-1} = T_{h_b} T_{h_a}^{-1}.

    On the other side, f then c, the product becomes its conjugate by c, which carries x_a to a
    wrong place unless the two commute. Conversely, where all copies are carried right, all copies
    of an image have one prototype, up to the image's own symmetries.

    Args:
        kwargs: as of ``torchmetrics.Metric``.

    >>> x = torch.randn(3, 4, 1, 5, 5)
    >>> metric = CopyTransport()
    >>> metric.update(x.roll(1, 0), still=x, carried=x, truly=x.roll(1, 0), other=x)
    >>> {name: round(float(value), 3) for name, value in metric.compute().items()}
    {'transport_error': 1.0, 'transport_error_floor': 0.0, 'transport_error_random': 1.0}
    """

    full_state_update = False
    higher_is_better = False
    is_differentiable = False
    errors: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("errors", torch.zeros(4), dist_reduce_fx="sum")

    def update(
        self, target: Tensor, still: Tensor, carried: Tensor, truly: Tensor, other: Tensor
    ) -> None:
        """Add pairs, all of one shape.

        Args:
            target: x_b.
            still: x_a.
            carried: x_a, moved by the inferred elements.
            truly: x_a, moved by the true elements.
            other: x_a, moved by the inferred elements of another pair.

        Raises:
            ValueError: for different shapes.
        """
        given = (still, carried, truly, other)
        if any(image.shape != target.shape for image in given):
            raise ValueError(
                "pairs must be images of one shape, got "
                f"{[tuple(image.shape) for image in (target, *given)]}"
            )
        errors = [(image.float() - target.float()).square().sum() for image in given]
        self.errors = self.errors + torch.stack(errors)

    def compute(self) -> dict[str, Tensor]:
        """``transport_error``, its floor and that of elements of another pair."""
        still, carried, truly, other = self.errors.unbind()
        return {
            "transport_error": carried / still,
            "transport_error_floor": truly / still,
            "transport_error_random": other / still,
        }


class PrototypeRetrieval(Metric):
    r"""The share of copies whose most similar prototype is that of their own image's first copy.

    .. math:: \frac{1}{N (K - 1)} \sum_{n,\, k > 1}
        \bigl[\, n = \arg\max_m \cos(p_{nk} - \bar p_{nk},\; p_{m1} - \bar p_{m1}) \bigr]

    The cosine knows neither brightness nor contrast; a prototype that shows nothing is as similar
    to all, and counts 1/N. Chance is 1/N, and 1 the best.

    Args:
        kwargs: as of ``torchmetrics.Metric``.

    >>> metric = PrototypeRetrieval()
    >>> metric.update(torch.randn(1, 6, 1, 4, 4).expand(3, -1, -1, -1, -1))
    >>> float(metric.compute()["retrieval"])
    1.0
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False
    prototypes: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("prototypes", [], dist_reduce_fx="cat")

    def update(self, prototypes: Tensor) -> None:
        """Add prototypes ``(K, B, C, H, W)`` of K ≥ 2 copies of B images.

        Raises:
            ValueError: for another shape.
        """
        if prototypes.ndim != 5 or len(prototypes) < 2:
            raise ValueError(
                f"prototypes must be (K, B, C, H, W) with K of at least 2, got "
                f"{tuple(prototypes.shape)}"
            )
        flat = prototypes.detach().float().flatten(2).transpose(0, 1)
        centred = flat - flat.mean(-1, keepdim=True)
        size = centred.norm(dim=-1, keepdim=True)
        shows = size > _BLANK * centred.shape[-1] ** 0.5
        self.prototypes.append(torch.where(shows, centred / size.clamp(min=1e-30), 0.0))

    def compute(self) -> dict[str, Tensor]:
        """``retrieval`` and ``retrieval_chance``."""
        found = dim_zero_cat(self.prototypes)
        likeness = torch.einsum("nkd,md->knm", found[:, 1:], found[:, 0])
        own = likeness.diagonal(dim1=1, dim2=2)
        best = likeness >= likeness.amax(2, keepdim=True)
        # of equally similar ones each is the nearest with the same probability
        hit = (own >= likeness.amax(2)).float() / best.sum(2)
        return {"retrieval": hit.mean(), "retrieval_chance": hit.new_tensor(1 / len(found))}

"""Conditional information bottleneck: a CVAE whose code is also compressed against X."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from symmetry_pl.core import reduction
from symmetry_pl.information import pairwise_kl
from symmetry_pl.stib.cvae import CVAE


class CVIB(CVAE):
    r"""CVAE plus an upper bound of I(Z;X) (Moyer et al., 2018).

    .. math:: w_{KL}\,KL + \lambda\,\bigl(w_x \|x - \hat x(z, y)\|^2 +
        w_p\, \tfrac{1}{B^2} \textstyle\sum_{ij} KL(q(z|x_i)\,\|\,q(z|x_j))\bigr)

    As I(Z;Y) ≤ I(Z;X) for the chain Y – X – Z, and the decoder is given Y, what is compressed
    first is what tells of Y.

    Args:
        pair_weight: w_p.
        kwargs: options of ``CVAE``; the published code has ``kl_weight`` 0.1 and ``x_weight`` 2.
    """

    def __init__(self, pair_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pair_weight < 0:
            raise ValueError(f"pair_weight must not be negative, got {pair_weight}")
        self.pair_weight = pair_weight

    def penalty(self, mean: Tensor, log_std: Tensor) -> dict[str, Tensor]:
        """The pairwise bound over the global batch, in nats."""
        bound = pairwise_kl(mean, 2 * log_std, reduce=reduction())
        return {"pairwise_kl": self.pair_weight * bound}

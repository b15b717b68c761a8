"""Random group elements exp(Σ z_c L_c) of trainable Lie algebra generators."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from symmetry_pl.core.registry import check_choice

__all__ = ["CoefficientLaw", "LieAlgebra", "channel_correlation", "coefficients"]

CoefficientLaw: TypeAlias = Literal["normal", "uniform", "integers"]
"""What the coefficients z of a group element are drawn from."""


def coefficients(normal: Tensor, law: CoefficientLaw, scale: float) -> Tensor:
    """Coefficients of a law, of standard normal numbers of the same shape.

    ``normal``: N(0, scale²). ``uniform``: in (−scale, scale). ``integers``: whole numbers of
    −⌊scale⌋ … ⌊scale⌋ − 1, each as likely (as the published code draws them).

    >>> coefficients(torch.tensor([-9.0, 0.0, 9.0]), "integers", 2.0).tolist()
    [-2.0, 0.0, 1.0]
    """
    if law == "normal":
        return scale * normal
    share = torch.special.ndtr(normal.double())
    if law == "uniform":
        found: Tensor = scale * (2 * share - 1)
    else:
        most = math.floor(scale)
        found = (2 * most * share).floor().clamp(max=2 * most - 1) - most
    return found.to(normal)


class LieAlgebra(nn.Module):
    r"""Generators L_c of a Lie algebra, free matrices.

    .. math:: g = \exp\Bigl(\sum_c z_c L_c\Bigr)

    L starts normal with variance 2/n (He et al.), as published.

    Args:
        n: size of the matrices.
        channels: number of generators.
        law: of the coefficients z.
        scale: of the law.
        mask: ``(n, n)`` of 0 and 1: entries of L that may differ from 0; all if null.

    Raises:
        ValueError: for no channel, another law, a scale it cannot have, or a mask of another size.
    """

    def __init__(
        self,
        n: int,
        channels: int = 1,
        law: CoefficientLaw = "normal",
        scale: float = 1.0,
        mask: list[list[int]] | None = None,
    ) -> None:
        super().__init__()
        check_choice("model.coefficient_law", law, get_args(CoefficientLaw))
        if channels < 1 or not scale >= (1 if law == "integers" else 0):
            raise ValueError(
                "model.channels must be at least 1 and model.coefficient_scale positive, at least "
                f"1 for integers, got {channels} and {scale}"
            )
        entries = torch.ones(n, n) if mask is None else torch.tensor(mask, dtype=torch.float32)
        if entries.shape != (n, n):
            raise ValueError(f"model.mask must be {n} rows of {n} entries, as vectors have {n}")
        self.law: CoefficientLaw = law
        self.scale = scale
        self.free = nn.Parameter(torch.randn(channels, n, n) * math.sqrt(2 / n))
        self.mask: Tensor
        self.register_buffer("mask", entries, persistent=False)

    @property
    def channels(self) -> Tensor:
        """L ``(c, n, n)``."""
        return self.free * self.mask.to(self.free)

    def forward(self, normal: Tensor) -> Tensor:
        """Elements ``(B, n, n)`` of standard normal numbers ``(B, c)``."""
        z = coefficients(normal, self.law, self.scale)
        elements: Tensor = torch.matrix_exp(torch.einsum("bc,cij->bij", z, self.channels))
        return elements


def channel_correlation(algebra: Tensor) -> Tensor:
    r"""How far generators are from orthogonal, LieGAN's ``channel_corr``.

    .. math:: \sum_{c < c'} n\, |\cos(L_c, L_{c'})|

    The published code scales each L to a squared norm of n.

    Args:
        algebra: ``(c, n, n)``.

    Returns:
        A scalar, 0 for one channel.
    """
    n = algebra.shape[-1]
    norms = algebra.flatten(1).norm(dim=1)[:, None, None]
    unit = algebra / (norms / math.sqrt(n) + 1e-6)
    products = torch.einsum("cij,dij->cd", unit, unit)
    return products.triu(1).abs().sum()

"""LieGAN: a Lie algebra whose random group elements a discriminator cannot notice."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from symmetry_pl.core.distributed import all_reduce_sum, world_size
from symmetry_pl.lens.adversarial import AdversarialGenerator
from symmetry_pl.lens.lie_algebra import CoefficientLaw, LieAlgebra, channel_correlation

__all__ = ["LieGAN", "away_from_identity"]


class LieGAN(AdversarialGenerator):
    r"""Generators L_c of a continuous group, g = exp(Σ z_c L_c) with random z (Yang et al., 2023).

    .. math:: \min_L\; -E \log D(g x, y) + \lambda\, R + \mu\, \|L\|_p + \eta \sum_{c<c'} n\,
        |\cos(L_c, L_{c'})|

    with R one of |E cos(g x, x)|, −min(‖L‖, c n) and −min(E |(g x − x) / x|, 1), which keep g away
    from the identity. Defaults are those of the published code. The scale of L means nothing where
    z is normal: a discriminator sees samples that are averaged over z.

    Args:
        channels: number of generators c.
        coefficient_law: of z: ``normal``, ``uniform`` or ``integers``.
        coefficient_scale: standard deviation, largest value, or one above the largest integer.
        regulariser: ``cosine``, ``norm`` or ``rel_diff``, in this order above.
        regularisation: λ.
        sparsity: μ.
        sparsity_norm: p.
        correlation: η.
        mask: entries of L that may differ from 0, as rows of 0 and 1; all if null.
        kwargs: options of ``AdversarialGenerator``.

    Raises:
        ValueError: for an option that cannot be.
    """

    def __init__(
        self,
        channels: int = 1,
        coefficient_law: CoefficientLaw = "normal",
        coefficient_scale: float = 1.0,
        regulariser: Literal["cosine", "norm", "rel_diff"] = "cosine",
        regularisation: float = 1e-2,
        sparsity: float = 0.0,
        sparsity_norm: float = 2.0,
        correlation: float = 1.0,
        mask: list[list[int]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.group: LieAlgebra

    def configure_group(self, n: int) -> nn.Module:
        """The generators, free n × n matrices."""
        given = self.hparams
        law, scale = given["coefficient_law"], given["coefficient_scale"]
        return LieAlgebra(n, given["channels"], law, scale, given["mask"])

    @property
    def coefficients(self) -> int:
        """c, one coefficient a generator."""
        return int(self.hparams["channels"])

    def elements(self, normal: Tensor) -> Tensor:
        """Elements ``(B, n, n)`` of normal numbers ``(B, c)``."""
        found: Tensor = self.group(normal)
        return found

    def algebra(self) -> Tensor:
        """L ``(c, n, n)``."""
        return self.group.channels

    def generators(self) -> Tensor:
        """exp(L_c) ``(c, n, n)``, on the whole sample if that is one vector."""
        elements: Tensor = torch.matrix_exp(self.algebra())
        return elements

    def penalty(self, x: Tensor, seen: Tensor, moved: Tensor) -> dict[str, Tensor]:
        """λ R, and where they count μ ‖L‖ and η times the correlation."""
        given, algebra = self.hparams, self.algebra()
        away = away_from_identity(given["regulariser"], seen, moved, algebra)
        terms = {"regularisation": given["regularisation"] * away}
        if given["sparsity"]:
            norm = algebra.flatten().norm(p=given["sparsity_norm"])
            terms["sparsity"] = given["sparsity"] * norm
        if given["correlation"] and len(algebra) > 1:
            terms["correlation"] = given["correlation"] * channel_correlation(algebra)
        return terms


def away_from_identity(
    kind: Literal["cosine", "norm", "rel_diff"], x: Tensor, moved: Tensor, algebra: Tensor
) -> Tensor:
    r"""LieGAN's R: less is farther from the identity.

    Args:
        kind: ``cosine``, \|E cos(g x, x)\|; ``norm``, −min(‖L‖, c n); ``rel_diff``,
            −min(E \|(g x − x) / x\|, 1).
        x: samples ``(B, b n)``.
        moved: the same after g.
        algebra: ``(c, n, n)``.

    Returns:
        A scalar, over all processes.
    """
    channels, n, _ = algebra.shape
    if kind == "norm":
        size: Tensor = algebra.norm()
        return -size.clamp(max=float(channels * n))
    a, b = (part.view(len(x), -1, n) for part in (moved, x))
    if kind == "cosine":
        return _mean(cosine_similarity(a, b, dim=2)).abs()
    change: Tensor = _mean(((a - b) / b).abs())
    return -change.clamp(max=1.0)


def _mean(values: Tensor) -> Tensor:
    """Mean over the samples of all processes, which have as many each."""
    return all_reduce_sum(values.mean()) / world_size()
